import { expect, it } from 'vitest';
import { ALL_COMMANDS } from '../../src/commands/registry.ts';
import { LocalRunner } from '../support/local-runner.ts';

const MEMBERS = 30_000;

function scored(count: number): string[] {
  return Array.from({ length: count }, (_, i) => [
    String((i * 7919) % count),
    `member:${i}`,
  ]).flat();
}

it('a shard is short of room while much of it waits to be freed', () => {
  const runner = new LocalRunner(ALL_COMMANDS, { shards: 1, arenaBytes: 1 << 22 });
  const shard = runner.shards[0]!;
  runner.run('ZADD', 'first', ...scored(MEMBERS));
  runner.run('ZADD', 'small', ...scored(1000));
  expect(shard.isShortOfRoom).toBe(false);
  runner.run('DEL', 'small');
  expect(shard.lazy.isEmpty).toBe(false);
  expect(shard.isShortOfRoom).toBe(false);
  expect(runner.run('COPY', 'first', 'second')).toBe(':1\r\n');
  expect(shard.isShortOfRoom).toBe(true);
  // There is no room for a third one before the second has gone.
  expect(runner.run('DEL', 'second')).toBe(':1\r\n');
  expect(runner.run('COPY', 'first', 'third')).toMatch(/^-OOM /);
  expect(shard.isShortOfRoom).toBe(true);
  while (shard.isShortOfRoom) shard.lazy.step(1);
  while (!shard.lazy.step(1000));
  runner.checkInvariants();
  expect(runner.run('COPY', 'first', 'third')).toBe(':1\r\n');
  expect(shard.isShortOfRoom).toBe(false);
  runner.checkInvariants();
  expect(runner.run('ZCARD', 'third')).toBe(`:${MEMBERS}\r\n`);
});
