import fc from 'fast-check';
import { afterAll, beforeAll, describe, test } from 'vitest';
import { GENERIC_COMMANDS } from '../../src/commands/generic.ts';
import { STREAM_COMMANDS } from '../../src/commands/stream.ts';
import { STRING_COMMANDS } from '../../src/commands/string.ts';
import { type Decoded, decodeReply } from '../support/decode-reply.ts';
import { DELIVERIES_END } from '../support/near-streams.ts';
import { type RedisServer, redisServerPath, startRedis } from '../support/redis-server.ts';
import { type Command, compareWithRedis } from './differential.ts';

const KEY = 's';
const OTHER = 'string';
const RUNS = 12;
const COMMANDS_MIN = 40;
const BEGIN: readonly Command[] = [
  ...['1-1', '2-0', '2-1', '3-1', '4-0', '5-2', '6-0', '7-1'].map((id) => [
    'XADD',
    KEY,
    id,
    'f',
    id,
  ]),
  ['XGROUP', 'CREATE', KEY, 'g', '0'],
  ['XGROUP', 'CREATE', KEY, 'h', '4-0'],
];
/** Both clocks differ by less than half of this: idle times are compared in its units. */
const STEP_MS = 1_000_000;

const key = fc.oneof(
  { weight: 20, arbitrary: fc.constant(KEY) },
  { weight: 1, arbitrary: fc.constantFrom('none', OTHER) },
);
const group = fc.oneof(
  { weight: 20, arbitrary: fc.constantFrom('g', 'g', 'g', 'h') },
  { weight: 1, arbitrary: fc.constantFrom('none', '', 'a\r\nb') },
);
const consumer = fc.constantFrom('alice', 'bob', 'carol');
const bad = fc.constantFrom('x', '', '1-', '-1', '1-1-1', '1-*', '18446744073709551616', '1.5');
const smallId = fc
  .tuple(fc.integer({ min: 1, max: 12 }), fc.integer({ min: 0, max: 2 }))
  .map(([ms, seq]) => `${ms}-${seq}`);
const id = fc.oneof(
  { weight: 20, arbitrary: smallId },
  { weight: 3, arbitrary: fc.integer({ min: 0, max: 13 }).map(String) },
  { weight: 1, arbitrary: bad },
);
const bound = fc.oneof(
  { weight: 5, arbitrary: fc.constantFrom('-', '+') },
  { weight: 5, arbitrary: id },
  { weight: 3, arbitrary: id.map((text) => `(${text}`) },
  fc.constantFrom('(-', '(18446744073709551615-18446744073709551615', '(0-0', '('),
);
const newId = fc.oneof(smallId, fc.constantFrom('8-*', '9-*', '12-*'));
const ids = fc.array(id, { minLength: 1, maxLength: 6 });
const goodIds = fc.array(smallId, { minLength: 1, maxLength: 8 });
const idle = fc.constantFrom('0', '1000000', '2000000', '3000000');
/** Between the idle times that entries may have. */
const minIdle = fc.oneof(
  { weight: 10, arbitrary: fc.constantFrom('0', '0', '-3', '500000', '1500000', '2500000') },
  fc.constantFrom('x', '9223372036854775807', '9223372036854775808'),
);
const count = fc.constantFrom('1', '2', '3', '10', '10', '0', '-1', 'x', '9223372036854775807');
const retryCount = fc.constantFrom('0', '1', '7', '-1', '9223372036854775807', 'x');
const start = fc.oneof({ weight: 3, arbitrary: fc.constant('$') }, id, fc.constantFrom('-', '+'));
const claimOption = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom(['FORCE'], ['force'], ['JUSTID']) },
  { weight: 3, arbitrary: idle.map((ms) => ['IDLE', ms]) },
  retryCount.map((n) => ['RETRYCOUNT', n]),
  smallId.map((text) => ['LASTID', text]),
  fc.constantFrom(['TIME', '-1'], ['TIME', '99999999999999'], ['TIME', 'x'], ['IDLE'], ['x']),
);
const claimOptions = fc.array(claimOption, { maxLength: 3 }).map((list) => list.flat());
const forced = fc
  .tuple(idle, fc.constantFrom([], ['RETRYCOUNT', '2'], ['JUSTID']))
  .map(([ms, more]) => ['FORCE', 'IDLE', ms, ...more]);

function words(
  name: string,
  ...parts: (string | fc.Arbitrary<string | readonly string[]>)[]
): fc.Arbitrary<Command> {
  const given = parts.map((part) => (typeof part === 'string' ? fc.constant(part) : part));
  return fc.tuple(...given).map((values) => [name, ...values.flat()]);
}

const readId = fc.oneof({ weight: 4, arbitrary: fc.constant('>') }, fc.constant('0'), smallId);
const entriesRead = fc.constantFrom([], [], ['ENTRIESREAD', '3'], ['ENTRIESREAD', '-1'], ['x']);
const createOptions = fc.constantFrom(
  ...[[], ['MKSTREAM'], ['mkstream'], ['MKSTREAM', 'ENTRIESREAD', '2'], ['ENTRIESREAD', '-2']],
  ...[['ENTRIESREAD', 'x'], ['ENTRIESREAD'], ['MKSTREAM', 'MKSTREAM', 'MKSTREAM', 'MKSTREAM']],
);
const autoOptions = fc.oneof(
  fc.constantFrom([], ['JUSTID'], ['justid', 'COUNT', '2'], ['COUNT', '1'], ['COUNT']),
  count.map((n) => ['COUNT', n]),
  fc.constantFrom(['COUNT', '576460752303423488'], ['x']),
);
const pendingRange = fc.tuple(bound, bound, count).map((list) => [...list]);
const full = fc.constantFrom(['FULL'], ['full', 'COUNT', '1'], ['FULL', 'COUNT', '0'], ['x']);

const command: fc.Arbitrary<Command> = fc.oneof(
  { weight: 6, arbitrary: words('XADD', KEY, newId, 'f', fc.constantFrom('v', '1', 'w')) },
  { weight: 3, arbitrary: words('XDEL', KEY, goodIds) },
  words('XTRIM', KEY, 'MAXLEN', fc.constantFrom('=', '='), fc.constantFrom('3', '6')),
  { weight: 6, arbitrary: words('XGROUP', 'CREATE', key, group, start, createOptions) },
  { weight: 2, arbitrary: words('XGROUP', 'SETID', key, group, start, entriesRead) },
  words('XGROUP', 'DESTROY', key, group),
  words('XGROUP', 'CREATECONSUMER', key, group, consumer),
  { weight: 2, arbitrary: words('XGROUP', 'DELCONSUMER', key, group, consumer) },
  {
    weight: 6,
    arbitrary: words(
      'XREADGROUP',
      'GROUP',
      group,
      consumer,
      'COUNT',
      count,
      'STREAMS',
      KEY,
      readId,
    ),
  },
  { weight: 6, arbitrary: words('XCLAIM', key, group, consumer, '0', goodIds, forced) },
  { weight: 6, arbitrary: words('XCLAIM', key, group, consumer, minIdle, ids, claimOptions) },
  { weight: 5, arbitrary: words('XAUTOCLAIM', key, group, consumer, minIdle, bound, autoOptions) },
  { weight: 4, arbitrary: words('XACK', key, group, ids) },
  { weight: 2, arbitrary: words('XPENDING', key, group) },
  { weight: 4, arbitrary: words('XPENDING', key, group, pendingRange) },
  { weight: 2, arbitrary: words('XPENDING', key, group, pendingRange, consumer) },
  { weight: 2, arbitrary: words('XPENDING', key, group, 'IDLE', minIdle, pendingRange) },
  words('XPENDING', key, group, 'IDLE', minIdle, pendingRange, consumer),
  words('XPENDING', key, group, bound),
  words('XINFO', 'STREAM', key),
  words('XINFO', 'STREAM', key, full),
  words('XINFO', 'GROUPS', key),
  words('XINFO', 'CONSUMERS', key, group),
  words('SET', fc.constant(OTHER), fc.constant('x')),
);

/**
 * Facts of XINFO that Redis 7.0 lacks, counts otherwise (lag: since 7.4; consumers: those who have
 * claimed nothing come into being, too, since 7.2), or that are of each server's own.
 */
const NOT_COMPARED: ReadonlySet<Decoded> = new Set([
  ...['idmp-duration', 'idmp-maxsize', 'pids-tracked', 'iids-tracked', 'iids-added'],
  ...['iids-duplicates', 'nacked-count', 'active-time', 'inactive', 'seen-time', 'idle'],
  ...['entries-read', 'lag', 'radix-tree-nodes'],
]);

/** The pairs of XINFO that are compared; consumers without entries and times are left out. */
function facts(value: Decoded): Decoded {
  if (!Array.isArray(value)) return value;
  const list = value as readonly Decoded[];
  if (typeof list[0] === 'string' && ['length', 'name'].includes(list[0])) {
    return list.map((one, i) => (i % 2 === 0 ? one : fact(list[i - 1]!, one))).filter(isCompared);
  }
  return list.map(facts);
}

function isCompared(one: Decoded, i: number, list: readonly Decoded[]): boolean {
  return !NOT_COMPARED.has(i % 2 === 0 ? one : list[i - 1]!);
}

/** A count that goes on beyond the largest integer: negative in Redis, while ours stays. */
function deliveries(count: Decoded): Decoded {
  return typeof count === 'number' && Math.abs(count) >= DELIVERIES_END ? 'beyond' : count;
}

function fact(name: Decoded, value: Decoded): Decoded {
  if (!Array.isArray(value)) return name === 'consumers' ? 0 : value;
  const list = value as readonly (readonly Decoded[])[];
  // Times of delivery, which XPENDING shows as idle times.
  if (name === 'pending') {
    return list.map((one) => [...one.slice(0, -2), deliveries(one.at(-1)!)]);
  }
  if (name === 'consumers') return list.filter((one) => one.at(-3) !== 0).map(facts);
  return facts(value);
}

function isSameInfo([name, sub]: Command, real: string, ours: string): boolean {
  if (name !== 'XINFO' || real[0] === '-' || ours[0] === '-') return false;
  const shown = (reply: string): string => {
    const value = decodeReply(reply) as readonly (readonly Decoded[])[];
    const kept = sub === 'CONSUMERS' ? value.filter((one) => one[3] !== 0) : value;
    return JSON.stringify(facts(kept));
  };
  return shown(real) === shown(ours);
}

/** Rows of XPENDING whose idle times are the same in steps. */
function isSamePending([name]: Command, real: string, ours: string): boolean {
  if (name !== 'XPENDING' || real[0] !== '*' || ours[0] !== '*') return false;
  const shown = (reply: string): string =>
    JSON.stringify(decodeReply(reply), (at, value: Decoded) => {
      if (at === '3') return deliveries(value);
      return at === '2' && typeof value === 'number' ? Math.round(value / STEP_MS) : value;
    });
  return shown(real) === shown(ours);
}

/** Whether there is a consumer who has claimed nothing yet. */
function isOtherConsumer([name, sub]: Command, real: string, ours: string): boolean {
  return name === 'XGROUP' && sub === 'CREATECONSUMER' && real[0] === ':' && ours[0] === ':';
}

describe.skipIf(redisServerPath() === null)('consumer groups against redis-server', () => {
  let server: RedisServer;
  beforeAll(async () => {
    server = await startRedis();
  });
  afterAll(() => server.stop());

  test.each([
    [false, 100],
    [true, 100],
    [false, 2],
    [true, 3],
  ])('the same replies, RESP3: %s, nodes of %i', async (resp3, entriesMax) => {
    await server.command(['CONFIG', 'SET', 'stream-node-max-entries', String(entriesMax)]);
    await compareWithRedis(server, {
      specs: [...STREAM_COMMANDS, ...STRING_COMMANDS, ...GENERIC_COMMANDS],
      command,
      begin: BEGIN,
      commandsMin: COMMANDS_MIN,
      probes: [
        ['XINFO', 'STREAM', KEY, 'FULL', 'COUNT', '0'],
        ['XINFO', 'STREAM', KEY],
        ...['g', 'h'].flatMap((name) => [
          ['XPENDING', KEY, name],
          ['XPENDING', KEY, name, '-', '+', '100'],
        ]),
      ],
      allowed: [
        { name: 'facts of newer versions, times', applies: isSameInfo },
        { name: 'clocks', applies: isSamePending },
        { name: 'consumers that have claimed nothing', applies: isOtherConsumer },
      ],
      resp3,
      runs: RUNS,
      prepare: (runner) => {
        runner.state.limits.streamNodeMaxEntries = entriesMax;
      },
    });
  });
});
