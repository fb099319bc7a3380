/** Random commands on streams and their groups: what Redis 7.0 knows, with IDs of its own. */
import { all, from, maybe, type Part, some, type Template, word } from './diff-template.ts';

const KEYS = ['a', 'b', 'c', 'd', ''];
const GROUPS = ['g', 'h', ''];
const CONSUMERS = ['alice', 'bob', ''];
const FIELDS = ['f', 'g', '', 'field of some length', '17'];
const VALUES = ['', '0', '127', '-4097', '9223372036854775808', 'text', 'x'.repeat(300), '\0\xff'];
/** The time of the server is in none of them. */
const NEW_IDS = [
  ...['1', '2', '3-1', '5-*', '7-*', '9-9', '12-*', '12-*', '20-0', '20-*', '20-*', '30-*', '30-*'],
  ...['40-*', '40-*', '40-*', '4294967296-0', '0-0', '0-1', '0-*', '5-x', 'x', '-', '1-1-1', ''],
];
const IDS = [
  ...['1', '1-0', '2', '3-1', '5-0', '5-1', '7-0', '7-1', '9-9', '12-0', '12-1', '12-2', '20-0'],
  ...['20-1', '20-2', '30-0', '30-1', '40-0', '40-1', '40-2', '4294967296-0', '0', '0-1'],
];
const BAD_IDS = ['x', '', '5-x', '-1', '1-1-1', '18446744073709551616'];
const BOUNDS = [
  ...['-', '+', '-', '+', ...IDS, ...IDS.map((id) => `(${id}`), ...BAD_IDS, '(-', '(+', '('],
  ...['(0-0', '(18446744073709551615-18446744073709551615'],
];
const COUNTS = ['0', '1', '2', '3', '10', '100', '-1', 'x', ''];

const key = from(KEYS);
const group = from(GROUPS);
const consumer = from(CONSUMERS);
const id = from([...IDS, ...IDS, ...BAD_IDS]);
const ids: Part = all(id, some(4, id));
const bound = from(BOUNDS);
const count = from(COUNTS);
const pair = all(from(FIELDS), from(VALUES));
const pairs: Part = all(pair, some(3, pair));
const threshold: Part = (random) => {
  const sign = random.pick([[], ['='], ['~']]);
  const limit = sign[0] === '~' && random.oneIn(2) ? ['LIMIT', random.pick(COUNTS)] : [];
  if (random.oneIn(2)) return ['MAXLEN', ...sign, random.pick(COUNTS), ...limit];
  return ['MINID', ...sign, random.pick([...IDS, ...BAD_IDS]), ...limit];
};
const counted = maybe(word('COUNT', 'count'), count);
const start = word('0', '$', '>', '5', '20-1', 'x');

/** One to three keys with as many IDs. */
const sources =
  (from_: Part): Part =>
  (random) => {
    const keys = Array.from({ length: 1 + random.below(3) }, () => random.pick(KEYS));
    return ['STREAMS', ...keys, ...keys.flatMap(() => from_(random))];
  };

const claimOptions = some(
  3,
  (random) =>
    random.pick([
      ['FORCE'],
      ['JUSTID'],
      ['RETRYCOUNT', '7'],
      ['RETRYCOUNT', 'x'],
      ['TIME', '1000'],
      ['LASTID', '20-1'],
      ['LASTID', 'x'],
    ]) as string[],
);

export const STREAMS: readonly Template[] = [
  ...Array.from({ length: 8 }, (): Template => ['XADD', key, from(NEW_IDS), pairs]),
  ['XADD', key, maybe(word('NOMKSTREAM')), maybe(threshold), from(NEW_IDS), pairs],
  ['XLEN', key],
  ['XRANGE', key, bound, bound, counted],
  ['XREVRANGE', key, bound, bound, counted],
  ['XDEL', key, ids],
  ['XTRIM', key, threshold],
  ['XREAD', counted, sources(word('0', '5', '20-1', '$', 'x'))],
  [
    'XGROUP',
    word('CREATE'),
    key,
    group,
    from(['0', '$', '5', '20-1', 'x']),
    maybe(word('MKSTREAM')),
  ],
  ['XGROUP', word('CREATE'), key, group, word('0', '$'), word('ENTRIESREAD'), word('0', '3', '-1')],
  ['XGROUP', word('SETID'), key, group, word('0', '$', '12-1', '40')],
  ['XGROUP', word('SETID'), key, group, id, word('ENTRIESREAD'), word('0', '5', '-1', '-2', 'x')],
  ['XGROUP', word('CREATECONSUMER', 'DELCONSUMER'), key, group, consumer],
  ['XGROUP', word('DESTROY'), key, group],
  ...Array.from(
    { length: 4 },
    (): Template => [
      ...(['XREADGROUP', word('GROUP'), group, consumer, counted] as const),
      ...([maybe(word('NOACK')), sources(word('>', '>', '>', '0', '5-1'))] as const),
    ],
  ),
  ['XREADGROUP', word('GROUP'), group, consumer, sources(start)],
  ['XACK', key, group, ids],
  ['XCLAIM', key, group, consumer, word('0'), ids, claimOptions],
  ['XAUTOCLAIM', key, group, consumer, word('0'), bound, counted, maybe(word('JUSTID'))],
  ['XPENDING', key, group],
  // Back behind deleted entries it goes in 7.0 only.
  ['XSETID', key, word('4294967296-9', 'x')],
  [
    ...([
      'XSETID',
      key,
      word('4294967296-9'),
      word('ENTRIESADDED'),
      word('0', '9', '100'),
    ] as const),
    ...([word('MAXDELETEDID'), id] as const),
  ],
  ['DEL', key],
  ['TYPE', key],
  ['RENAME', key, key],
  ['COPY', key, key, maybe(word('REPLACE'))],
  ['OBJECT', word('ENCODING'), key],
];
