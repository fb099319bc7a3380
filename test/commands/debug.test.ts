import { hash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { DEBUG_COMMANDS } from '../../src/commands/debug.ts';
import { GENERIC_COMMANDS } from '../../src/commands/generic.ts';
import { HASH_COMMANDS } from '../../src/commands/hash.ts';
import { LIST_COMMANDS } from '../../src/commands/list.ts';
import { SET_COMMANDS } from '../../src/commands/set.ts';
import type { CommandSpec, SessionContext } from '../../src/commands/spec.ts';
import { STRING_COMMANDS } from '../../src/commands/string.ts';
import { ZSET_COMMANDS } from '../../src/commands/zset.ts';
import { ERRORS } from '../../src/resp/errors.ts';
import { ReplyWriter } from '../../src/resp/reply-writer.ts';
import { argView, LocalRunner } from '../support/local-runner.ts';

const OK = '+OK\r\n';

const SPECS: readonly CommandSpec[] = [
  ...STRING_COMMANDS,
  ...GENERIC_COMMANDS,
  ...LIST_COMMANDS,
  ...HASH_COMMANDS,
  ...SET_COMMANDS,
  ...ZSET_COMMANDS,
  ...DEBUG_COMMANDS,
];

function newRunner(shards = 4): LocalRunner {
  return new LocalRunner(SPECS, { shards });
}

/** What the server was asked for by session commands. */
const asked: string[] = [];

/**
 * Runs a container's session sub-command (or the container itself) with as much of a session as
 * those need.
 */
function runSession(
  specs: readonly CommandSpec[],
  words: readonly string[],
  resp3 = false,
): string {
  const container = specs.find((spec) => spec.name === words[0]!.toLowerCase())!;
  const sub = container.subcommands!.find((spec) => spec.name === words[1]!.toLowerCase());
  const spec = sub ?? container;
  if (spec.place !== 'session') throw new Error('not a session command');
  const reply = new ReplyWriter();
  reply.resp3 = resp3;
  const args = argView(words);
  const context = {
    args,
    reply,
    canSuspend: true,
    suspend: () => (write: (to: ReplyWriter) => void) => write(reply),
    text: (index: number) => args.text(index),
    server: {
      debug: (what: string, value: string) => {
        asked.push(`${what} ${value}`);
        return what === 'oom' ? 'ERR no' : null;
      },
      aof: (what: string, done: (error: null, text: string) => void) => done(null, what),
      log: (level: string, text: string) => asked.push(`${level} ${text}`),
    },
  };
  spec.run(context as unknown as SessionContext);
  return Buffer.from(reply.buf.subarray(0, reply.length)).toString('latin1');
}

function debug(text: string, resp3 = false): string {
  return runSession(DEBUG_COMMANDS, ['DEBUG', ...text.split(' ')], resp3);
}

/** [type, RESP2, RESP3] */
const PROTOCOL: readonly (readonly [string, string, string])[] = [
  ['string', '$11\r\nHello World\r\n', '$11\r\nHello World\r\n'],
  ['INTEGER', ':12345\r\n', ':12345\r\n'],
  ['double', '$5\r\n3.141\r\n', ',3.141\r\n'],
  ['null', '$-1\r\n', '_\r\n'],
  ['array', '*3\r\n:0\r\n:1\r\n:2\r\n', '*3\r\n:0\r\n:1\r\n:2\r\n'],
  ['set', '*3\r\n:0\r\n:1\r\n:2\r\n', '~3\r\n:0\r\n:1\r\n:2\r\n'],
  [
    'map',
    '*6\r\n:0\r\n:0\r\n:1\r\n:1\r\n:2\r\n:0\r\n',
    '%3\r\n:0\r\n#f\r\n:1\r\n#t\r\n:2\r\n#f\r\n',
  ],
  [
    'bignum',
    '$37\r\n1234567999999999999999999999999999999\r\n',
    '(1234567999999999999999999999999999999\r\n',
  ],
  ['true', ':1\r\n', '#t\r\n'],
  ['false', ':0\r\n', '#f\r\n'],
  [
    'verbatim',
    '$25\r\nThis is a verbatim\nstring\r\n',
    '=29\r\ntxt:This is a verbatim\nstring\r\n',
  ],
  [
    'attrib',
    '$39\r\nSome real reply following the attribute\r\n',
    '|1\r\n$14\r\nkey-popularity\r\n*2\r\n$7\r\nkey:123\r\n:90\r\n' +
      '$39\r\nSome real reply following the attribute\r\n',
  ],
  [
    'push',
    '-ERR RESP2 is not supported by this command\r\n',
    '>2\r\n$16\r\nserver-cpu-usage\r\n:42\r\n$40\r\nSome real reply following the push reply\r\n',
  ],
  ['what', `-${ERRORS.PROTOCOL_TYPE_NAME}\r\n`, `-${ERRORS.PROTOCOL_TYPE_NAME}\r\n`],
];

test.each(PROTOCOL)('PROTOCOL %s', (type, resp2, resp3) => {
  expect(debug(`PROTOCOL ${type}`)).toBe(resp2);
  expect(debug(`PROTOCOL ${type}`, true)).toBe(resp3);
});

/** [sub-command with arguments, reply] */
const SWITCHES: readonly (readonly [string, string])[] = [
  ['SET-ACTIVE-EXPIRE 0', OK],
  ['PANIC', OK],
  ['OOM', '-ERR no\r\n'],
  ['LOG hello', OK],
  ['ERROR OOPS', '-OOPS\r\n'],
  ['QUICKLIST-PACKED-THRESHOLD 100b', OK],
  ['QUICKLIST-PACKED-THRESHOLD 5gb', `-${ERRORS.PACKED_THRESHOLD}\r\n`],
  ['QUICKLIST-PACKED-THRESHOLD x', `-${ERRORS.PACKED_THRESHOLD}\r\n`],
  ['REPLYBUFFER PEAK-RESET-TIME never', OK],
  ['REPLYBUFFER peak-reset-time 100', OK],
  ['REPLYBUFFER peak-reset-time x', `-${ERRORS.NOT_INTEGER}\r\n`],
  ['REPLYBUFFER resizing 0', OK],
  ['CHANGE-REPL-ID', OK],
  ['DICT-RESIZING 1', OK],
  ['LOADAOF', '+load\r\n'],
  ['what', "-ERR unknown subcommand or wrong number of arguments for 'what'. Try DEBUG HELP.\r\n"],
];

test.each(SWITCHES)('%s', (text, reply) => {
  expect(debug(text)).toBe(reply);
});

test('drills and switches reach the server', () => {
  asked.length = 0;
  for (const text of ['set-active-expire 1', 'SEGFAULT', 'RESTART 100', 'LOG hi']) debug(text);
  const wanted = ['set-active-expire 1', 'segfault ', 'restart 100', 'warning DEBUG LOG: hi'];
  expect(asked).toEqual(wanted);
});

test.each(['DEBUG', 'OBJECT', 'MEMORY'])('HELP of %s', (command) => {
  const lines = runSession([...GENERIC_COMMANDS, ...DEBUG_COMMANDS], [command, 'HELP'])
    .split('\r\n')
    .slice(0, -1);
  expect(lines[0]).toBe(`*${lines.length - 1}`);
  expect(lines[1]).toBe(`+${command} <subcommand> [<arg> [value] [opt] ...]. Subcommands are:`);
  expect(lines.slice(-2)).toEqual(['+HELP', '+    Prints this help.']);
  for (const line of lines.slice(1)) expect(line.length).toBeLessThan(100);
});

test('an unknown sub-command of OBJECT', () => {
  const reply = runSession(GENERIC_COMMANDS, ['object', 'what']);
  expect(reply).toBe("-ERR unknown subcommand 'what'. Try OBJECT HELP.\r\n");
});

test('every sub-command is in HELP and none else', () => {
  const { subcommands } = DEBUG_COMMANDS[0]!;
  const named = debug('HELP')
    .split('\r\n')
    .slice(2)
    .filter((line) => /^\+[A-Z]/.test(line))
    .map((line) => line.slice(1).split(' ')[0]!.toLowerCase());
  expect(named.sort()).toEqual(subcommands!.map((spec) => spec.name).sort());
});

describe.each([1, 4])('data on %i shards', (shards) => {
  test('POPULATE makes what is not there', () => {
    const runner = newRunner(shards);
    runner.run('SET', 'key:3', 'mine');
    expect(runner.run('DEBUG', 'POPULATE', '100')).toBe(OK);
    expect(runner.run('DBSIZE')).toBe(':100\r\n');
    expect(runner.run('GET', 'key:3')).toBe('$4\r\nmine\r\n');
    expect(runner.run('GET', 'key:99')).toBe('$8\r\nvalue:99\r\n');
    expect(runner.run('DEBUG', 'POPULATE', '2', 'p', '12')).toBe(OK);
    expect(runner.run('GET', 'p:1')).toBe('$12\r\nvalue:1\0\0\0\0\0\r\n');
    expect(runner.run('DEBUG', 'POPULATE', '1', 'q', '3')).toBe(OK);
    expect(runner.run('GET', 'q:0')).toBe('$3\r\nval\r\n');
    for (const words of [['-1'], ['x'], ['1', 'p', '-1'], ['1', 'p', 'x']]) {
      expect(runner.run('DEBUG', 'POPULATE', ...words)).toBe(`-${ERRORS.NOT_POSITIVE}\r\n`);
    }
    expect(runner.run('DEBUG', 'POPULATE', '1', 'p', '536870913')).toBe(
      `-${ERRORS.STRING_TOO_LONG}\r\n`,
    );
    runner.checkInvariants();
  });

  test('OBJECT, SDSLEN and the encodings that no value has', () => {
    const runner = newRunner(shards);
    runner.run('SET', 'k1', 'value1');
    runner.run('SET', 'n', '12345');
    expect(runner.run('DEBUG', 'OBJECT', 'k1').replace(/0x[0-9a-f]+|lru:\d+/g, '#')).toBe(
      '+Value at:# refcount:1 encoding:embstr serializedlength:7 # lru_seconds_idle:0\r\n',
    );
    expect(runner.run('DEBUG', 'OBJECT', 'n')).toContain(' encoding:int serializedlength:3 ');
    expect(runner.run('DEBUG', 'OBJECT', 'n', 'fast')).not.toContain('serialized');
    expect(runner.run('DEBUG', 'SDSLEN', 'k1').replace(/(avail|zmalloc):( ?)\d+/g, '$1:$2#')).toBe(
      '+key_sds_len:2, key_sds_avail:#, key_zmalloc: #, ' +
        'val_sds_len:6, val_sds_avail:#, val_zmalloc: #\r\n',
    );
    expect(runner.run('DEBUG', 'SDSLEN', 'n')).toBe(`-${ERRORS.NOT_SDS}\r\n`);
    expect(runner.run('DEBUG', 'LISTPACK', 'n')).toBe(`-${ERRORS.NOT_LISTPACK}\r\n`);
    expect(runner.run('DEBUG', 'QUICKLIST', 'n')).toBe(`-${ERRORS.NOT_QUICKLIST}\r\n`);
    expect(runner.run('DEBUG', 'HTSTATS-KEY', 'n')).toBe(`-${ERRORS.NOT_HASH_TABLE}\r\n`);
    for (const name of ['OBJECT', 'SDSLEN', 'LISTPACK', 'QUICKLIST', 'HTSTATS-KEY']) {
      expect(runner.run('DEBUG', name, 'nokey')).toBe(`-${ERRORS.NO_SUCH_KEY}\r\n`);
    }
  });

  test('what is asked about collections', () => {
    const runner = newRunner(shards);
    const long = 'x'.repeat(100);
    runner.run('RPUSH', 'pack', 'a');
    runner.run('RPUSH', 'list', ...Array.from({ length: 200 }, () => long));
    runner.run('HSET', 'small', 'f', 'v');
    runner.run('HSET', 'hash', long, 'v', 'f', 'v');
    runner.run('SADD', 'ints', '1');
    runner.run('SADD', 'set', long, 'm', 'n');
    expect(runner.run('DEBUG', 'LISTPACK', 'pack')).toBe(OK);
    expect(runner.run('DEBUG', 'LISTPACK', 'small')).toBe(OK);
    expect(runner.run('DEBUG', 'LISTPACK', 'list')).toBe(`-${ERRORS.NOT_LISTPACK}\r\n`);
    expect(runner.run('DEBUG', 'QUICKLIST', 'list', '1')).toBe(OK);
    expect(runner.run('DEBUG', 'QUICKLIST', 'pack')).toBe(`-${ERRORS.NOT_QUICKLIST}\r\n`);
    expect(runner.run('DEBUG', 'OBJECT', 'list')).toContain(
      ' ql_nodes:3 ql_avg_node:66.67 ql_listpack_max:-2 ql_compressed:0 ql_uncompressed_size:',
    );
    expect(runner.run('DEBUG', 'OBJECT', 'pack')).not.toContain('ql_');
    const figures = (count: number): RegExp =>
      new RegExp(
        `0 stats .main hash table.:\\n table size: [0-9]+\\n number of elements: ${count}`,
      );
    expect(runner.run('DEBUG', 'HTSTATS-KEY', 'hash')).toMatch(figures(2));
    expect(runner.run('DEBUG', 'HTSTATS-KEY', 'set', 'full')).toMatch(figures(3));
    for (const name of ['pack', 'list', 'small', 'ints']) {
      expect(runner.run('DEBUG', 'HTSTATS-KEY', name)).toBe(`-${ERRORS.NOT_HASH_TABLE}\r\n`);
    }
  });

  test.each([
    ['listpackex', 64],
    ['hashtable', 0],
  ])('fields that expire are marked in the digest of a %s', (encoding, longest) => {
    const runner = newRunner(shards);
    runner.state.limits.hashMaxListpackValue = longest;
    runner.run('HSET', 'h', 'a', '1', 'b', '2');
    runner.run('HEXPIRE', 'h', '100', 'FIELDS', '1', 'b');
    expect(runner.run('OBJECT', 'ENCODING', 'h')).toContain(encoding);
    const xor = (a: Buffer, b: Buffer): Buffer => Buffer.from(a.map((byte, i) => byte ^ b[i]!));
    const sha1 = (bytes: Buffer | string): Buffer => hash('sha1', bytes, 'buffer');
    const mix = (digest: Buffer, bytes: Buffer | string): Buffer => sha1(xor(digest, sha1(bytes)));
    const zero = Buffer.alloc(20);
    const a = mix(mix(zero, 'a'), '1');
    const b = xor(mix(mix(zero, 'b'), '2'), sha1('!!hexpire!!'));
    const digest = xor(xor(mix(zero, Buffer.from([0, 0, 0, 4])), sha1(a)), sha1(b));
    expect(runner.run('DEBUG', 'DIGEST-VALUE', 'h')).toBe(`*1\r\n+${digest.toString('hex')}\r\n`);
  });

  test('MEMORY USAGE counts what the expiry of fields needs', () => {
    const runner = newRunner(shards);
    runner.state.limits.hashMaxListpackEntries = 0;
    const used = (): number =>
      runner.shards.reduce((sum, shard) => sum + shard.arena.usedBytes(), 0);
    const usage = (): number => Number(runner.run('MEMORY', 'USAGE', 'h').slice(1));
    const fields = Array.from({ length: 1000 }, (_, i) => `f${i}`);
    runner.run('HSET', 'h', ...fields.flatMap((name) => [name, 'v']));
    const before = [used(), usage()];
    runner.run('HEXPIRE', 'h', '100', 'FIELDS', '1000', ...fields);
    expect(usage() - before[1]!).toBe(used() - before[0]!);
  });

  test('HTSTATS', () => {
    const runner = newRunner(shards);
    expect(runner.run('DEBUG', 'HTSTATS', '0')).toContain('empty dictionaries');
    runner.run('DEBUG', 'POPULATE', '100');
    runner.run('EXPIRE', 'key:1', '100');
    const text = runner.run('DEBUG', 'HTSTATS', '0');
    expect(text).toContain('[Dictionary HT]\nHash table 0 stats (main hash table):\n table size: ');
    expect(text).toContain(' number of elements: 100\n[Expires HT]\n');
    expect(text).toContain(' number of elements: 1\n');
    expect(runner.run('DEBUG', 'HTSTATS', '16')).toBe(`-${ERRORS.DATABASE_OUT_OF_RANGE}\r\n`);
    expect(runner.run('DEBUG', 'HTSTATS', 'x')).toBe(`-${ERRORS.NOT_INTEGER}\r\n`);
  });

  test('digests depend on databases and TTLs, not on shards or order', () => {
    const runner = newRunner(shards);
    const zero = '0'.repeat(40);
    expect(runner.run('DEBUG', 'DIGEST')).toBe(`+${zero}\r\n`);
    for (const name of ['k1', 'n', 'long']) {
      const value = name === 'k1' ? 'value1' : name === 'n' ? '12345' : 'x'.repeat(100);
      runner.run('SET', name, value);
    }
    runner.run('PEXPIRE', 'n', '100000');
    // Figures of redis-server 7.0.15 for the same data.
    expect(runner.run('DEBUG', 'DIGEST')).toBe('+f641e4a60cb54b10c150f60fe18d0a137dd3b378\r\n');
    expect(runner.run('DEBUG', 'DIGEST-VALUE', 'k1', 'n', 'long', 'nokey')).toBe(
      '*4\r\n+8b06d62b6b33e452ce6d722400e8de8505ababb8\r\n' +
        '+074a6e8892a0b0b4fcf085794cb69322c36c9d00\r\n' +
        `+6942b9b71aaff9a398b7a2f898756f5e28dd3cd1\r\n+${zero}\r\n`,
    );
    runner.run('SWAPDB', '0', '1');
    expect(runner.run('DEBUG', 'DIGEST')).not.toContain('f641e4a6');
  });
});

test('SLEEP asks for the time in ms and STRINGMATCH-LEN matches', () => {
  const runner = newRunner();
  const slept: number[] = [];
  runner.context.host = { ...runner.context.host, sleep: (ms) => slept.push(ms) };
  for (const seconds of ['0.25', '2', '0', '-1', 'x', 'inf']) {
    expect(runner.run('DEBUG', 'SLEEP', seconds)).toBe(OK);
  }
  expect(slept).toEqual([250, 2000, 2 ** 31 - 1]);
  expect(runner.run('DEBUG', 'STRINGMATCH-LEN', 'a*c', 'abc')).toBe(':1\r\n');
  expect(runner.run('DEBUG', 'STRINGMATCH-LEN', 'a*d', 'abc')).toBe(':0\r\n');
});
