/** What the log makes of consumer groups when it is replayed: as they were. */
import { describe, expect, test } from 'vitest';
import { ALL_COMMANDS } from '../../src/commands/registry.ts';
import { decodeReply } from '../support/decode-reply.ts';
import { CLOCK_START_MS, LocalRunner } from '../support/local-runner.ts';
import { parseLog, Recorder, replay, resetRunner } from '../support/recorder.ts';
import { STREAM_GROUP_ROWS } from './log-rows-stream.ts';

const OPTIONS = { arenaBytes: 1 << 24, shards: 2 };
/** Words of XINFO whose values the log does not have. */
const TIMES = ['seen-time', 'active-time'];

const recorder = new Recorder(ALL_COMMANDS, OPTIONS);
const fresh = new LocalRunner(ALL_COMMANDS, OPTIONS);
const words = (text: string): string[] => text.split(' ');

/** A reply without the values of `TIMES`. */
function withoutTimes(reply: unknown): unknown {
  if (!Array.isArray(reply)) return reply;
  return reply.filter((_, i) => !TIMES.includes(reply[i - 1])).map(withoutTimes);
}

function groupsOf(runner: LocalRunner): unknown {
  return withoutTimes(decodeReply(runner.run('XINFO', 'STREAM', 's', 'FULL', 'COUNT', 0)));
}

describe('after a replay', () => {
  test.each(STREAM_GROUP_ROWS.map(([before, command]) => [command, before] as const))(
    '%s after %j',
    (command, before) => {
      recorder.reset();
      for (const text of before) recorder.run(...words(text));
      recorder.runner.advance(5);
      recorder.run(...words(command));
      const log = parseLog(recorder.takeBytes());
      resetRunner(fresh);
      replay(fresh, log);
      expect(groupsOf(fresh)).toEqual(groupsOf(recorder.runner));
      fresh.checkInvariants();
    },
  );
});

test('consumers of a replayed log were seen at the start, not in 1970', () => {
  resetRunner(fresh);
  const started = Date.now();
  replay(fresh, [
    ['XADD', 's', '1-1', 'f', 'v'],
    ['XGROUP', 'CREATE', 's', 'g', '0'],
    ['XGROUP', 'CREATECONSUMER', 's', 'g', 'a'],
    words(`XCLAIM s g b 0 1-1 TIME ${CLOCK_START_MS} RETRYCOUNT 1 FORCE JUSTID LASTID 1-1`),
  ]);
  fresh.state.setTime(Date.now());
  const idle = decodeReply(fresh.run('XINFO', 'CONSUMERS', 's', 'g')) as unknown[][];
  expect(idle.map((one) => [one[1], one[3]])).toEqual([
    ['a', 0],
    ['b', 1],
  ]);
  const longest = Date.now() - started;
  expect(idle[0]![5]).toBeLessThanOrEqual(longest);
  expect(idle[1]![7]).toBeLessThanOrEqual(longest);
  expect(idle[0]![7]).toBe(-1);
});
