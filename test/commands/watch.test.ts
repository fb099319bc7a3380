import { expect, test } from 'vitest';
import { GENERIC_COMMANDS } from '../../src/commands/generic.ts';
import { STRING_COMMANDS } from '../../src/commands/string.ts';
import { WATCH_COMMANDS } from '../../src/commands/watch.ts';
import { isWatchStale, unwatchKey } from '../../src/keyspace/watch-ops.ts';
import { LocalRunner } from '../support/local-runner.ts';

function newRunner(): LocalRunner {
  return new LocalRunner([...STRING_COMMANDS, ...GENERIC_COMMANDS, ...WATCH_COMMANDS]);
}

/** Whether the key watched last was changed since. */
function isStale(runner: LocalRunner, name: string): boolean {
  const { db, version } = runner.watched.at(-1)!;
  const bytes = new TextEncoder().encode(name);
  const shard = runner.context.locate(bytes, 0, bytes.length);
  return isWatchStale(shard, db, runner.context.key2, version);
}

const CHANGES: readonly (readonly [string, boolean, string])[] = [
  ['nothing', false, 'GET a'],
  ['another key', false, 'SET b 1'],
  ['SET', true, 'SET a 2'],
  ['DEL', true, 'DEL a'],
  ['DEL of an absent key', false, 'DEL nokey'],
  ['EXPIRE', true, 'EXPIRE a 100'],
  ['PERSIST without a TTL', false, 'PERSIST a'],
  ['RENAME from it', true, 'RENAME a b'],
  ['RENAME to it', true, 'RENAME source a'],
  ['COPY from it', false, 'COPY a b'],
  ['COPY to it', true, 'COPY source a REPLACE'],
  ['MOVE', true, 'MOVE a 1'],
  ['FLUSHDB', true, 'FLUSHDB'],
  ['FLUSHALL', true, 'FLUSHALL'],
  ['SWAPDB', true, 'SWAPDB 0 1'],
];

test.each(CHANGES)('a watched key and %s: stale %s', (_, expected, command) => {
  const runner = newRunner();
  runner.run('SET', 'a', '1');
  runner.run('SET', 'source', '1');
  expect(runner.run('WATCH', 'b0', 'a')).toBe('+OK\r\n');
  runner.run(...command.split(' '));
  expect(isStale(runner, 'a')).toBe(expected);
});

test('a key that expires after WATCH counts as changed, one that had expired does not', () => {
  const runner = newRunner();
  runner.run('SET', 'a', '1');
  runner.run('PEXPIRE', 'a', '10');
  runner.run('WATCH', 'a');
  expect(isStale(runner, 'a')).toBe(false);
  runner.advance(10);
  expect(isStale(runner, 'a')).toBe(true);
  runner.run('SET', 'c', '1');
  runner.run('PEXPIRE', 'c', '10');
  runner.advance(10);
  runner.run('WATCH', 'c');
  expect(isStale(runner, 'c')).toBe(false);
});

test('UNWATCH leaves nothing behind', () => {
  const runner = newRunner();
  for (let i = 0; i < 100; i++) runner.run('WATCH', `key:${i}`, `key:${i}`);
  expect(runner.watched.length).toBe(200);
  for (const { shard, db, lo, hi } of runner.watched) unwatchKey(runner.shards[shard]!, db, lo, hi);
  for (const shard of runner.shards) {
    expect(shard.watch.isEmpty).toBe(true);
    for (const { lo } of runner.watched) expect(shard.interest.has(lo)).toBe(false);
  }
});

test('WATCH in a full arena is refused and leaves no interest behind', () => {
  const runner = new LocalRunner([...STRING_COMMANDS, ...WATCH_COMMANDS], {
    shards: 1,
    arenaBytes: 1 << 20,
  });
  for (const size of [100_000, 3000, 400, 1]) {
    for (let i = 0; runner.run('SET', `${size}:${i}`, 'x'.repeat(size)) === '+OK\r\n'; ) i += 1;
  }
  expect(runner.run('WATCH', 'a').startsWith('-OOM ')).toBe(true);
  expect(runner.watched).toEqual([]);
  runner.context.locate(new TextEncoder().encode('a'), 0, 1);
  expect(runner.shards[0]!.interest.has(runner.context.key2.lo)).toBe(false);
});
