/**
 * Random commands for the differential fuzzer: templates by family, few keys, values at every edge.
 */
import type { Random } from '../support/random.ts';
import { COLLECTION_FAMILIES, COLLECTIONS, type CollectionFamily } from './diff-collections.ts';
import { GEO } from './diff-geo.ts';
import { HYPERLOGLOG } from './diff-hyperloglog.ts';
import { SORTED } from './diff-sorted.ts';
import { STREAM } from './diff-stream.ts';
import { all, from, maybe, type Part, some, type Template, word } from './diff-template.ts';

export type Command = readonly string[];

export type Family =
  | 'string'
  | 'bitmap'
  | 'generic'
  | 'transaction'
  | 'zset'
  | 'hll'
  | 'geo'
  | 'stream'
  | CollectionFamily;
export const FAMILIES: readonly Family[] = [
  ...['string' as const, 'bitmap' as const, 'generic' as const, 'transaction' as const],
  ...COLLECTION_FAMILIES,
  'zset',
  'hll',
  'geo',
  'stream',
];

/** Databases in use; DB index 3 and above is never written. */
export const DATABASES = 3;

const KEYS = ['a', 'b', 'c', 'd', 'e{a}', '', 'k\0\r\n', 'key-of-some-length-'.repeat(5)];

const VALUES = [
  ...[
    '',
    '0',
    '1',
    '-1',
    '10',
    '7',
    '-0',
    '+1',
    '01',
    ' 1',
    '1 ',
    '1.5',
    '-2.25',
    '1e3',
    '.5',
    '5.',
  ],
  ...[
    '3.0e-5',
    '0.1',
    '1e309',
    'inf',
    '-inf',
    'nan',
    '0x10',
    'abc',
    'ohmytext',
    'mynewtext',
    '\0\xff',
  ],
  ...['9223372036854775807', '-9223372036854775808', '9223372036854775808', '9007199254740993'],
  ...['2147483647', '4294967296', '999999999999999', '12345678901234567890', '1234567890.123456'],
  ...['x'.repeat(43), 'x'.repeat(44), 'x'.repeat(45), 'y'.repeat(200), '\xff'.repeat(64)],
  ...['\x00\x01\x80\x7f', 'z'.repeat(3000)],
];

const INTEGERS = [
  ...['0', '1', '-1', '2', '5', '-5', '100', '-100', '7', '8', '63', '64', '65'],
  ...['9223372036854775807', '-9223372036854775808', '9223372036854775808', 'abc', '', '1.0', ' 1'],
];

/** Offsets that make no huge strings: beyond the limit or near the start. */
const OFFSETS = [
  '0',
  '1',
  '3',
  '7',
  '8',
  '31',
  '100',
  '1000',
  '-1',
  '536870912',
  '4294967296',
  'x',
];

const BIT_INDEXES = ['0', '1', '3', '7', '8', '31', '100', '8000', '-1', '4294967296', 'x', ''];

const FLOATS = [
  '0',
  '1',
  '-1',
  '0.1',
  '1.5',
  '-2.25',
  '3.0e3',
  '1e17',
  '5e-7',
  'inf',
  '-inf',
  'nan',
];

const DBS = ['0', '1', '2', '0', '1', '2', '16', '-1', 'x', '99999999999'];

/** Relative times that cannot pass while the run lasts, and such as are over already. */
const SECONDS = [
  '1000',
  '5000',
  '100000',
  '0',
  '-1',
  'x',
  '9223372036854775807',
  '-9223372036854775808',
];
const UNIX_SECONDS = [
  '4000000000',
  '4000000001',
  '5000000000',
  '1',
  '0',
  '-1',
  'x',
  '9223372036854775',
];
const UNIX_MS = ['4000000000000', '4000000000001', '5000000000000', '1', '0', '-1', 'x'];

const BIT_TYPES = [
  'u8',
  'i8',
  'u1',
  'i64',
  'u63',
  'u64',
  'i65',
  'u0',
  'i5',
  'u17',
  'i33',
  'x8',
  'u',
];
/** Below -2^62 SET with OVERFLOW SAT overflows inside Redis, and saturates to the wrong end. */
const BIT_VALUES = INTEGERS.filter((text) => text !== '-9223372036854775808');
const BIT_OFFSETS = [
  '0',
  '1',
  '7',
  '#0',
  '#1',
  '#7',
  '100',
  '#20',
  '-1',
  '#-1',
  '4294967296',
  'x',
  '#',
];

/** Words that any argument may turn into. */
const WORDS = [
  ...[
    '',
    'x',
    '0',
    '1',
    '-1',
    'NX',
    'XX',
    'GT',
    'LT',
    'GET',
    'EX',
    'PX',
    'KEEPTTL',
    'BIT',
    'BYTE',
    'DB',
  ],
  ...[
    'REPLACE',
    'COUNT',
    'MATCH',
    'PERSIST',
    'WITHMATCHLEN',
    'IDX',
    'LEN',
    'ASYNC',
    'SYNC',
    'TYPE',
  ],
  ...[
    '9223372036854775807',
    '9223372036854775808',
    '-9223372036854775808',
    'FAIL',
    'SAT',
    'OVERFLOW',
    'WITHSCORES',
    'LIMIT',
    'REV',
  ],
];

const key = from(KEYS);
const value = from(VALUES);
const integer = from(INTEGERS);
const offset = from(OFFSETS);
const bitIndex = from(BIT_INDEXES);
const db = from(DBS);

/**
 * Unix times lie in the future: 7.0's SET keeps a key that is over already until somebody looks at
 * it.
 */
const expiry = (random: Random): readonly string[] =>
  random.pick([
    ['EX', random.pick(SECONDS)],
    ['PX', random.pick(SECONDS)],
    ['EXAT', random.pick(['4000000000', '5000000001', '0', '-1', 'x'])],
    ['PXAT', random.pick(['4000000000000', '5000000000001', '0', '-1', ''])],
  ]);
const setOption: Part = (random) => (random.oneIn(3) ? expiry(random) : random.pick(SET_WORDS));
const SET_WORDS = [['NX'], ['XX'], ['GET'], ['KEEPTTL'], ['get'], ['nx']];
const lcsOption: Part = (random) =>
  random.pick([['LEN'], ['IDX'], ['WITHMATCHLEN'], ['MINMATCHLEN', random.pick(INTEGERS)]]);
const bitfield: Part = (random) => {
  const [type, at] = [random.pick(BIT_TYPES), random.pick(BIT_OFFSETS)];
  return random.pick([
    ['GET', type, at],
    ['SET', type, at, random.pick(BIT_VALUES)],
    ['INCRBY', type, at, random.pick(INTEGERS)],
    ['OVERFLOW', random.pick(['WRAP', 'SAT', 'FAIL', 'x'])],
  ]);
};
const unit = maybe(word('BIT', 'BYTE', 'bit'));
const range = maybe(integer, maybe(integer, unit));
const ttlOption = some(2, word('NX', 'XX', 'GT', 'LT'));

const STRING: readonly Template[] = [
  ['SET', key, value],
  ['SET', key, value, some(3, setOption)],
  ['GET', key],
  ['GETSET', key, value],
  ['GETDEL', key],
  ['GETEX', key, maybe((random) => (random.oneIn(3) ? ['PERSIST'] : expiry(random)))],
  ['SETNX', key, value],
  ['SETEX', key, from(SECONDS), value],
  ['PSETEX', key, from(SECONDS), value],
  ['APPEND', key, value],
  ['STRLEN', key],
  ['INCR', key],
  ['DECR', key],
  ['INCRBY', key, integer],
  ['DECRBY', key, integer],
  ['INCRBYFLOAT', key, from(FLOATS)],
  ['SETRANGE', key, offset, value],
  ['GETRANGE', key, integer, integer],
  ['SUBSTR', key, integer, integer],
  ['MGET', key, some(4, key)],
  ['MSET', key, value, some(3, all(key, value))],
  ['MSETNX', key, value, some(2, all(key, value))],
  ['LCS', key, key, some(3, lcsOption)],
];

const BITMAP: readonly Template[] = [
  ['SET', key, value],
  ['SETBIT', key, bitIndex, word('0', '1', '0', '1', '2', 'x')],
  ['GETBIT', key, bitIndex],
  ['BITCOUNT', key, range],
  ['BITPOS', key, word('0', '1', '0', '1', '2'), range],
  ['BITOP', word('AND', 'OR', 'XOR', 'NOT', 'nand'), key, key, some(3, key)],
  ['BITFIELD', key, some(4, bitfield)],
  ['BITFIELD_RO', key, some(2, all(word('GET'), from(BIT_TYPES), from(BIT_OFFSETS)))],
  ['GET', key],
  ['DEL', key],
];

const GENERIC: readonly Template[] = [
  ['SET', key, value],
  ['SET', key, value, expiry],
  ['DEL', key, some(2, key)],
  ['UNLINK', key],
  ['EXISTS', key, some(3, key)],
  ['TYPE', key],
  ['TOUCH', key, key],
  ['COPY', key, key, maybe(word('DB'), db), maybe(word('REPLACE'))],
  ['RENAME', key, key],
  ['RENAMENX', key, key],
  ['MOVE', key, db],
  ['SWAPDB', db, db],
  ['SELECT', db],
  ['KEYS', word('*', '?', 'k*', '[a-c]', '[^a]', '\\a', 'e{a}', '')],
  ['SCAN', word('0', 'x', '-'), some(2, all(word('COUNT', 'MATCH', 'TYPE'), integer))],
  ['RANDOMKEY'],
  ['DBSIZE'],
  ['FLUSHDB', maybe(word('ASYNC', 'SYNC', 'x'))],
  ['EXPIRE', key, from(SECONDS), ttlOption],
  ['PEXPIRE', key, from(SECONDS), ttlOption],
  ['EXPIREAT', key, from(UNIX_SECONDS), ttlOption],
  ['PEXPIREAT', key, from(UNIX_MS), ttlOption],
  ['EXPIRETIME', key],
  ['PEXPIRETIME', key],
  ['TTL', key],
  ['PTTL', key],
  ['PERSIST', key],
  ['OBJECT', word('ENCODING', 'FREQ', 'IDLETIME', 'encoding'), key],
  ['ECHO', value],
  ['PING', maybe(value)],
];

const TRANSACTION: readonly Template[] = [
  ['MULTI'],
  ['EXEC'],
  ['DISCARD'],
  ['WATCH', key, some(2, key)],
  ['UNWATCH'],
  ['INCR', key],
  ['GET', key],
  ['SET', key, value],
  ['MGET', key, key],
  ['NOSUCH', value],
  ['SELECT', word('0', '1')],
];

const TEMPLATES: Readonly<Record<Family, readonly Template[]>> = {
  string: STRING,
  bitmap: BITMAP,
  generic: GENERIC,
  transaction: TRANSACTION,
  ...COLLECTIONS,
  zset: SORTED,
  hll: HYPERLOGLOG,
  geo: GEO,
  stream: STREAM,
};

/**
 * Arguments are not mutated in these: any other number could mean half a gigabyte, or, for `zadd`,
 * another score in sets whose members have one.
 */
const UNMUTATED = new Set([
  ...['SETBIT', 'BITFIELD', 'SETRANGE', 'FLUSHDB', 'SELECT', 'SPOP', 'ZRANDMEMBER', 'zadd'],
  ...['GEOADD', 'xadd', 'xread', 'xreadgroup'],
]);

/**
 * A random command of one of `families`; one in ten has an argument too many, too few or of another
 * kind. The key of a template in small letters stays.
 */
export function randomCommand(random: Random, families: readonly Family[]): Command {
  const [name, ...parts] = random.pick(TEMPLATES[random.pick(families)]);
  const words = [name, ...parts.flatMap((part) => part(random))];
  const first = name === name.toLowerCase() ? 2 : 1;
  if (!random.oneIn(10) || UNMUTATED.has(name) || words.length <= first) return words;
  const at = first + random.below(words.length - first);
  const kind = random.below(3);
  if (kind === 0) words.splice(at, 1);
  else if (kind === 1) words.splice(at, 0, random.pick(WORDS));
  else words[at] = random.pick(WORDS);
  // AGGREGATE COUNT came with 8.8.
  const aggregate = words.indexOf('AGGREGATE');
  if (aggregate > 0 && words[aggregate + 1] === 'COUNT') words[aggregate + 1] = 'x';
  return words;
}
