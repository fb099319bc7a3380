/** Loading snapshot files, by one thread and in parts: every type, refusals, damage. */
import { expect, test } from 'vitest';
import { RdbInput } from '../../src/durability/rdb-input.ts';
import { skipValue } from '../../src/durability/rdb-skip.ts';
import { checkSnapshot } from '../../src/durability/snapshot-check.ts';
import { damageRounds } from '../fuzz/rdb-damage.ts';
import { LocalRunner } from '../support/local-runner.ts';
import { withRandom } from '../support/random.ts';
import { bytesOf, DATA_COMMANDS, length, string } from './payload.ts';
import {
  fileOf,
  keyOf,
  loadDirectly,
  loadInParts,
  NEW_KEYS,
  newKeyspace,
  OLD_KEYS,
  partsOf,
  sourceOf,
  uncheckedFileOf,
} from './rdb-files.ts';

const ALL_KEYS = [...OLD_KEYS, ...NEW_KEYS];
const ALL_TYPES = fileOf('0012', ...partsOf(ALL_KEYS));

test.each([
  ['two builders', []],
  ['the reader builds, too', [1, 2]],
  ['the reader builds all', [0, 1, 2, 3]],
])('every type, in parts: %s', (_, own) => {
  const direct = newKeyspace(4);
  const parts = newKeyspace(4);
  const expected = { problem: null, keys: ALL_KEYS.length - 1, expired: 1 };
  expect(loadDirectly(direct, ALL_TYPES)).toEqual(expected);
  expect(loadInParts(parts, ALL_TYPES, own)).toEqual(expected);
  expect(parts.run('DEBUG', 'DIGEST')).toBe(direct.run('DEBUG', 'DIGEST'));
  parts.checkInvariants();
  parts.db = 3;
  expect(parts.run('HGETALL', 'hexpiry')).toBe(
    '*4\r\n$1\r\nf\r\n$1\r\nv\r\n$1\r\ng\r\n$1\r\n5\r\n',
  );
});

test('passing over a value ends where reading it ends', () => {
  for (const key of ALL_KEYS) {
    const input = new RdbInput().open(bytesOf(key, [1, 2, 3]), 0, key.length + 3);
    let type = input.byte();
    while (type >= 248) {
      if (type === 252) input.skip(8);
      else if (type === 253) input.skip(4);
      else input.skip(1);
      type = input.byte();
    }
    input.string();
    expect(skipValue(input, type)).toBe(true);
    expect(input.position).toBe(key.length);
  }
});

test('a value that is cut off cannot be passed over', () => {
  const [key] = [keyOf('k', 4, [2], string('f'), string('v'), string('g'), string('w'))];
  for (let end = 3; end < key.length; end++) {
    const input = new RdbInput().open(key, 3, end);
    expect(skipValue(input, 4)).toBe(false);
    expect(input.isShort).toBe(true);
  }
});

test('a value larger than the window is routed in pieces', () => {
  const large = Buffer.alloc(3_000_000, 'abcdefghijk');
  const file = fileOf('0010', keyOf('large', 0, string(large)), keyOf('k', 0, string('v')));
  const runner = newKeyspace(2);
  expect(loadInParts(runner, file, [])).toEqual({ problem: null, keys: 2, expired: 0 });
  expect(runner.run('STRLEN', 'large')).toBe(':3000000\r\n');
});

test('a forged number of keys takes no more memory than the file is long', () => {
  const forged = [251, 0x81, 0, 0, 0xff, 0, 0, 0, 0, 0, 0];
  const file = fileOf('0010', [254, 0], forged, keyOf('k', 0, string('v')));
  for (const load of [loadDirectly, (r: Runner, b: Buffer) => loadInParts(r, b, [1])]) {
    const runner = newKeyspace(4);
    expect(load(runner, file)).toEqual({ problem: null, keys: 1, expired: 0 });
    expect(runner.shards.every((shard) => shard.dict(0).bucketCount <= 4)).toBe(true);
    runner.checkInvariants();
  }
});

test('a true number of keys makes tables that need not grow', () => {
  const keys = Array.from({ length: 5000 }, (_, i) => keyOf(`k${i}`, 0, string('value of a key')));
  const head = [[254, 0], [251], length(5000), length(0)];
  const file = fileOf('0010', ...head, ...keys, [254, 2, 251], length(5000), length(0), keys[0]!);
  const runner = newKeyspace(4);
  expect(loadInParts(runner, file, [2])).toEqual({ problem: null, keys: 5001, expired: 0 });
  expect(runner.run('DBSIZE')).toBe(':5000\r\n');
  for (const shard of runner.shards) expect(shard.dict(0).isResizing).toBe(false);
  runner.checkInvariants();
});

test('collections without elements are left out', () => {
  const file = fileOf(
    '0010',
    keyOf('list', 1, [0]),
    keyOf('set', 2, [0]),
    keyOf('hash', 4, [0]),
    keyOf('zset', 5, [0]),
    keyOf('quicklist', 18, [0]),
    keyOf('listpack', 16, string([7, 0, 0, 0, 0, 0, 255])),
    keyOf('k', 0, string('v')),
  );
  for (const load of [loadDirectly, (r: Runner, b: Buffer) => loadInParts(r, b, [])]) {
    const runner = newKeyspace(2);
    expect(load(runner, file)).toEqual({ problem: null, keys: 1, expired: 0 });
    expect(runner.run('DBSIZE')).toBe(':1\r\n');
  }
});

type Runner = ReturnType<typeof newKeyspace>;

test.each([
  ['a listpack', keyOf('k', 16, string('nonsense')), 'Hash listpack integrity check failed.'],
  ['a key twice', keyOf('twice', 0, string('v')), "RDB has duplicated key 'twice' in DB 0"],
  ['a stream', keyOf('s', 15, [1, 1, 0, 1, 0]), 'Stream listpack integrity check failed.'],
  ['a stream of 7.0', keyOf('s', 19, [0, 1, ...new Array(9).fill(0)]), 'Stream listpack integrity'],
  ['a stream of 7.2', keyOf('s', 21, [0, 1, ...new Array(9).fill(0)]), 'Stream listpack integrity'],
  [
    'a stream of 8.6',
    keyOf('s', 26, [0, 1, ...new Array(14).fill(0)]),
    'Stream listpack integrity',
  ],
  ['a type of no kind', keyOf('k', 8, [0]), 'Unknown RDB encoding type 8'],
  ['a forged length', keyOf('k', 0, [0x81, 0, 0, 1, 0, 0, 0, 0, 0]), 'Unexpected EOF'],
  ['a forged count', keyOf('k', 2, [0x81, 0, 0, 1, 0, 0, 0, 0, 0]), 'Unexpected EOF'],
  ['a forged LZF length', keyOf('k', 0, [0xc3, 2, 0x80, 0x3f, 0, 0, 0, 0, 0]), 'Value integrity'],
])('%s is refused by place', (_, key, text) => {
  const front = keyOf('twice', 0, string('v'));
  const file = fileOf('0010', front, key);
  for (const own of [[], [0, 1]]) {
    const { problem } = loadInParts(newKeyspace(2), file, own);
    expect(problem?.text.slice(0, text.length)).toBe(text);
    const { offset } = problem!;
    expect(offset).toBeGreaterThanOrEqual(9 + front.length);
    expect(offset).toBeLessThanOrEqual(file.length);
  }
});

test('a data set that does not fit is refused', () => {
  const noise = Buffer.from(Array.from({ length: 300_000 }, (_, i) => Math.imul(i, i) >>> 7));
  const file = fileOf('0010', ...[1, 2, 3, 4].map((i) => keyOf(`k${i}`, 0, string(noise))));
  const runner = new LocalRunner(DATA_COMMANDS, { shards: 1, arenaBytes: 1 << 20 });
  const { problem } = loadInParts(runner, file, []);
  expect(problem?.text).toBe('OOM: the data set does not fit into memory');
  runner.checkInvariants();
});

test('what the tool says of a good file', () => {
  const lines: string[] = [];
  const file = fileOf('0012', ...partsOf(ALL_KEYS));
  const options = {
    path: 'x.rdb',
    nowMs: 1_900_000_000_000,
    write: (line: string) => lines.push(line),
  };
  expect(checkSnapshot(sourceOf(file), options)).toBe(true);
  expect(lines).toEqual([
    '[offset 0] Checking RDB file x.rdb',
    "[offset 27] AUX FIELD redis-ver = '7.0.15'",
    "[offset 39] AUX FIELD ctime = '1610612736'",
    '[offset 41] Selecting DB ID 0',
    expect.stringMatching(/^\[offset \d+\] Selecting DB ID 3$/),
    `[offset ${file.length}] Checksum OK`,
    `[offset ${file.length}] \\o/ RDB looks OK! \\o/`,
    `[info] ${ALL_KEYS.length} keys read`,
    '[info] 3 expires',
    '[info] 1 already expired',
  ]);
});

test('what the tool says of a file that breaks off', () => {
  const lines: string[] = [];
  const file = uncheckedFileOf('0010', keyOf('k', 0, string('v')), keyOf('l', 1, [2], string('a')));
  const options = { path: 'x.rdb', nowMs: 0, write: (line: string) => lines.push(line) };
  expect(checkSnapshot(sourceOf(file.subarray(0, 19)), options)).toBe(false);
  expect(lines).toEqual([
    '[offset 0] Checking RDB file x.rdb',
    '--- RDB ERROR DETECTED ---',
    '[offset 18] Unexpected EOF reading RDB file',
    '[additional info] While doing: read-object-value',
    "[additional info] Reading key 'l'",
    '[additional info] Reading type 1 (list-linked)',
    '[info] 2 keys read',
    '[info] 0 expires',
    '[info] 0 already expired',
  ]);
});

test('ten thousand damaged files: refused by place, or loaded whole', async () => {
  await withRandom(async (random) => {
    const counts = damageRounds(random, 10_000);
    expect(counts.refused + counts.loaded).toBe(10_000);
    expect(counts.refused).toBeGreaterThan(1000);
    expect(counts.loaded).toBeGreaterThan(1000);
  });
});
