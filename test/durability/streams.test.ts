/** Streams in DUMP payloads: of all versions, written by hand, by us and by redis-server. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { decodeReply } from '../support/decode-reply.ts';
import { type Argument, LocalRunner } from '../support/local-runner.ts';
import { type RedisServer, redisServerPath, startRedis } from '../support/redis-server.ts';
import { bytesOf, DATA_COMMANDS, payloadOf } from './payload.ts';
import {
  consumerOf,
  factsOf,
  groupOf,
  idOf,
  nodeOf,
  producerOf,
  producersOf,
  rawOf,
  streamOf,
  TWO_ENTRIES,
} from './stream-payload.ts';

const OK = '+OK\r\n';
const BAD = '-ERR Bad data format\r\n';

const payloadIn = (reply: string): Buffer =>
  Buffer.from(reply.slice(reply.indexOf('\r\n') + 2, -2), 'latin1');

function newRunner(): LocalRunner {
  const runner = new LocalRunner(DATA_COMMANDS, { shards: 1, arenaBytes: 1 << 24 });
  runner.state.limits.rdbCompression = false;
  return runner;
}

/** The entries of a stream, as XRANGE shows them. */
const entriesOf = (runner: LocalRunner, key = 'k'): unknown =>
  decodeReply(runner.run('XRANGE', key, '-', '+'));

const ENTRIES = [
  ['1-1', ['a', 'b']],
  ['5-0', ['a', 'c']],
];

const PRODUCER = producerOf('p', [
  ['i', idOf(1, 1)],
  ['j', idOf(5, 0)],
]);

/** name: [type, version of the payload, value, type that is written then] */
const GOOD: Readonly<Record<string, readonly [number, number, Buffer, number]>> = {
  'of Redis 5': [15, 9, streamOf(15, {}), 19],
  'of Redis 7.0': [19, 10, streamOf(19, {}), 19],
  'of Redis 7.2': [21, 11, streamOf(21, {}), 19],
  'of Redis 8.6': [26, 13, streamOf(26, {}), 19],
  'of Redis 8.8': [27, 14, streamOf(27, {}), 19],
  'with a group': [19, 10, streamOf(19, { groups: [groupOf(19, {})] }), 19],
  'with a group, of Redis 5': [15, 9, streamOf(15, { groups: [groupOf(15, {})] }), 19],
  'with a group, of Redis 7.2': [21, 11, streamOf(21, { groups: [groupOf(21, {})] }), 19],
  'with entries that nobody has': [
    27,
    14,
    streamOf(27, { groups: [groupOf(27, { released: [rawOf(5, 0)], owned: [rawOf(1, 1)] })] }),
    27,
  ],
  'with producers': [26, 13, streamOf(26, { producers: producersOf(9, 8, [PRODUCER], 3, 4) }), 26],
  'with counters of producers': [
    26,
    13,
    streamOf(26, { producers: producersOf(100, 100, [], 3, 4) }),
    26,
  ],
  'with settings of its own': [
    26,
    13,
    streamOf(26, { producers: producersOf(100, 7, [], 0, 0) }),
    26,
  ],
};

describe.each(Object.entries(GOOD))('a stream %s', (_name, [type, version, body, written]) => {
  test('is taken, and comes back', () => {
    const runner = newRunner();
    expect(runner.run('RESTORE', 'k', '0', payloadOf(type, body, version))).toBe(OK);
    expect(entriesOf(runner)).toEqual(ENTRIES);
    runner.checkInvariants();
    const payload = payloadIn(runner.run('DUMP', 'k'));
    expect(payload[0]).toBe(written);
    if (type === written) expect(payload).toEqual(payloadOf(type, body, version));
    expect(runner.run('RESTORE', 'l', '0', payload)).toBe(OK);
    expect(runner.run('DUMP', 'l')).toBe(runner.run('DUMP', 'k'));
    runner.checkInvariants();
  });
});

test('nodes without live entries, which Redis leaves behind, are dropped', () => {
  const runner = newRunner();
  const dead = nodeOf(idOf(1, 1), [[1, 0, 0, 'b']], 0, 1);
  const alive = nodeOf(idOf(7, 0), [[0, 0, 0, 'x']]);
  const body = streamOf(19, { nodes: [dead, alive], facts: factsOf(1, [7, 0], [7, 0]) });
  expect(runner.run('RESTORE', 'k', '0', payloadOf(19, body))).toBe(OK);
  expect(entriesOf(runner)).toEqual([['7-0', ['a', 'x']]]);
  runner.checkInvariants();
  const empty = streamOf(19, { nodes: [dead], facts: factsOf(0, [1, 1], [0, 0]) });
  expect(runner.run('RESTORE', 'e', '0', payloadOf(19, empty))).toBe(OK);
  expect(runner.run('XLEN', 'e')).toBe(':0\r\n');
  runner.checkInvariants();
});

test('entries read beyond those added, which Redis wrote before 8.2.2, are limited', () => {
  const runner = newRunner();
  const body = streamOf(19, { groups: [groupOf(19, { read: 3 })] });
  expect(runner.run('RESTORE', 'k', '0', payloadOf(19, body))).toBe(OK);
  const right = streamOf(19, { groups: [groupOf(19, {})] });
  expect(payloadIn(runner.run('DUMP', 'k'))).toEqual(payloadOf(19, right));
  runner.checkInvariants();
});

test('a last ID before a deleted one, which XSETID of 7.0 sets, is raised to that', () => {
  const runner = newRunner();
  const lastOf = (key: string): unknown => {
    const facts = decodeReply(runner.run('XINFO', 'STREAM', key)) as unknown[];
    return facts[facts.indexOf('last-generated-id') + 1];
  };
  const node = nodeOf(
    idOf(1, 1),
    [
      [0, 0, 0, 'b'],
      [1, 8, 0, 'c'],
    ],
    1,
    1,
  );
  const body = streamOf(19, { nodes: [node], facts: factsOf(1, [2, 0], [1, 1], [9, 1]) });
  expect(runner.run('RESTORE', 'k', '0', payloadOf(19, body))).toBe(OK);
  expect(lastOf('k')).toBe('9-1');
  const other = streamOf(19, { facts: factsOf(2, [5, 0], [1, 1], [6, 0]) });
  expect(runner.run('RESTORE', 'l', '0', payloadOf(19, other))).toBe(OK);
  expect(lastOf('l')).toBe('6-0');
  expect(runner.run('XADD', 'l', '6-0', 'a', 'b')).toMatch(/^-ERR The ID specified in XADD/);
  runner.checkInvariants();
});

const entry = (ms: number, flags = 0): [number, number, number, string] => [flags, ms, 0, 'v'];
const nodesOf = (...nodes: Buffer[]): Buffer => streamOf(19, { nodes });
const groupsOf = (...groups: Buffer[]): Buffer => streamOf(19, { groups });

/** Values that are refused. */
const REFUSED: Readonly<Record<string, readonly [number, Buffer]>> = {
  'a node whose ID has 15 bytes': [
    19,
    nodesOf(bytesOf([15], Buffer.alloc(15, 1), TWO_ENTRIES.subarray(17))),
  ],
  'a node without entries': [19, nodesOf(nodeOf(idOf(1, 1), []))],
  'a node that says too many entries': [19, nodesOf(nodeOf(idOf(1, 1), [entry(0)], 2, 0))],
  'a node that says too many deleted ones': [19, nodesOf(nodeOf(idOf(1, 1), [entry(0)], 1, 1))],
  'a node whose first entry has another ID': [
    19,
    nodesOf(nodeOf(idOf(1, 1), [entry(1), entry(4)])),
  ],
  'entries of one ID': [19, nodesOf(nodeOf(idOf(1, 1), [entry(0), entry(0)]))],
  'entries in the wrong order': [19, nodesOf(nodeOf(idOf(1, 1), [entry(0), entry(4), entry(3)]))],
  'an ID beyond the greatest': [19, nodesOf(nodeOf(idOf(1, 1), [entry(0), entry(-2)]))],
  'nodes in the wrong order': [
    19,
    nodesOf(nodeOf(idOf(5, 0), [entry(0)]), nodeOf(idOf(1, 1), [entry(0)])),
  ],
  'nodes that overlap': [
    19,
    nodesOf(nodeOf(idOf(1, 1), [entry(0), entry(8)]), nodeOf(idOf(5, 0), [entry(0)])),
  ],
  'two nodes of one ID': [
    19,
    nodesOf(nodeOf(idOf(1, 1), [entry(0)]), nodeOf(idOf(1, 1), [entry(0)])),
  ],
  'another number of entries': [19, streamOf(19, { facts: factsOf(3, [5, 0], [1, 1]) })],
  'a last ID before the last entry': [19, streamOf(19, { facts: factsOf(2, [4, 0], [1, 1]) })],
  'two groups of one name': [19, groupsOf(groupOf(19, {}), groupOf(19, {}))],
  'two pending entries of one ID': [
    19,
    groupsOf(groupOf(19, { pending: [rawOf(1, 1), rawOf(1, 1)] })),
  ],
  'a pending entry that nobody has': [
    19,
    groupsOf(groupOf(19, { pending: [rawOf(1, 1), rawOf(5, 0)], owned: [rawOf(1, 1)] })),
  ],
  'a pending entry of a consumer that the group does not have': [
    19,
    groupsOf(groupOf(19, { pending: [rawOf(1, 1)], owned: [rawOf(1, 1), rawOf(5, 0)] })),
  ],
  'a pending entry that a consumer has twice': [
    19,
    groupsOf(groupOf(19, { pending: [rawOf(1, 1)], owned: [rawOf(1, 1), rawOf(1, 1)] })),
  ],
  'two consumers of one name': [
    19,
    groupsOf(groupOf(19, { pending: [], consumers: [consumerOf(19, []), consumerOf(19, [])] })),
  ],
  'two producers of one name': [
    26,
    streamOf(26, { producers: producersOf(9, 8, [PRODUCER, PRODUCER], 0, 0) }),
  ],
  'two producers of one name, with other iids': [
    26,
    streamOf(26, {
      producers: producersOf(9, 8, [PRODUCER, producerOf('p', [['x', idOf(1, 1)]])], 0, 0),
    }),
  ],
  'an iid twice': [
    26,
    streamOf(26, {
      producers: producersOf(
        9,
        8,
        [
          producerOf('p', [
            ['x', idOf(1, 1)],
            ['x', idOf(1, 1)],
          ]),
        ],
        0,
        0,
      ),
    }),
  ],
  'a producer without iids': [
    26,
    streamOf(26, { producers: producersOf(9, 8, [producerOf('p', [])], 0, 0) }),
  ],
  'more iids than a producer may have': [
    26,
    streamOf(26, { producers: producersOf(9, 1, [PRODUCER], 0, 0) }),
  ],
  'a duration of nothing': [26, streamOf(26, { producers: producersOf(0, 8, [], 0, 0) })],
  'a duration that is too long': [
    26,
    streamOf(26, { producers: producersOf(86_401, 8, [], 0, 0) }),
  ],
  'fewer entries added than there are': [
    19,
    streamOf(19, { facts: factsOf(2, [5, 0], [1, 1], [0, 0], 1) }),
  ],
  'a released entry that a consumer has': [
    27,
    streamOf(27, { groups: [groupOf(27, { released: [rawOf(1, 1)] })] }),
  ],
  'a released entry that is not pending': [
    27,
    streamOf(27, { groups: [groupOf(27, { released: [rawOf(9, 9)] })] }),
  ],
  'an entry that nobody has and that was not released': [
    27,
    streamOf(27, { groups: [groupOf(27, { owned: [rawOf(1, 1)] })] }),
  ],
};

describe('is refused, and leaves nothing behind', () => {
  test.each(Object.entries(REFUSED))('%s', (_name, [type, body]) => {
    const runner = newRunner();
    const { arena, lazy } = runner.shards[0]!;
    expect(runner.run('RESTORE', 'd', '0', payloadOf(19, streamOf(19, {})))).toBe(OK);
    runner.run('DEL', 'd');
    const used = arena.usedBytes();
    expect(runner.run('RESTORE', 'd', '0', payloadOf(type, body, 14))).toBe(BAD);
    while (!lazy.step(1000));
    expect(arena.usedBytes()).toBe(used);
    runner.checkInvariants();
  });
});

/** Commands that make the stream `k`. */
const MADE: Readonly<Record<string, readonly (readonly Argument[])[]>> = {
  'one entry': [['XADD', 'k', '1-1', 'a', 'b']],
  'numbers and long values': [
    ['XADD', 'k', '1-1', 'a', '12', 'b', '-70000', 'c', 'x'.repeat(5000)],
    ['XADD', 'k', '18446744073709551615-18446744073709551614', 'a', '9223372036854775807'],
  ],
  'many nodes, some entries deleted': [
    ...Array.from({ length: 450 }, (_, i) => ['XADD', 'k', `${i + 1}-1`, 'f', i, 'g', `v${i}`]),
    ...Array.from({ length: 150 }, (_, i) => ['XDEL', 'k', `${i * 3 + 1}-1`]),
    ['XTRIM', 'k', 'MAXLEN', '210'],
  ],
  'a trimmed beginning': [
    ...Array.from({ length: 30 }, (_, i) => ['XADD', 'k', `${i + 1}-0`, 'f', i]),
    ['XDEL', 'k', '15-0'],
    ['XTRIM', 'k', 'MINID', '15'],
  ],
  'no entries, and groups': [
    ['XGROUP', 'CREATE', 'k', 'g', '$', 'MKSTREAM'],
    ['XGROUP', 'CREATECONSUMER', 'k', 'g', 'c'],
    ['XGROUP', 'CREATE', 'k', 'h', '7-7'],
  ],
  'groups with pending entries': [
    ...Array.from({ length: 300 }, (_, i) => ['XADD', 'k', `${i + 1}-0`, 'f', i]),
    ['XGROUP', 'CREATE', 'k', 'g', '0'],
    ['XGROUP', 'CREATE', 'k', 'h', '100-0', 'ENTRIESREAD', '100'],
    ['XREADGROUP', 'GROUP', 'g', 'one', 'COUNT', '120', 'STREAMS', 'k', '>'],
    ['XREADGROUP', 'GROUP', 'g', 'two', 'STREAMS', 'k', '>'],
    ['XREADGROUP', 'GROUP', 'h', 'one', 'COUNT', '2', 'STREAMS', 'k', '>'],
    ['XACK', 'k', 'g', '5-0', '6-0', '200-0'],
    ['XDEL', 'k', '9-0', '250-0'],
    ['XCLAIM', 'k', 'g', 'two', '0', '1-0', 'RETRYCOUNT', '77', 'TIME', '1234567'],
  ],
};

describe.skipIf(redisServerPath() === null)('beside redis-server', () => {
  let server: RedisServer;

  beforeAll(async () => {
    server = await startRedis(['--rdbcompression', 'no']);
  });

  afterAll(async () => {
    await server.stop();
  });

  test.each(Object.entries(MADE))('%s: its payloads are ours', async (_name, commands) => {
    await server.command(['FLUSHALL']);
    for (const command of commands) {
      expect(await server.command(command), command.join(' ')).not.toMatch(/^-/);
    }
    const payload = payloadIn(await server.command(['DUMP', 'k']));
    const runner = newRunner();
    expect(runner.run('RESTORE', 'k', '0', payload)).toBe(OK);
    runner.checkInvariants();
    expect(runner.run('DEBUG', 'DIGEST-VALUE', 'k')).toBe(
      await server.command(['DEBUG', 'DIGEST-VALUE', 'k']),
    );
    expect(payloadIn(runner.run('DUMP', 'k'))).toEqual(payload);
    expect(await server.command(['RESTORE', 'l', '0', payload])).toBe(OK);
    expect(await server.command(['XINFO', 'STREAM', 'l', 'FULL'])).toBe(
      await server.command(['XINFO', 'STREAM', 'k', 'FULL']),
    );
  });

  test.each(Object.entries(MADE))('%s: in a file', async (_name, commands) => {
    await server.command(['FLUSHALL']);
    for (const command of commands) await server.command(command);
    const runner = newRunner();
    const payload = payloadIn(await server.command(['DUMP', 'k']));
    runner.state.limits.rdbCompression = true;
    expect(runner.run('RESTORE', 'k', '0', payload)).toBe(OK);
    const compressed = payloadIn(runner.run('DUMP', 'k'));
    expect(await server.command(['RESTORE', 'k', '0', compressed, 'REPLACE'])).toBe(OK);
    expect(payloadIn(await server.command(['DUMP', 'k']))).toEqual(payload);
  });
});
