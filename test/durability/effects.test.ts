import { rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { ALL_COMMANDS } from '../../src/commands/registry.ts';
import { CommandTable } from '../../src/commands/table.ts';
import { decodeReply } from '../support/decode-reply.ts';
import { type Argument, LocalRunner } from '../support/local-runner.ts';
import {
  expireAll,
  expiryLines,
  parseLog,
  Recorder,
  rawDigest,
  replay,
  resetRunner,
} from '../support/recorder.ts';
import { ROWS, T } from './log-rows.ts';

const OPTIONS = { arenaBytes: 1 << 24, shards: 2 };
/** Commands that are tested below, because their log depends on bytes or files. */
const ELSEWHERE = ['restore', 'restore-asking', 'debug|reload', 'publish', 'spublish'];

const recorder = new Recorder(ALL_COMMANDS, OPTIONS);
const fresh = new LocalRunner(ALL_COMMANDS, OPTIONS);

const words = (text: string): string[] => text.split(' ');
const shown = (log: Uint8Array): string[] => parseLog(log).map((one) => one.join(' '));
/** What was logged since the last call. */
const lines = (): string[] => shown(recorder.takeBytes());

/** Begins anew with these commands, and returns their log. */
function begin(before: readonly string[]): Buffer {
  recorder.reset();
  for (const text of before) expect(recorder.run(...words(text)), text).not.toMatch(/^-/);
  return recorder.takeBytes();
}

/** What was logged makes the same data of nothing, with the clock at 0. */
function expectReplayed(log: Uint8Array): void {
  resetRunner(fresh);
  replay(fresh, parseLog(log));
  expect(expiryLines(fresh)).toEqual(expiryLines(recorder.runner));
  expect(rawDigest(fresh)).toBe(rawDigest(recorder.runner));
}

/** Begins, lets time pass, runs a command; what is logged for that. */
function afterTime(before: readonly string[], ms: number, command: string): string[] {
  const log = begin(before);
  recorder.runner.advance(ms);
  recorder.run(...words(command));
  const bytes = recorder.takeBytes();
  expectReplayed(Buffer.concat([log, bytes]));
  return shown(bytes);
}

describe('what is logged', () => {
  test.each(ROWS.map(([before, command, logged]) => [command, before, logged] as const))(
    '%s after %j: %j',
    (command, before, logged) => {
      const log = begin(before);
      recorder.run(...words(command));
      const bytes = recorder.takeBytes();
      expect(shown(bytes)).toEqual(logged);
      expectReplayed(Buffer.concat([log, bytes]));
    },
  );

  test('every command that changes data has a row', () => {
    const rows = new CommandTable(ALL_COMMANDS).rows.filter(
      (row) => row.isHeldAsWrite && row.spec.place === 'shard',
    );
    const tested = new Set<string>(ELSEWHERE);
    for (const [, command] of ROWS) {
      const [name, sub] = words(command.toLowerCase());
      tested.add(name!).add(`${name}|${sub}`);
    }
    const missing = rows.map((row) => row.fullName).filter((name) => !tested.has(name));
    expect(missing).toEqual([]);
    expect(rows.length).toBeGreaterThan(80);
  });
});

describe('RESTORE', () => {
  function payloadOf(...command: readonly Argument[]): Buffer {
    recorder.reset();
    recorder.run(...command);
    const payload = decodeReply(recorder.run('DUMP', 'k')) as string;
    recorder.reset();
    return Buffer.from(payload, 'latin1');
  }

  test.each(['RESTORE', 'RESTORE-ASKING'])('%s', (name) => {
    const payload = payloadOf('RPUSH', 'k', 'a', 'b');
    const text = payload.toString('latin1');
    recorder.run(name, 'a', 0, payload);
    expect(recorder.take()).toEqual([[name, 'a', '0', text]]);
    recorder.run(name, 'a', 0, payload);
    expect(recorder.take()).toEqual([]);
    recorder.run(name, 'a', 500, payload, 'REPLACE', 'IDLETIME', 9);
    expect(recorder.take()).toEqual([
      ['RESTORE', 'a', String(T + 500), text, 'REPLACE', 'IDLETIME', '9', 'ABSTTL'],
    ]);
    recorder.run(name, 'b', 4_000_000_000_000, payload, 'ABSTTL');
    expect(recorder.take()).toEqual([['RESTORE', 'b', '4000000000000', text, 'ABSTTL']]);
    recorder.run(name, 'b', 1, payload, 'ABSTTL', 'REPLACE');
    expect(lines()).toEqual(['DEL b']);
    recorder.run(name, 'c', 1, payload, 'ABSTTL');
    recorder.run(name, 'c', 0, payload.subarray(1));
    expect(lines()).toEqual([]);
  });

  test('fields that have expired come along', () => {
    recorder.reset();
    recorder.run('HSET', 'k', 'f', 'v', 'g', 'w');
    recorder.run('HPEXPIRE', 'k', 5, 'FIELDS', 1, 'f');
    const payload = Buffer.from(decodeReply(recorder.run('DUMP', 'k')) as string, 'latin1');
    recorder.runner.advance(10);
    recorder.run('RESTORE', 'b', 0, payload);
    recorder.run('HSETNX', 'b', 'f', 'new');
    const log = recorder.takeBytes();
    expect(shown(log).slice(-1)).toEqual(['HSET b f new']);
    expectReplayed(log);
  });
});

describe('keys that have expired', () => {
  const DEAD = ['SET k v PX 5'];

  test.each([
    ['GET k', ['DEL k']],
    ['EXISTS k', ['DEL k']],
    ['INCR k', ['DEL k', 'INCR k']],
    ['SET k w', ['DEL k', 'SET k w']],
    ['SET k w KEEPTTL', ['DEL k', 'SET k w KEEPTTL']],
    ['SET k w XX', ['DEL k']],
    ['DEL k', ['DEL k']],
    ['EXPIRE k 5', ['DEL k']],
    ['LPUSH k a', ['DEL k', 'LPUSH k a']],
    ['HSET k f v', ['DEL k', 'HSET k f v']],
    ['MSET k 1 l 2', ['DEL k', 'MSET k 1 l 2']],
    ['SUNIONSTORE k none', ['DEL k']],
    ['SUNIONSTORE d k none', ['DEL k']],
    ['RENAME k l', ['DEL k']],
    ['RANDOMKEY', ['DEL k']],
    ['SCAN 0', ['DEL k']],
    ['FLUSHDB', ['FLUSHDB']],
  ])('%s', (command, logged) => {
    expect(afterTime(DEAD, 10, command)).toEqual(logged);
  });

  test('go before what takes their place', () => {
    expect(afterTime(['SET a 1', 'SET b 2 PX 5'], 10, 'RENAME a b')).toEqual([
      'DEL b',
      'RENAME a b',
    ]);
    expect(afterTime(['SET a 1', 'SADD b x', 'PEXPIRE b 5'], 10, 'COPY a b')).toEqual([
      'DEL b',
      'COPY a b',
    ]);
    expect(afterTime(['SET a x PX 5', 'SET b y'], 10, 'BITOP OR a a b')).toEqual([
      'DEL a',
      'BITOP OR a a b',
    ]);
  });

  test('are deleted in the database in which they are', () => {
    const log = begin(['SET k v']);
    recorder.runner.db = 3;
    recorder.run('SET', 'k', 'v', 'PX', 5);
    recorder.runner.db = 0;
    recorder.runner.advance(10);
    recorder.run('MOVE', 'k', 3);
    const bytes = recorder.takeBytes();
    expect(shown(bytes)).toEqual([
      'SELECT 3',
      `SET k v PXAT ${T + 5}`,
      'DEL k',
      'SELECT 0',
      'MOVE k 3',
    ]);
    expectReplayed(Buffer.concat([log, bytes]));
  });

  test('SORT does not find them as weights', () => {
    const before = [
      'RPUSH l 1 2',
      'SET w1 9',
      'SET w2 3 PX 5',
      'HSET h1 f 1',
      'HPEXPIRE h1 5 FIELDS 1 f',
    ];
    expect(afterTime(before, 10, 'SORT l BY w* STORE d')).toEqual(['DEL w2', 'RPUSH d 2 1']);
    expect(afterTime(before, 10, 'SORT l BY nosort GET h*->f STORE d')).toEqual(['RPUSH d  ']);
  });

  test('the active expire cycle', () => {
    const log = begin(['SET a v PX 5', 'SET b v PX 5', 'SET c v']);
    recorder.runner.advance(1000);
    const { dirty } = recorder.runner.state;
    expireAll(recorder.runner);
    expect(recorder.runner.state.dirty).toBe(dirty);
    const bytes = recorder.takeBytes();
    expect(shown(bytes).sort()).toEqual(['DEL a', 'DEL b']);
    expectReplayed(Buffer.concat([log, bytes]));
  });

  test('in a transaction, in its order', () => {
    const log = begin(['SET a v PX 5']);
    recorder.runner.advance(10);
    recorder.transaction([
      ['SET', 'x', '1'],
      ['SWAPDB', '0', '1'],
      ['GET', 'x'],
    ]);
    recorder.runner.db = 1;
    recorder.transaction([['GET', 'a']]);
    recorder.transaction([
      ['GET', 'a'],
      ['GET', 'x'],
    ]);
    const bytes = recorder.takeBytes();
    expect(shown(bytes)).toEqual(['MULTI', 'SET x 1', 'SWAPDB 0 1', 'EXEC', 'SELECT 1', 'DEL a']);
    expectReplayed(Buffer.concat([log, bytes]));
  });
});

describe('fields that have expired', () => {
  const LONG = 'x'.repeat(80);

  describe.each(['listpackex', 'hashtable'])('%s', (encoding) => {
    const value = encoding === 'hashtable' ? LONG : 'v';
    const before = [`HSET h f ${value} g w`, 'HPEXPIRE h 5 FIELDS 1 f'];
    const all = [`HSET h f ${value}`, 'HPEXPIRE h 5 FIELDS 1 f'];

    test.each([
      ['HSET h f x', ['HSET h f x']],
      ['HSETNX h f x', ['HSET h f x']],
      ['HSETNX h z x', ['HSETNX h z x']],
      ['HINCRBY h f 1', ['HSET h f 1']],
      ['HINCRBY h f 9223372036854775807', ['HSET h f 9223372036854775807']],
      ['HINCRBYFLOAT h f 1.5', ['HSET h f 1.5']],
      ['HDEL h f', ['HDEL h f']],
      ['HDEL h f g', ['HDEL h f', 'HDEL h f g']],
      ['HPERSIST h FIELDS 2 f g', []],
      ['HPEXPIRE h 50 FIELDS 2 f g', [`HPEXPIREAT h ${T + 60} FIELDS 1 g`]],
      ['HGETDEL h FIELDS 2 f g', ['HDEL h g']],
      ['HGETEX h PERSIST FIELDS 2 f g', []],
      ['HSETEX h KEEPTTL FIELDS 1 f x', ['HSET h f x']],
      ['HGET h f', []],
      ['COPY h i', ['COPY h i']],
      ['RENAME h i', ['RENAME h i']],
    ])('%s', (command, logged) => {
      begin(before);
      expect(recorder.run('OBJECT', 'ENCODING', 'h')).toContain(encoding);
      expect(afterTime(before, 10, command)).toEqual(logged);
    });

    test('the active expire cycle', () => {
      for (const commands of [before, all]) {
        const log = begin(commands);
        recorder.runner.advance(1000);
        const { dirty } = recorder.runner.state;
        expireAll(recorder.runner);
        expect(recorder.runner.state.dirty).toBe(dirty);
        const bytes = recorder.takeBytes();
        expect(shown(bytes)).toEqual(['HDEL h f']);
        expectReplayed(Buffer.concat([log, bytes]));
      }
    });

    test('the last one takes the key with it', () => {
      expect(afterTime(all, 10, 'HDEL h f')).toEqual(['HDEL h f']);
      expect(recorder.run('EXISTS', 'h')).toBe(':0\r\n');
    });

    test('the TTL of a hash whose only field is replaced stays', () => {
      const commands = [...all, 'EXPIRE h 100'];
      expect(afterTime(commands, 10, 'HSETNX h f x')).toEqual(['HSET h f x']);
      expect(afterTime(commands, 10, 'HSET h a 1 f x')).toEqual(['HSET h a 1 f x']);
    });

    test('in a transaction that renames the hash', () => {
      const log = begin(before);
      recorder.runner.advance(10);
      recorder.transaction([
        ['RENAME', 'h', 'i'],
        ['HDEL', 'i', 'f'],
        ['RENAME', 'i', 'j'],
      ]);
      const bytes = recorder.takeBytes();
      expect(shown(bytes)).toEqual(['MULTI', 'RENAME h i', 'HDEL i f', 'RENAME i j', 'EXEC']);
      expectReplayed(Buffer.concat([log, bytes]));
    });
  });
});

describe('large results', () => {
  const members = Array.from({ length: 3000 }, (_, i) => `m${i}`);

  test('SPOP in batches', () => {
    recorder.reset();
    recorder.run('SADD', 's', ...members);
    recorder.run('SPOP', 's', 2500);
    const log = recorder.takeBytes();
    const sizes = parseLog(log).map((one) => `${one[0]} ${one.length}`);
    expect(sizes).toEqual(['SADD 3002', 'MULTI 1', 'SREM 1026', 'SREM 1026', 'SREM 454', 'EXEC 1']);
    expectReplayed(log);
  });

  test('SORT and ZUNIONSTORE in batches', () => {
    recorder.reset();
    recorder.run('RPUSH', 'l', ...members);
    recorder.run('SORT', 'l', 'BY', 'w*', 'ALPHA', 'STORE', 'd');
    recorder.run('ZADD', 'z', ...members.flatMap((member, i) => [i / 7, member]));
    recorder.run('ZUNIONSTORE', 'y', 2, 'z', 'z', 'AGGREGATE', 'COUNT');
    recorder.run('LMOVEM', 'l', 'd', 'LEFT', 'LEFT', 'COUNT', 2000, 'BULK');
    expectReplayed(recorder.takeBytes());
  });
});

describe('DEBUG RELOAD', () => {
  const path = join(tmpdir(), `tessera-effects-${process.pid}.rdb`);
  afterAll(() => rmSync(path, { force: true }));

  test('is not logged, what it finds expired is', () => {
    const log = begin(['SET a v PX 5', 'SET b v', 'HSET h f v', 'HPEXPIRE h 5 FIELDS 1 f']);
    recorder.runner.state.limits.snapshotPath = path;
    recorder.runner.advance(10);
    expect(recorder.run('DEBUG', 'RELOAD')).toBe('+OK\r\n');
    const bytes = recorder.takeBytes();
    expect(shown(bytes)).toEqual(['DEL a']);
    expectReplayed(Buffer.concat([log, bytes]));
  });
});
