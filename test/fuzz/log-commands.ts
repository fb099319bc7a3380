/**
 * Random commands for the fuzzer of the log: those of the differential fuzzer, newer ones, times of
 * expiry that pass soon, and values that come back by RESTORE.
 */
import type { Random } from '../support/random.ts';
import { type Command, type Family, randomCommand } from './diff-commands.ts';
import { all, from, maybe, type Part, some, type Template, word } from './diff-template.ts';

/** A step of a run. */
export type Step =
  | { readonly kind: 'commands'; readonly commands: readonly Command[] }
  | { readonly kind: 'transaction'; readonly commands: readonly Command[] }
  /** RESTORE of what DUMP of a key says. */
  | { readonly kind: 'restore'; readonly key: string; readonly words: Command }
  | { readonly kind: 'advance'; readonly ms: number }
  /** A slice of the active expire cycle. */
  | { readonly kind: 'expire' };

const FAMILIES: readonly Family[] = [
  ...['string' as const, 'bitmap' as const, 'generic' as const, 'list' as const],
  ...[
    'hash' as const,
    'set' as const,
    'sort' as const,
    'zset' as const,
    'hll' as const,
    'geo' as const,
  ],
];

const KEYS = ['a', 'b', 'c', 'd', ''];
const FIELDS = ['0', '1', '2', 'a', 'b', 'abc', 'x'.repeat(65)];
const VALUES = ['', '1', '7', '-3', '1.5', 'abc', 'x'.repeat(70), '\0\r\n'];
const SHORT_MS = ['1', '50', '100', '900', '1500', '3000', '20000'];
const SHORT_SECONDS = ['1', '2', '3', '20'];
const MS_MAX = 2500;

const key = from(KEYS);
const field = from(FIELDS);
const value = from(VALUES);
const ttl: Part = (random) =>
  random.pick([
    ['EX', random.pick(SHORT_SECONDS)],
    ['PX', random.pick(SHORT_MS)],
    ['PXAT', '1'],
    ['EXAT', '5000000000'],
  ]);

/** `FIELDS numfields` and what follows of each field. */
const counted =
  (...parts: readonly Part[]): Part =>
  (random) => {
    const count = 1 + random.below(4);
    const words = Array.from({ length: count }, () => all(...parts)(random)).flat();
    return ['FIELDS', String(count), ...words];
  };
const many =
  (...parts: readonly Part[]): Part =>
  (random) =>
    Array.from({ length: 2 + random.below(30) }, () => all(...parts)(random)).flat();
const condition = maybe(word('NX', 'XX', 'GT', 'LT'));

/** Keys and fields that expire soon, in commands that Redis 7.0 knows. */
const EXPIRY: readonly Template[] = [
  ['EXPIRE', key, from(SHORT_SECONDS), condition],
  ['PEXPIRE', key, from(SHORT_MS), condition],
  ['SET', key, value, ttl],
  ['GETEX', key, ttl],
  ['PSETEX', key, from(SHORT_MS), value],
  ['SPOP', key, maybe(word('1', '2', '5'))],
  ['LMPOP', word('2'), key, key, word('LEFT', 'RIGHT'), maybe(word('COUNT'), word('1', '3'))],
  ['ZMPOP', word('2'), key, key, word('MIN', 'MAX'), maybe(word('COUNT'), word('1', '3'))],
  ['INCRBYFLOAT', key, word('1.5', '-0.1')],
  ['HINCRBYFLOAT', key, field, word('1.5', '-0.1')],
  ['SORT', key, word('ALPHA'), maybe(word('BY'), word('*', 'x*', 'a->*')), word('STORE'), key],
  [
    'SORT',
    key,
    word('BY'),
    word('nosort'),
    word('GET'),
    word('*', '#', '*->a'),
    word('STORE'),
    key,
  ],
  ['SINTERSTORE', key, key, key],
  ['SADD', key, some(8, field)],
  ['RPUSH', key, field, some(6, field)],
  ['ZADD', key, word('1', '2.5'), field],
  ['HSETNX', key, field, value],
];

const hash = from(['a', 'b']);
const FIELD_EXPIRY: readonly Template[] = [
  ['HSET', hash, field, value, some(5, all(field, value))],
  ['HSET', hash, many(field, value)],
  ['HSETNX', hash, field, value],
  ['HSETNX', hash, field, value],
  ['HINCRBY', hash, field, word('3')],
  ['HINCRBYFLOAT', hash, field, word('0.5')],
  ['HDEL', hash, field, some(2, field)],
  ['HEXPIRE', hash, from(SHORT_SECONDS), condition, counted(field)],
  ['HPEXPIRE', hash, from(SHORT_MS), condition, counted(field)],
  ['HPEXPIRE', hash, from(SHORT_MS), counted(field)],
  ['HPEXPIREAT', hash, word('1', '5000000000000'), counted(field)],
  ['HPERSIST', hash, counted(field)],
  ['HGETDEL', hash, counted(field)],
  ['HGETEX', hash, (random) => (random.oneIn(3) ? 'PERSIST' : ttl(random)), counted(field)],
  [
    'HSETEX',
    key,
    maybe(word('FNX', 'FXX')),
    maybe((random) => (random.oneIn(3) ? 'KEEPTTL' : ttl(random))),
    counted(field, value),
  ],
  ['COPY', hash, hash, word('REPLACE')],
  ['RENAME', hash, hash],
  ['EXPIRE', hash, word('3', '100', '100')],
];

const NEWER: readonly Template[] = [
  ['SET', key, value, word('IFEQ', 'IFNE'), value, maybe(ttl)],
  ['SET', key, value, word('IFDNE'), word('0123456789abcdef'), maybe(word('GET'))],
  ['DELEX', key, word('IFEQ', 'IFNE'), value],
  [
    'MSETEX',
    word('2'),
    ...[key, value, key, value],
    maybe(word('NX', 'XX')),
    maybe((random) => (random.oneIn(3) ? 'KEEPTTL' : ttl(random))),
  ],
  ['INCREX', key, maybe(word('BYFLOAT'), word('0.5')), maybe(ttl), maybe(word('SATURATE'))],
  ['INCREX', key, word('PERSIST')],
  ['HIMPORT', word('SET'), key, all(word('f'), value), maybe(word('g'), value)],
  [
    'LMOVEM',
    ...[key, key, word('LEFT', 'RIGHT'), word('LEFT', 'RIGHT')],
    maybe(word('COUNT', 'EXACTLY'), word('1', '2', '5'), word('OBO', 'BULK')),
  ],
  ['BITOP', word('DIFF', 'DIFF1', 'ANDOR', 'ONE'), key, key, key, maybe(key)],
  ['ZUNIONSTORE', key, word('2'), key, key, word('AGGREGATE'), word('COUNT')],
  ['ZINTERSTORE', key, word('2'), key, key, word('AGGREGATE'), word('COUNT')],
];

const BIG_VALUES = ['v'.repeat(30), 'w'.repeat(300), 'x'.repeat(3000)];
const bigValue = from(BIG_VALUES);
/** A name that no other command has had, most likely. */
const name: Part = (random) => `n${random.below(100_000)}`;
const manyFields =
  (...parts: readonly Part[]): Part =>
  (random) => {
    const count = 2 + random.below(30);
    const words = Array.from({ length: count }, () => all(...parts)(random)).flat();
    return ['FIELDS', String(count), ...words];
  };
const knownField: Part = (random) => `f${random.below(60)}`;

/** Commands that need much memory, and may find it for a part of what they do. */
const LARGE: readonly Template[] = [
  ['DEL', key],
  ['MSET', many(name, bigValue)],
  ['MSETNX', many(name, bigValue)],
  ['MSETEX', word('4'), ...[name, bigValue, name, bigValue, name, bigValue, name, bigValue]],
  ['LPUSH', key, many(bigValue)],
  ['RPUSH', key, many(bigValue)],
  ['SADD', key, many(name)],
  ['SADD', key, many(all(name))],
  ['HSET', key, many(knownField, bigValue)],
  ['HMSET', key, many(name, bigValue)],
  ['HSETEX', key, word('PX'), from(SHORT_MS), manyFields(knownField, bigValue)],
  ['HSETEX', key, word('KEEPTTL'), manyFields(knownField, bigValue)],
  ['HPEXPIRE', key, from(SHORT_MS), manyFields(knownField)],
  ['HPERSIST', key, manyFields(knownField)],
  ['HGETEX', key, word('EX'), word('3'), manyFields(knownField)],
  ['HIMPORT', word('SET'), key, word('f'), bigValue, word('g'), bigValue],
  ['ZADD', key, many(word('1', '2', '3.5'), name)],
  ['GEOADD', key, many(word('13', '14'), word('38', '39'), name)],
  ['APPEND', key, bigValue],
  ['SETRANGE', key, word('20000'), bigValue],
  ['COPY', key, name],
  ['RENAME', key, name],
  ['LMOVEM', key, key, word('LEFT'), word('RIGHT'), word('COUNT'), word('20'), word('BULK')],
  ['LMOVE', key, key, word('LEFT'), word('RIGHT')],
  ['SUNIONSTORE', key, key, key],
  ['ZUNIONSTORE', key, word('2'), key, key, maybe(word('AGGREGATE'), word('COUNT'))],
  ['SORT', key, word('ALPHA'), maybe(word('BY'), word('*')), word('STORE'), key],
  ['PFADD', key, many(name)],
  ['EXPIRE', key, from(SHORT_SECONDS)],
];

const streamKey = from(['a', 'b']);
const id = from(['1-1', '2-0', '20-0', '20-1', '30-0', '40-0', '40-1']);
const ids: Part = (random) => {
  const all_ids = Array.from({ length: 1 + random.below(3) }, () => id(random) as string);
  return ['IDS', String(all_ids.length), ...all_ids];
};
const group = word('g', 'h');
const producer = word('p', 'q');
const iid = word('1', '2', '3', '4', '5');
const policy = maybe(word('KEEPREF', 'DELREF', 'ACKED'));

/**
 * What Redis 7.0 does not know of streams, and what makes that something to do. Not among them, nor
 * in the families, is XREADGROUP of what is pending: as in Redis, that it was is not in the log.
 */
const STREAM: readonly Template[] = [
  ['XADD', streamKey, word('*', '20-*', '30-*', '40-*'), field, value],
  ['XADD', streamKey, policy, word('MAXLEN', 'MINID'), word('5'), word('*'), field, value],
  ['XADD', streamKey, word('IDMP'), producer, iid, word('*'), field, value],
  ['XADD', streamKey, word('IDMPAUTO'), producer, word('*'), field, value],
  ['XCFGSET', streamKey, word('IDMP-MAXSIZE'), word('2', '2', '3', '100')],
  ['XCFGSET', streamKey, word('IDMP-DURATION'), word('1000', '1000', '5000')],
  ['XGROUP', word('CREATE'), streamKey, group, word('0', '$'), word('MKSTREAM')],
  ['XREADGROUP', word('GROUP'), group, word('alice', 'bob'), word('STREAMS'), streamKey, word('>')],
  [
    ...(['XREADGROUP', word('GROUP'), group, word('alice', 'bob'), word('CLAIM')] as const),
    ...([word('0', '900'), word('STREAMS'), streamKey, word('>')] as const),
  ],
  ['XNACK', streamKey, group, word('SILENT', 'FAIL', 'FATAL'), ids],
  [
    'XNACK',
    streamKey,
    group,
    word('FAIL'),
    ids,
    word('RETRYCOUNT'),
    word('7'),
    maybe(word('FORCE')),
  ],
  ['XDELEX', streamKey, policy, ids],
  ['XACKDEL', streamKey, group, policy, ids],
  ['XACK', streamKey, group, id],
  ['XAUTOCLAIM', streamKey, group, word('alice', 'bob'), word('0', '900'), word('0')],
  [
    'XCLAIM',
    streamKey,
    group,
    word('alice', 'bob'),
    word('0'),
    id,
    maybe(word('IDLE'), word('100')),
  ],
  ['XTRIM', streamKey, word('MAXLEN'), word('3', '9')],
  ['COPY', streamKey, streamKey, word('REPLACE')],
];

const POOLS = {
  expiry: EXPIRY,
  field: FIELD_EXPIRY,
  newer: NEWER,
  large: LARGE,
  stream: STREAM,
};

/** What a run consists of besides the families of the differential fuzzer. */
export type Pool = keyof typeof POOLS;

/** A command of one of `pools`, or of the families that all servers know. */
function oneCommand(random: Random, pools: readonly Pool[]): Command {
  if (random.oneIn(pools.length === 1 ? 10 : 2)) return randomCommand(random, FAMILIES);
  const [first, ...parts] = random.pick(POOLS[random.pick(pools)]);
  return [first, ...parts.flatMap((part) => part(random))];
}

/** The next step of a run. */
export function randomStep(random: Random, pools: readonly Pool[]): Step {
  const kind = random.below(20);
  if (kind === 0) return { kind: 'advance', ms: random.below(MS_MAX) };
  if (kind === 1) return { kind: 'expire' };
  if (kind === 2) {
    const words = ['RESTORE', random.pick(KEYS), random.pick(['0', '0', '700', '50000'])];
    const options = random.pick([['REPLACE'], ['REPLACE'], ['REPLACE', 'ABSTTL'], []]);
    return { kind: 'restore', key: random.pick(KEYS), words: [...words, ...options] };
  }
  const count = kind === 3 ? 1 + random.below(5) : 1;
  const commands = Array.from({ length: count }, () => oneCommand(random, pools));
  return { kind: kind === 3 ? 'transaction' : 'commands', commands };
}
