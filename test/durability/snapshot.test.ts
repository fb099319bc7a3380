/** DEBUG RELOAD and the snapshot files that it writes and reads. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { KeyspaceLoader } from '../../src/durability/snapshot-load.ts';
import { SnapshotReader } from '../../src/durability/snapshot-read.ts';
import { TOUCH_LFU } from '../../src/keyspace/thread-state.ts';
import { LocalRunner } from '../support/local-runner.ts';
import { withRandom } from '../support/random.ts';
import { bytesOf, crcOf, DATA_COMMANDS, length, little, string } from './payload.ts';

const OK = '+OK\r\n';
const LOAD_ERROR = '-ERR Error trying to load the RDB dump: ';
const EXPIRES_MS = 1_850_000_000_000;

let directory = '';

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'tessera-snapshot-'));
});

afterEach(() => {
  rmSync(directory, { recursive: true, force: true });
});

function newRunner(shards = 4): LocalRunner {
  const runner = new LocalRunner(DATA_COMMANDS, { shards, arenaBytes: 1 << 25 });
  runner.state.limits.snapshotPath = join(directory, 'dump.rdb');
  return runner;
}

/** Keys of all types and encodings in three databases. */
function fill(runner: LocalRunner): void {
  const many = Array.from({ length: 1000 }, (_, i) => `element:${i}`);
  for (const db of [0, 3, 15]) {
    runner.db = db;
    for (let i = 0; i < 100; i++) runner.run('SET', `key:${db}:${i}`, i % 2 === 0 ? i : `v${i}`);
    runner.run('SET', 'expires', 'x', 'PXAT', EXPIRES_MS);
    runner.run('SET', 'k'.repeat(70_000), 'long key');
    runner.run('SET', '', 'empty key');
    runner.run('RPUSH', 'list', 'a', '1');
    runner.run('RPUSH', 'large list', ...many);
    runner.run('SADD', 'intset', '1', '2', '70000');
    runner.run('SADD', 'set', 'a', 'b');
    runner.run('SADD', 'large set', ...many);
    runner.run('HSET', 'hash', 'a', '1');
    runner.run('HSET', 'large hash', ...many);
    runner.run('ZADD', 'zset', '1.5', 'a', '-inf', 'b');
    runner.run('ZADD', 'large zset', ...many.flatMap((name, i) => [String(i / 3), name]));
    runner.run('EXPIREAT', 'large zset', EXPIRES_MS / 1000);
  }
  runner.db = 0;
}

const digest = (runner: LocalRunner): string => runner.run('DEBUG', 'DIGEST');
const file = (): Buffer => readFileSync(join(directory, 'dump.rdb'));

describe.each([1, 4])('%i shards', (shards) => {
  test('what was there is there again, and nothing else', () => {
    const runner = newRunner(shards);
    fill(runner);
    const before = digest(runner);
    const sizes = [runner.run('DBSIZE'), runner.run('PEXPIRETIME', 'expires')];
    expect(runner.run('DEBUG', 'RELOAD')).toBe(OK);
    expect(digest(runner)).toBe(before);
    expect([runner.run('DBSIZE'), runner.run('PEXPIRETIME', 'expires')]).toEqual(sizes);
    runner.checkInvariants();
    expect(readdirSync(directory)).toEqual(['dump.rdb']);
    expect(file().subarray(0, 9).toString()).toBe('REDIS0010');
    expect(runner.run('OBJECT', 'ENCODING', 'intset')).toBe('$6\r\nintset\r\n');
    expect(runner.run('OBJECT', 'ENCODING', 'set')).toBe('$8\r\nlistpack\r\n');
  });

  test('another server has the same data', () => {
    const runner = newRunner(shards);
    fill(runner);
    expect(runner.run('DEBUG', 'RELOAD')).toBe(OK);
    const other = newRunner(5 - shards);
    other.run('SET', 'goes', 'away');
    expect(other.run('DEBUG', 'RELOAD', 'NOSAVE')).toBe(OK);
    expect(digest(other)).toBe(digest(runner));
    other.checkInvariants();
  });
});

test('fields that expire, in a file of the version that has them', () => {
  const runner = newRunner();
  runner.run('HSET', 'h', 'a', '1', 'b', '2');
  runner.run('HPEXPIREAT', 'h', EXPIRES_MS, 'FIELDS', '1', 'a');
  const before = digest(runner);
  expect(runner.run('DEBUG', 'RELOAD')).toBe(OK);
  expect(digest(runner)).toBe(before);
  expect(runner.run('HPEXPIRETIME', 'h', 'FIELDS', '2', 'a', 'b')).toBe(
    `*2\r\n:${EXPIRES_MS}\r\n:-1\r\n`,
  );
  expect(file().subarray(0, 9).toString()).toBe('REDIS0012');
  runner.checkInvariants();
});

test('an empty server', () => {
  const runner = newRunner();
  expect(runner.run('DEBUG', 'RELOAD')).toBe(OK);
  expect(runner.run('DBSIZE')).toBe(':0\r\n');
});

test('expired keys are left out, those of later are not', () => {
  const runner = newRunner();
  runner.run('SET', 'soon', 'x', 'PX', '100');
  runner.run('SET', 'later', 'x', 'PX', '100000');
  runner.advance(100);
  expect(runner.run('DEBUG', 'RELOAD')).toBe(OK);
  expect(runner.run('DBSIZE')).toBe(':1\r\n');
  expect(runner.run('PTTL', 'later')).toBe(':99900\r\n');
});

test('NOSAVE, NOFLUSH and MERGE', () => {
  const runner = newRunner();
  runner.run('SET', 'a', 'saved');
  expect(runner.run('DEBUG', 'RELOAD')).toBe(OK);
  runner.run('SET', 'a', 'changed');
  runner.run('SET', 'b', 'new');
  expect(runner.run('DEBUG', 'RELOAD', 'NOSAVE', 'NOFLUSH')).toMatch(
    /RDB has duplicated key 'a' in DB 0, at offset \d+\r\n$/,
  );
  expect(runner.run('DEBUG', 'RELOAD', 'nosave', 'noflush', 'merge')).toBe(OK);
  expect(runner.run('MGET', 'a', 'b')).toBe('*2\r\n$5\r\nsaved\r\n$3\r\nnew\r\n');
  expect(runner.run('DEBUG', 'RELOAD', 'NOSAVE')).toBe(OK);
  expect(runner.run('MGET', 'a', 'b')).toBe('*2\r\n$5\r\nsaved\r\n$-1\r\n');
  expect(runner.run('DEBUG', 'RELOAD', 'WHAT')).toBe(
    '-ERR DEBUG RELOAD only supports the MERGE, NOFLUSH and NOSAVE options.\r\n',
  );
});

test('without a file, or a place for one, nothing is lost', () => {
  const runner = newRunner();
  runner.run('SET', 'a', 'v');
  expect(runner.run('DEBUG', 'RELOAD', 'NOSAVE')).toMatch(/^-ERR Error trying to load .*ENOENT/);
  expect(runner.run('GET', 'a')).toBe('$1\r\nv\r\n');
  runner.state.limits.snapshotPath = join(directory, 'none', 'dump.rdb');
  expect(runner.run('DEBUG', 'RELOAD')).toMatch(/^-ERR Error trying to save .*ENOENT/);
  expect(runner.run('GET', 'a')).toBe('$1\r\nv\r\n');
  runner.state.limits.snapshotPath = directory;
  expect(runner.run('DEBUG', 'RELOAD')).toMatch(/^-ERR Error trying to save /);
  expect(statSync(directory).isDirectory()).toBe(true);
});

test('times of last access and access counters', () => {
  const runner = newRunner();
  runner.state.limits.maxmemoryPolicy = 'allkeys-lru';
  runner.run('SET', 'a', 'v');
  runner.advance(50_000);
  expect(runner.run('DEBUG', 'RELOAD')).toBe(OK);
  expect(runner.run('OBJECT', 'IDLETIME', 'a')).toBe(':50\r\n');
  runner.state.limits.maxmemoryPolicy = 'allkeys-lfu';
  runner.state.policyTouchMode = TOUCH_LFU;
  runner.state.touchMode = TOUCH_LFU;
  const dumped = runner.run('DUMP', 'a');
  const payload = Buffer.from(dumped.slice(dumped.indexOf('\r\n') + 2, -2), 'latin1');
  runner.run('RESTORE', 'b', '0', payload, 'FREQ', '200');
  expect(runner.run('DEBUG', 'RELOAD')).toBe(OK);
  expect(runner.run('OBJECT', 'FREQ', 'b')).toBe(':200\r\n');
});

test('without checksum and compression', () => {
  const runner = newRunner();
  runner.state.limits.rdbChecksum = false;
  runner.state.limits.rdbCompression = false;
  fill(runner);
  const before = digest(runner);
  expect(runner.run('DEBUG', 'RELOAD')).toBe(OK);
  expect(digest(runner)).toBe(before);
  expect(
    file()
      .subarray(-8)
      .every((byte) => byte === 0),
  ).toBe(true);
});

/** A file by hand: head, parts, end. */
function written(version: string, ...parts: readonly (Uint8Array | readonly number[])[]): Buffer {
  const head = bytesOf(`REDIS${version}`, ...parts, [255]);
  return bytesOf(head, crcOf(head));
}

const KEY = bytesOf([0], string('k'), string('v'));

function loadFile(bytes: Uint8Array): readonly [string, LocalRunner] {
  const runner = newRunner();
  writeFileSync(join(directory, 'dump.rdb'), bytes);
  return [runner.run('DEBUG', 'RELOAD', 'NOSAVE'), runner];
}

const TAKEN: Readonly<Record<string, Buffer>> = {
  'the oldest version, without a checksum': bytesOf('REDIS0001', KEY, [255]),
  'facts that are skipped': written(
    '0011',
    bytesOf([250], string('redis-ver'), string('7.2.0'), [250], string('x'), [0xc0, 5]),
    bytesOf([254, 0, 251], length(1), length(0), [244, 1, 1, 0]),
    KEY,
  ),
  'time of expiry in seconds': written('0009', bytesOf([253], little(1_900_000_000, 4)), KEY),
  'no checksum': bytesOf('REDIS0009', KEY, [255], Buffer.alloc(8)),
};

test.each(Object.keys(TAKEN))('%s', (name) => {
  const [reply, runner] = loadFile(TAKEN[name]!);
  expect(reply).toBe(OK);
  expect(runner.run('GET', 'k')).toBe('$1\r\nv\r\n');
});

/** The id of a module: nine letters of six bits each, and a version. */
function moduleId(name: string): Buffer {
  const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
  let id = 0n;
  for (const letter of name) id = (id << 6n) | BigInt(letters.indexOf(letter));
  const out = Buffer.alloc(8);
  out.writeBigUInt64BE((id << 10n) | 1n);
  return out;
}

const REFUSED: Readonly<Record<string, readonly [Buffer, string]>> = {
  'an empty file': [Buffer.alloc(0), 'Unexpected EOF reading RDB file, at offset 0'],
  'another file': [Buffer.from('hello, world'), 'Wrong signature trying to load DB from file'],
  'a newer version': [written('0015', KEY), "Can't handle RDB format version 15"],
  'a version that is no number': [written('00x1', KEY), "Can't handle RDB format version"],
  'a database that is not there': [
    written('0010', [254, 16], KEY),
    'FATAL: Data file was created with a Redis server configured to handle more than 16 databases',
  ],
  'a stream': [
    written('0010', [15], string('k'), [1], string('x'), string('y')),
    'Stream listpack integrity check failed., at offset 15',
  ],
  'a key twice': [written('0010', KEY, KEY), "RDB has duplicated key 'k' in DB 0"],
  'a function library': [
    written('0010', [245], string('#!lua name=mylib\nx')),
    "The function library 'mylib': function libraries are not supported yet",
  ],
  'facts of a module': [
    written('0010', [247, 0x81], moduleId('mymodule_'), [2, 1, 0]),
    "The RDB file contains AUX module data I can't load: no matching module 'mymodule_'",
  ],
  'a module': [
    written('0010', [7], string('k'), [0x81], moduleId('ReJSON-RL'), [0]),
    "The RDB file contains module data I can't load: no matching module type 'ReJSON-RL'",
  ],
  'an old module': [
    written('0010', [6], string('k'), [0]),
    'Pre-release module format not supported',
  ],
  'a type of no kind': [written('0010', [8], string('k')), 'Unknown RDB encoding type 8'],
  'a damaged listpack': [
    written('0010', [16], string('k'), string('nonsense')),
    'Hash listpack integrity check failed.',
  ],
  'a code of no kind': [written('0010', [246]), 'Pre-release function format not supported.'],
  'a wrong checksum': [
    bytesOf('REDIS0010', KEY, [255], little(1, 8)),
    'RDB CRC error: wrong RDB checksum expected: (',
  ],
  'a key longer than the file': [
    written('0010', [0, 0x80, 0xff, 0, 0, 0]),
    'Unexpected EOF reading RDB file, at offset ',
  ],
};

test.each(Object.keys(REFUSED))('%s', (name) => {
  const [bytes, problem] = REFUSED[name]!;
  const [reply, runner] = loadFile(bytes);
  expect(reply.startsWith(LOAD_ERROR + problem), reply).toBe(true);
  runner.checkInvariants();
});

test('keys whose time is over, long ago or before 1970, are left out', () => {
  for (const front of [
    [252, ...little(1, 8)],
    [252, ...little(0, 8)],
    [252, ...Buffer.alloc(8, 0xfe)],
    [253, 0, 0, 0, 0x80],
  ]) {
    const [reply, runner] = loadFile(written('0010', front, KEY));
    expect(reply).toBe(OK);
    expect(runner.run('DBSIZE')).toBe(':0\r\n');
  }
});

test('a file cut off or damaged anywhere is refused', () => {
  const runner = newRunner();
  runner.run('SET', 'a', 'hello');
  runner.run('HSET', 'h', 'f', 'v');
  runner.run('RPUSH', 'l', 'a', '1');
  runner.run('SET', 'e', 'x', 'PX', '10000');
  expect(runner.run('DEBUG', 'RELOAD')).toBe(OK);
  const whole = file();
  const reload = (bytes: Uint8Array): string => {
    writeFileSync(join(directory, 'dump.rdb'), bytes);
    return runner.run('DEBUG', 'RELOAD', 'NOSAVE');
  };
  for (let end = 0; end < whole.length; end++) {
    expect(reload(whole.subarray(0, end)), `${end} bytes`).toMatch(/^-ERR Error trying to load /);
  }
  for (let at = 0; at < whole.length; at++) {
    const damaged = Buffer.from(whole);
    damaged[at] = damaged[at]! ^ 0x81;
    expect(reload(damaged), `byte ${at}`).toMatch(/^-ERR Error trying to load /);
    runner.checkInvariants();
  }
  expect(reload(whole)).toBe(OK);
});

test('random damage without a checksum crashes nothing', async () => {
  await withRandom(async (random) => {
    const runner = newRunner(1);
    runner.run('DEBUG', 'SET-SKIP-CHECKSUM-VALIDATION', '1');
    fill(runner);
    runner.run('DEL', 'large zset', 'k'.repeat(70_000));
    expect(runner.run('DEBUG', 'RELOAD')).toBe(OK);
    const whole = file();
    for (let round = 0; round < 60; round++) {
      const damaged = Buffer.from(whole);
      for (let i = random.below(5); i >= 0; i--) {
        damaged[random.below(damaged.length)] = random.below(256);
      }
      writeFileSync(join(directory, 'dump.rdb'), damaged);
      expect(runner.run('DEBUG', 'RELOAD', 'NOSAVE')).toMatch(/^(\+OK|-ERR Error trying to load )/);
      runner.checkInvariants();
    }
  });
});

test('chunks of any size, from a source whose end nobody knows', async () => {
  await withRandom(async (random) => {
    const runner = newRunner();
    fill(runner);
    runner.run('SET', 'large', Buffer.alloc(600_000, 'abcdefg'));
    runner.run('SET', 'soon', 'x', 'PX', '1');
    runner.state.limits.rdbCompression = false;
    expect(runner.run('DEBUG', 'RELOAD')).toBe(OK);
    const bytes = file();
    for (const chunk of [7, 4096, 1 << 20]) {
      const other = newRunner();
      other.advance(2);
      let at = 0;
      const source = {
        left: Number.POSITIVE_INFINITY,
        read: (into: Uint8Array, to: number, length: number): number => {
          const end = Math.min(at + 1 + random.below(chunk), at + length, bytes.length);
          into.set(bytes.subarray(at, end), to);
          const taken = end - at;
          at = end;
          return taken;
        },
      };
      const options = { databases: 16, skipsChecksum: false, nowMs: other.state.nowMs };
      const loader = new KeyspaceLoader(other.shards, false);
      const reader = new SnapshotReader(loader, options);
      expect(reader.read(source)).toBe(null);
      expect(reader.expired).toBe(1);
      expect(loader.keys).toBe(3 * 112 + 1);
      runner.run('DEL', 'soon');
      expect(digest(other)).toBe(digest(runner));
    }
  });
});

test('a forged length from a source without an end takes no memory', () => {
  const other = newRunner();
  const bytes = bytesOf('REDIS0010', [0, 0x81, 0, 0, 1, 0, 0, 0, 0, 0], Buffer.alloc(1000));
  let at = 0;
  const source = {
    left: Number.POSITIVE_INFINITY,
    read: (into: Uint8Array, to: number, length: number): number => {
      expect(into.length).toBeLessThan(1 << 20);
      const end = Math.min(at + length, bytes.length);
      into.set(bytes.subarray(at, end), to);
      const taken = end - at;
      at = end;
      return taken;
    },
  };
  const options = { databases: 16, skipsChecksum: false, nowMs: 0 };
  const loader = new KeyspaceLoader(other.shards, false);
  const problem = new SnapshotReader(loader, options).read(source);
  expect(problem?.text).toBe('Unexpected EOF reading RDB file');
});

test('values longer than the window and the buffer', () => {
  const runner = newRunner();
  const text = Buffer.alloc(3_000_000);
  for (let i = 0; i < text.length; i++) text[i] = Math.imul(i, 0x9e3779b1) >>> 13;
  runner.run('SET', 'noise', text);
  runner.run('SET', 'zeros', Buffer.alloc(20_000_000));
  runner.run('RPUSH', 'list', text, text, 'x');
  runner.run('HSET', 'hash', text, text);
  const before = digest(runner);
  expect(runner.run('DEBUG', 'RELOAD')).toBe(OK);
  expect(digest(runner)).toBe(before);
});
