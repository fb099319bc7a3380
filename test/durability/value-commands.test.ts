import { describe, expect, test } from 'vitest';
import { ALL_COMMANDS } from '../../src/commands/registry.ts';
import { MemorySink } from '../../src/durability/byte-sink.ts';
import { commandSlices, writeCommands, writeSelect } from '../../src/durability/value-commands.ts';
import type { Shard } from '../../src/keyspace/shard.ts';
import type { Ref } from '../../src/memory/arena.ts';
import { fuzzEpoch, LogPair } from '../fuzz/log.ts';
import { type Argument, CLOCK_START_MS, LocalRunner } from '../support/local-runner.ts';
import { withRandom } from '../support/random.ts';
import { RawClient } from '../support/raw-client.ts';
import { expiryLines, parseLog, rawDigest, replay, resetRunner } from '../support/recorder.ts';
import { redisServerPath, startRedis } from '../support/redis-server.ts';
import { allStreams } from '../support/stream-facts.ts';

const OPTIONS = { arenaBytes: 1 << 26, shards: 2, databases: 3 };
const runner = new LocalRunner(ALL_COMMANDS, OPTIONS);
const copy = new LocalRunner(ALL_COMMANDS, OPTIONS);
const T = CLOCK_START_MS;

/** Consumers are seen when the commands run. */
const STREAM_FACTS = { seen: false, active: false };

type WriteEntry = (sink: MemorySink, shard: Shard, ref: Ref) => void;

/** Everything as commands. */
function written(from: LocalRunner, write: WriteEntry = writeCommands): Uint8Array {
  const sink = new MemorySink();
  for (let db = 0; db < from.shards[0]!.databases; db++) {
    writeSelect(sink, db);
    for (const shard of from.shards) {
      const dict = shard.dict(db);
      for (let unit = 0; unit < dict.unitCount; unit++) {
        dict.visitUnit(unit, (ref) => write(sink, shard, ref));
      }
    }
  }
  return sink.buf.subarray(0, sink.length);
}

function expectSame(bytes: Uint8Array): void {
  resetRunner(copy);
  replay(copy, parseLog(bytes));
  expect(expiryLines(copy)).toEqual(expiryLines(runner));
  expect(rawDigest(copy)).toBe(rawDigest(runner));
  expect(allStreams(copy, STREAM_FACTS)).toEqual(allStreams(runner, STREAM_FACTS));
}

const many = (count: number, one: (i: number) => readonly Argument[]): Argument[] =>
  Array.from({ length: count }, (_, i) => one(i)).flat();

const LONG = 'v'.repeat(300_000);

/** Commands that make one key `k`, and what is written for it; null: only that it comes back. */
const VALUES: readonly (readonly [string, readonly (readonly Argument[])[], string[] | null])[] = [
  ['a string', [['SET', 'k', 'v']], ['SET k v']],
  ['an empty string', [['SET', 'k', '']], ['SET k ']],
  ['an integer', [['SET', 'k', '12']], ['SET k 12']],
  ['a TTL', [['SET', 'k', 'v', 'PX', '7']], ['SET k v', `PEXPIREAT k ${T + 7}`]],
  [
    'the latest TTL',
    [
      ['SET', 'k', 'v'],
      ['PEXPIREAT', 'k', '9223372036854775807'],
    ],
    ['SET k v', 'PEXPIREAT k 9223372036854774784'],
  ],
  ['a small list', [['RPUSH', 'k', 'a', '', '-5']], ['RPUSH k a  -5']],
  ['a small set', [['SADD', 'k', 'a']], ['SADD k a']],
  ['an intset', [['SADD', 'k', '3', '-70000']], ['SADD k -70000 3']],
  [
    'a small sorted set',
    [['ZADD', 'k', '1', 'a', '-inf', 'b', '0.1', 'c']],
    ['ZADD k -inf b 0.1 c 1 a'],
  ],
  ['a small hash', [['HSET', 'k', 'f', 'v', 'g', '7']], ['HMSET k f v g 7']],
  [
    'a small hash with times',
    [
      ['HSET', 'k', 'f', 'v', 'g', '7'],
      ['HPEXPIRE', 'k', '9', 'FIELDS', '1', 'g'],
      ['PEXPIRE', 'k', '99'],
    ],
    ['HMSET k f v g 7', `HPEXPIREAT k ${T + 9} FIELDS 1 g`, `PEXPIREAT k ${T + 99}`],
  ],
  ['a large list', [['RPUSH', 'k', ...many(20_000, (i) => [i % 3 ? i : `e${i}`])]], null],
  ['a large set', [['SADD', 'k', ...many(20_000, (i) => [`e${i}`])]], null],
  ['a large intset', [['SADD', 'k', ...many(500, (i) => [i])]], null],
  ['a large sorted set', [['ZADD', 'k', ...many(9000, (i) => [i / 3, `e${i}`])]], null],
  [
    'a large hash',
    [
      ['HSET', 'k', ...many(9000, (i) => [`f${i}`, i])],
      ['HPEXPIRE', 'k', '9', 'FIELDS', '3', 'f1', 'f2', 'f7777'],
    ],
    null,
  ],
  [
    'a stream',
    [
      ['XADD', 'k', '1-1', 'a', 'b', 'c', '12'],
      ['XADD', 'k', '1-2', 'd', ''],
      ['XADD', 'k', '7-0', 'e', 'f'],
      ['XDEL', 'k', '7-0'],
      ['EXPIRE', 'k', '9'],
    ],
    [
      'XADD k 1-1 a b c 12',
      'XADD k 1-2 d ',
      'XSETID k 7-0 ENTRIESADDED 3 MAXDELETEDID 7-0',
      `PEXPIREAT k ${T + 9000}`,
    ],
  ],
  [
    'a stream without entries',
    [['XGROUP', 'CREATE', 'k', 'g', '$', 'MKSTREAM']],
    [
      'XADD k MAXLEN 0 0-1 x y',
      'XSETID k 0-0 ENTRIESADDED 0 MAXDELETEDID 0-0',
      'XGROUP CREATE k g 0-0 ENTRIESREAD -1',
    ],
  ],
  [
    'a stream with a group',
    [
      ['XADD', 'k', '1-1', 'a', 'b'],
      ['XADD', 'k', '2-1', 'a', 'c'],
      ['XADD', 'k', '3-1', 'a', 'd'],
      ['XGROUP', 'CREATE', 'k', 'g', '0'],
      ['XREADGROUP', 'GROUP', 'g', 'c', 'COUNT', '2', 'STREAMS', 'k', '>'],
      ['XREADGROUP', 'GROUP', 'g', 'd', 'STREAMS', 'k', '>'],
      ['XNACK', 'k', 'g', 'FAIL', 'IDS', '1', '2-1'],
      ['XNACK', 'k', 'g', 'FATAL', 'IDS', '1', '3-1'],
      ['XCLAIM', 'k', 'g', 'e', '0', '1-1', 'TIME', '77', 'RETRYCOUNT', '7'],
    ],
    [
      'XADD k 1-1 a b',
      'XADD k 2-1 a c',
      'XADD k 3-1 a d',
      'XSETID k 3-1 ENTRIESADDED 3 MAXDELETEDID 0-0',
      'XGROUP CREATE k g 3-1 ENTRIESREAD 3',
      'XGROUP CREATECONSUMER k g c',
      'XGROUP CREATECONSUMER k g d',
      'XGROUP CREATECONSUMER k g e',
      'XCLAIM k g e 0 1-1 TIME 77 RETRYCOUNT 7 JUSTID FORCE',
      'XNACK k g SILENT IDS 1 2-1 RETRYCOUNT 1 FORCE',
      'XNACK k g FATAL IDS 1 3-1 FORCE',
    ],
  ],
  [
    'a stream with idempotent producers',
    [
      ['XADD', 'k', 'IDMP', 'p', 'i', '*', 'a', 'b'],
      ['XCFGSET', 'k', 'IDMP-MAXSIZE', '7'],
      ['XADD', 'k', 'IDMP', 'p', 'i', '*', 'a', 'b'],
      ['XADD', 'k', 'IDMP', 'p', 'j', '*', 'a', 'c'],
    ],
    [
      `XADD k ${T}-0 a b`,
      `XADD k ${T}-1 a b`,
      `XADD k ${T}-2 a c`,
      `XSETID k ${T}-2 ENTRIESADDED 3 MAXDELETEDID 0-0`,
      'XCFGSET k IDMP-DURATION 100 IDMP-MAXSIZE 7',
      `XIDMPRECORD k p i ${T}-1`,
      `XIDMPRECORD k p j ${T}-2`,
    ],
  ],
  [
    'a large stream',
    [
      ...Array.from({ length: 3000 }, (_, i) => [
        'XADD',
        'k',
        `${i + 1}-7`,
        'f',
        i,
        `g${i % 3}`,
        'x',
      ]),
      ...Array.from({ length: 500 }, (_, i) => ['XDEL', 'k', `${i * 5 + 1}-7`]),
      ['XADD', 'k', '18446744073709551615-18446744073709551615', 'last', LONG],
      ['XGROUP', 'CREATE', 'k', 'g', '0'],
      ['XREADGROUP', 'GROUP', 'g', 'one', 'COUNT', '1000', 'STREAMS', 'k', '>'],
      ['XREADGROUP', 'GROUP', 'g', 'two', 'COUNT', '1000', 'STREAMS', 'k', '>'],
    ],
    null,
  ],
  ['a long string', [['SET', 'k', LONG]], null],
  ['long elements', [['RPUSH', 'k', 'a', LONG, 'b', LONG, LONG, 'c']], null],
  ['long members', [['SADD', 'k', 'a', LONG, `${LONG}x`]], null],
  ['long members with scores', [['ZADD', 'k', '1', 'a', '2', LONG, '3', `${LONG}x`]], null],
  [
    'long fields',
    [
      ['HSET', 'k', 'a', LONG, `${LONG}x`, 'b', 'c', 'd'],
      ['HPEXPIRE', 'k', '9', 'FIELDS', '2', `${LONG}x`, 'c'],
    ],
    null,
  ],
  ['a long key', [['SET', LONG, 'v', 'EX', '1']], null],
];

describe.each(VALUES)('%s', (_name, commands, expected) => {
  test('whole', () => {
    resetRunner(runner);
    for (const words of commands) expect(runner.run(...words)).not.toMatch(/^-/);
    const bytes = written(runner);
    const lines = parseLog(bytes).filter(([name]) => name !== 'SELECT');
    if (expected !== null) expect(lines.map((one) => one.join(' '))).toEqual(expected);
    for (const words of lines) expect(words.length).toBeLessThanOrEqual(2 + 64 * 2);
    expectSame(bytes);
  });

  test('in slices, with a sink that is emptied between them', () => {
    resetRunner(runner);
    for (const words of commands) runner.run(...words);
    const parts: Uint8Array[] = [];
    let longest = 0;
    written(runner, (_sink, shard, ref) => {
      const sink = new MemorySink();
      for (const steps = commandSlices(sink, shard, ref); ; ) {
        const isDone = steps.next().done === true;
        parts.push(sink.buf.slice(0, sink.length));
        longest = Math.max(longest, sink.length);
        sink.length = 0;
        if (isDone) return;
      }
    });
    const key = Math.max(...commands.map((words) => String(words[1]).length));
    expect(longest).toBeLessThan((1 << 18) + key * 2 + 4096);
    expectSame(Buffer.concat(parts));
  });
});

test('random keyspaces come back, also in redis-server', async () => {
  const redis = redisServerPath() === null ? null : await startRedis();
  const client = redis === null ? null : await RawClient.connect(redis.port);
  const pair = new LogPair();
  try {
    await withRandom(async (random) => {
      for (let epoch = 0; epoch < 4; epoch++) {
        // Redis 7.0 has no times of expiry of fields.
        const pools = epoch < 2 ? (['expiry', 'newer'] as const) : (['field'] as const);
        expect(fuzzEpoch(pair, random, pools, 200)).toBe(null);
        const from = pair.recorder.runner;
        const log = parseLog(written(from));
        resetRunner(copy);
        replay(copy, log);
        expect(expiryLines(copy)).toEqual(expiryLines(from));
        expect(rawDigest(copy)).toBe(rawDigest(from));
        if (client === null || epoch >= 2) continue;
        await client.command(['FLUSHALL']);
        const replies = await Promise.all(log.map((words) => client.command(words)));
        expect(replies.filter((reply) => reply.startsWith('-'))).toEqual([]);
        expect(await client.command(['DEBUG', 'DIGEST'])).toBe(`+${rawDigest(from)}\r\n`);
      }
    });
  } finally {
    client?.close();
    await redis?.stop();
  }
});
