/** LATENCY: spikes by their cause, and how long the calls of each command took. */
import { latencyDoctor, latencyGraph } from './latency-report.ts';
import { container, textsFrom } from './session-reply.ts';
import type { SessionCommandSpec, SessionContext } from './spec.ts';

function cmdLatencyHistory(ctx: SessionContext): void {
  const { samples } = ctx.server.insight.latencyHistory(ctx.text(2));
  ctx.reply.array(samples.length);
  for (const { unixSeconds, ms } of samples) {
    ctx.reply.array(2);
    ctx.reply.integer(unixSeconds);
    ctx.reply.integer(ms);
  }
}

function cmdLatencyLatest(ctx: SessionContext): void {
  const { reply } = ctx;
  const events = ctx.server.insight.latencyEvents();
  reply.array(events.length);
  for (const { event, maxMs, samples } of events) {
    const latest = samples[samples.length - 1]!;
    reply.array(4);
    reply.bulkLatin1(event);
    reply.integer(latest.unixSeconds);
    reply.integer(latest.ms);
    reply.integer(maxMs);
  }
}

function cmdLatencyReset(ctx: SessionContext): void {
  ctx.reply.integer(ctx.server.insight.latencyReset(textsFrom(ctx, 2)));
}

function cmdLatencyGraph(ctx: SessionContext): void {
  const history = ctx.server.insight.latencyHistory(ctx.text(2));
  if (history.samples.length === 0) {
    ctx.reply.error(`ERR No samples available for event '${ctx.text(2)}'`);
    return;
  }
  ctx.reply.verbatim(latencyGraph(history, ctx.state.nowMs), 'txt');
}

function cmdLatencyDoctor(ctx: SessionContext): void {
  ctx.reply.verbatim(latencyDoctor(ctx.server.insight), 'txt');
}

function cmdLatencyHistogram(ctx: SessionContext): void {
  const { reply } = ctx;
  const asked = textsFrom(ctx, 2).map((name) => name.toLowerCase());
  const all = ctx.server.insight.latencyHistograms();
  // A container stands for its sub-commands.
  const shown =
    asked.length === 0
      ? all
      : asked.flatMap((name) =>
          all.filter((command) => command.name === name || command.name.startsWith(`${name}|`)),
        );
  reply.map(shown.length);
  for (const { name, calls, histogram } of shown) {
    reply.bulkLatin1(name);
    reply.map(2);
    reply.bulkLatin1('calls');
    reply.integer(calls);
    reply.bulkLatin1('histogram_usec');
    reply.map(histogram.length);
    for (const [micros, count] of histogram) {
      reply.integer(micros);
      reply.integer(count);
    }
  }
}

const FLAGS = ['admin', 'noscript', 'loading', 'stale'] as const;

export const LATENCY_COMMAND: SessionCommandSpec = container(
  {
    name: 'latency',
    summary: 'Contains the commands about latency.',
    since: '2.8.13',
    group: 'server',
    acl: [],
    helpSince: '2.8.13',
    help: [
      'DOCTOR',
      '    Reports on the spikes of latency, and what may help.',
      'GRAPH <event>',
      '    Draws the samples of an event.',
      'HISTOGRAM [<command> ...]',
      '    Shows how long the calls of the given commands took, or of all: the numbers of calls',
      '    that took no longer than so many microseconds.',
      'HISTORY <event>',
      '    Shows the samples of an event: unix time and milliseconds.',
      'LATEST',
      '    Shows the latest sample of every event: event, unix time, milliseconds, maximum.',
      'RESET [<event> ...]',
      '    Forgets the samples of the given events, or of all.',
    ],
  },
  [
    {
      name: 'doctor',
      summary: 'Reports on spikes of latency.',
      since: '2.8.13',
      arity: 2,
      flags: FLAGS,
      run: cmdLatencyDoctor,
    },
    {
      name: 'graph',
      summary: 'Draws the samples of a latency event.',
      since: '2.8.13',
      arity: 3,
      flags: FLAGS,
      syntax: 'event',
      run: cmdLatencyGraph,
    },
    {
      name: 'histogram',
      summary: 'Returns how the times of the calls of commands are distributed.',
      since: '7.0.0',
      arity: -2,
      flags: FLAGS,
      syntax: '[command [command ...]]',
      run: cmdLatencyHistogram,
    },
    {
      name: 'history',
      summary: 'Returns the samples of a latency event.',
      since: '2.8.13',
      arity: 3,
      flags: FLAGS,
      syntax: 'event',
      run: cmdLatencyHistory,
    },
    {
      name: 'latest',
      summary: 'Returns the latest sample of every latency event.',
      since: '2.8.13',
      arity: 2,
      flags: FLAGS,
      run: cmdLatencyLatest,
    },
    {
      name: 'reset',
      summary: 'Forgets the samples of latency events.',
      since: '2.8.13',
      arity: -2,
      flags: FLAGS,
      syntax: '[event [event ...]]',
      run: cmdLatencyReset,
    },
  ],
);
