/** What LATENCY GRAPH and LATENCY DOCTOR make of the samples of latency events. */
import { SPARKLINE_WIDTH, sparkline } from '../base/sparkline.ts';
import type { InsightServices, LatencyHistory, LatencySample } from './insight-services.ts';

/** An age in the largest unit that it has at least one of: `12s`, `3m`, `5h`, `2d`. */
export function shortAge(seconds: number): string {
  if (seconds < 60) return `${Math.max(0, seconds)}s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)}m`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3600)}h`;
  return `${Math.floor(seconds / 86_400)}d`;
}

/** The chart of an event with at least one sample; under each column its age. */
export function latencyGraph(history: LatencyHistory, nowMs: number): string {
  const { event, maxMs, samples } = history;
  const times = samples.map(({ ms }) => ms);
  const nowSeconds = Math.floor(nowMs / 1000);
  const columns = samples.map(({ unixSeconds, ms }) => ({
    value: ms,
    label: shortAge(nowSeconds - unixSeconds),
  }));
  const high = Math.max(...times);
  const low = Math.min(...times);
  return (
    `${event} - high ${high} ms, low ${low} ms (all time high ${maxMs} ms)\n` +
    `${'-'.repeat(SPARKLINE_WIDTH)}\n${sparkline(columns)}`
  );
}

/** Figures about the samples of one event. */
interface Figures {
  readonly count: number;
  readonly averageMs: number;
  /** Average distance from the average. */
  readonly deviationMs: number;
  /** Average number of seconds between two samples; 0 with one sample. */
  readonly periodSeconds: number;
}

function figures(samples: readonly LatencySample[]): Figures {
  const count = samples.length;
  const averageMs = samples.reduce((sum, { ms }) => sum + ms, 0) / count;
  const distance = samples.reduce((sum, { ms }) => sum + Math.abs(ms - averageMs), 0);
  const seconds = samples[count - 1]!.unixSeconds - samples[0]!.unixSeconds;
  return {
    count,
    averageMs,
    deviationMs: distance / count,
    periodSeconds: count > 1 ? seconds / (count - 1) : 0,
  };
}

/** What helps against an event, where something in the hands of the operator does. */
function advice(event: string, { slowerThanMicros }: InsightServices): readonly string[] {
  switch (event) {
    case 'command':
      return [
        slowerThanMicros < 0
          ? 'Switch the log of slow commands on: CONFIG SET slowlog-log-slower-than 10000.'
          : 'Look for the commands in SLOWLOG GET.',
        'MEMORY BIGKEYS names keys whose commands may take long.',
      ];
    case 'fast-command':
      return [
        'Commands of constant time were slow: the machine did not let the threads run.',
        'Look for other programs, swapping, or a limit on CPU time of the control group.',
      ];
    case 'aof-write':
    case 'aof-fsync':
    case 'aof-fsync-always':
    case 'aof-rename':
      return [
        'The disk is slow. Compare appendfsync everysec with always, see whether rewrites or',
        'snapshots run at that time, and what else writes to the same disk.',
      ];
    case 'eviction-cycle':
      return ['Memory is at its limit: raise maxmemory, or lower maxmemory-eviction-tenacity.'];
    case 'expire-cycle':
      return ['Many keys, or large ones, expire at one time: spread their times to live.'];
    case 'active-defrag-cycle':
      return ['Lower active-defrag-cycle-max, or switch activedefrag off.'];
    default:
      return [];
  }
}

/** The report of LATENCY DOCTOR. */
export function latencyDoctor(insight: InsightServices): string {
  if (insight.latencyThresholdMs === 0) {
    return (
      'Latency is not monitored: latency-monitor-threshold is 0. Set it to the milliseconds\n' +
      'that are too long for clients, for example CONFIG SET latency-monitor-threshold 100.\n'
    );
  }
  const events = insight.latencyEvents();
  if (events.length === 0) {
    return (
      `No latency spike of ${insight.latencyThresholdMs} ms or more was seen since the monitor ` +
      'was switched on or reset.\n'
    );
  }
  const title = `Latency spikes of ${insight.latencyThresholdMs} ms or more, by their cause:`;
  const lines = [title, ''];
  events.forEach(({ event, samples, maxMs }, i) => {
    const { count, averageMs, deviationMs, periodSeconds } = figures(samples);
    const period = periodSeconds === 0 ? '' : `, one in ${periodSeconds.toFixed(1)} s`;
    lines.push(
      `${i + 1}. ${event}: ${count} ${count === 1 ? 'spike' : 'spikes'} (average ` +
        `${averageMs.toFixed(0)} ms, mean deviation ${deviationMs.toFixed(0)} ms${period}). ` +
        `Worst ever: ${maxMs} ms.`,
    );
  });
  const hints = [...new Set(events.flatMap(({ event }) => advice(event, insight)))];
  if (hints.length !== 0) lines.push('', 'What may help:', ...hints.map((hint) => `- ${hint}`));
  return `${lines.join('\n')}\n`;
}
