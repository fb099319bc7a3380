/** Random commands on streams, their groups and what is pending in them. */
import { all, from, maybe, type Part, some, type Template, word } from './diff-template.ts';

const KEYS = ['a', 'b', 'c', 'c', ''];
/**
 * Streams whose last ID lies in the future, so that `*` means the same on two clocks. Commands with
 * names in small letters keep all of their words.
 */
const FUTURE = ['f1', 'f2'];
const FUTURE_IDS = ['5000000000000', '5000000000000-*', '5000000000000-1', '5000000000007-7'];

const EXACT_IDS = [
  ...['1', '1-1', '1-2', '1-3', '2', '2-0', '2-1', '3-1', '3-7', '4', '5-5', '7', '8-1', '9-9'],
  ...['0', '0-0', '0-1', '12-0', '20-0', '4294967296-1', '1-4294967296'],
];
const HIGH_IDS = ['20-0', '20-7', '21', '30-5'];
const RARE_IDS = [
  ...['18446744073709551615', '18446744073709551615-18446744073709551615'],
  ...['18446744073709551615-18446744073709551614', '9223372036854775808-0', '9007199254740993'],
];
const BAD_IDS = [
  ...['x', '', '-', '+', '$', '>', '*', '1-', '-1', '1-x', '1-1-1', '18446744073709551616', '1-*'],
  ...['99999999999999999999-1', '1-18446744073709551616', '01-1', '+1', ' 1', '1 ', '1.5', '(1'],
];
const NEW_IDS = [
  ...['1-*', '1-*', '1-*', '2-*', '2-*', '3-*', '4-*', '5-*', '7-*', '12-*', '0-*', '1', '1-1'],
  ...['1-2', '2-1', '3-1', '3-5', '5-5', '8', '9-9', '10-0', '20-0', '0-0', '0-1', '0-2'],
];
const RARE_NEW_IDS = [
  ...['18446744073709551615-*', '18446744073709551615-18446744073709551614', '*-1', '*-*', '1-*-1'],
  ...['18446744073709551615-18446744073709551615', '4294967295-*', '4294967296-4294967295', '-'],
];
const BOUNDS = ['-', '+', '-', '+', '(', '(-', '(+', '(18446744073709551615-18446744073709551615'];
const COUNTS = ['1', '2', '3', '10', '100', '0', '-1', 'x', '', '9223372036854775807', '1', '5'];
const LENGTHS = ['0', '1', '2', '3', '5', '8', '13', '-1', 'x', '9223372036854775807'];
const WORDS = ['', 'f', 'g', 'h', 'v', '1', '-1', '32768', 'x'.repeat(70), 'y'.repeat(1500)];
const GROUPS = ['g', 'g', 'h', '', 'no'];
const CONSUMERS = ['alice', 'bob', 'bob', 'carol', ''];
/** Idle times, and such as lie between them: no clock comes near. */
const IDLE = ['0', '0', '1000000', '2000000', '3000000'];
const MIN_IDLE = ['0', '0', '0', '500000', '1500000', '2500000', '-1', 'x', '9223372036854775807'];

const key = from(KEYS);
const id: Part = (random) => {
  if (random.oneIn(15)) return random.pick(BAD_IDS);
  return random.oneIn(12) ? random.pick(RARE_IDS) : random.pick(EXACT_IDS);
};
const newId: Part = (random) => {
  if (random.oneIn(40)) return random.pick(BAD_IDS.filter((text) => text !== '*'));
  return random.oneIn(150) ? random.pick(RARE_NEW_IDS) : random.pick(NEW_IDS);
};
const bound: Part = (random) => {
  if (random.oneIn(3)) return random.pick(BOUNDS);
  return random.oneIn(3) ? `(${id(random) as string}` : id(random);
};
/** Mostly greater than what there is. */
const lastId: Part = (random) => (random.oneIn(8) ? id(random) : random.pick(HIGH_IDS));
const count = from(COUNTS);
/** Not beyond 2^53, where the count becomes inexact. */
const added = from(COUNTS.filter((text) => text.length < 16));
const field = from(WORDS);
const pair = all(field, field);
/** The fields of one entry are often those of the one before. */
const fields: Part = (random) =>
  random.oneIn(2) ? ['f', random.pick(WORDS), 'g', random.pick(WORDS)] : entry(random);
const entry = all(pair, some(4, pair));
const group = from(GROUPS);
const consumer = from(CONSUMERS);
const ids: Part = all(id, some(6, id));
const threshold: Part = (random) =>
  random.oneIn(2)
    ? ['MAXLEN', ...sign(random), random.pick(LENGTHS)]
    : [random.pick(['MINID', 'minid']), ...sign(random), ...all(id)(random)];
const sign = maybe(word('=', '~', '~')) as (random: Parameters<Part>[0]) => readonly string[];
const trim: Part = (random) =>
  random.oneIn(3)
    ? [...all(threshold)(random), 'LIMIT', random.pick(['0', '1', '2', '5', '50', '-1', 'x'])]
    : threshold(random);

/** STREAMS with one to three keys and as many IDs. */
const streams =
  (position: Part): Part =>
  (random) => {
    const keys = Array.from({ length: 1 + random.below(random.oneIn(4) ? 3 : 1) }, () =>
      key(random),
    );
    return [
      'STREAMS',
      ...all(...keys.map((one) => () => one))(random),
      ...keys.map(() => position(random) as string),
    ];
  };
const reading = some(2, all(word('COUNT', 'count'), count));
const blocking = all(word('BLOCK', 'block'), word('1', '1', '-1', 'x'));
const readId: Part = (random) => (random.oneIn(5) ? random.pick(['$', '0', '0']) : id(random));
const groupReading = some(
  2,
  all(word('COUNT'), count),
  word('NOACK'),
  all(word('COUNT'), word('1', '2')),
);
const groupId: Part = (random) =>
  random.pick(random.oneIn(3) ? [...EXACT_IDS, ...BAD_IDS] : ['>', '>', '>', '0']);
const start = from(['$', '0', '0-0', '1-1', '2', '-', '+', 'x', '3-1', '18446744073709551615']);
const entriesRead = maybe(
  word('ENTRIESREAD', 'entriesread'),
  word('0', '1', '3', '10', '-1', '-2', 'x'),
);
const claiming = some(
  3,
  ...[word('FORCE', 'force', 'JUSTID'), word('FORCE', 'JUSTID'), all(word('IDLE'), from(IDLE))],
  ...[all(word('TIME'), word('-1', '99999999999999', 'x', '1000')), all(word('LASTID'), id)],
  all(word('RETRYCOUNT'), word('0', '1', '7', '-1', 'x', '9223372036854775807')),
);

export const STREAM: readonly Template[] = [
  ['CONFIG', word('SET'), word('stream-node-max-entries'), word('0', '1', '2', '3', '5', '100')],
  ['CONFIG', word('SET'), word('stream-node-max-bytes'), word('0', '200', '4096')],
  ['DEL', key],
  ['COPY', key, key, maybe(word('REPLACE'))],
  ['RENAME', key, key],
  ['TYPE', key],
  ['OBJECT', word('ENCODING'), key],
  ['EXPIRE', key, word('1000', '-1')],
  ['SET', key, field],
  ['XADD', key, newId, fields],
  ['XADD', key, newId, fields],
  ['XADD', key, newId, fields],
  ['XADD', key, newId, fields],
  ['XADD', key, newId, fields],
  ['XADD', key, newId, fields],
  ['XADD', key, maybe(word('NOMKSTREAM')), maybe(trim), newId, entry],
  ['XADD', key, trim, newId, entry],
  ['XLEN', key],
  ['XDEL', key, ids],
  ['XDEL', key, ids],
  ['XTRIM', key, trim],
  ['XTRIM', key, threshold],
  ['XRANGE', key, bound, bound, maybe(word('COUNT'), count)],
  ['XRANGE', key, word('-'), word('+')],
  ['XREVRANGE', key, bound, bound, maybe(word('COUNT'), count)],
  ['XREAD', reading, streams(readId)],
  ['XREAD', streams(readId)],
  ['xread', reading, blocking, reading, streams(readId)],
  ['XSETID', key, lastId, maybe(word('ENTRIESADDED'), added, maybe(word('MAXDELETEDID'), id))],
  ['XSETID', key, lastId, maybe(word('MAXDELETEDID'), id)],
  ['XGROUP', word('CREATE', 'create'), key, group, start, maybe(word('MKSTREAM')), entriesRead],
  ['XGROUP', word('CREATE'), key, group, word('0', '$')],
  ['XGROUP', word('SETID'), key, group, start, entriesRead],
  ['XGROUP', word('DESTROY'), key, group],
  ['XGROUP', word('CREATECONSUMER'), key, group, consumer],
  ['XGROUP', word('DELCONSUMER'), key, group, consumer],
  ['XREADGROUP', word('GROUP'), group, consumer, groupReading, streams(groupId)],
  ['XREADGROUP', word('GROUP'), group, consumer, groupReading, streams(groupId)],
  ['XREADGROUP', word('GROUP'), group, consumer, word('COUNT'), word('1', '2'), streams(groupId)],
  ['xreadgroup', word('GROUP'), group, consumer, blocking, streams(groupId)],
  ['XACK', key, group, ids],
  ['XACK', key, group, ids],
  ['XPENDING', key, group],
  ['XPENDING', key, group, bound, bound, count, maybe(consumer)],
  ['XPENDING', key, group, word('IDLE'), from(MIN_IDLE), bound, bound, count, maybe(consumer)],
  ['XPENDING', key, group, word('-'), word('+'), word('100')],
  ['XCLAIM', key, group, consumer, from(MIN_IDLE), ids, claiming],
  ['XCLAIM', key, group, consumer, word('0'), ids, claiming],
  ['XCLAIM', key, group, consumer, word('0'), ids, word('FORCE'), word('IDLE'), from(IDLE)],
  [
    'XAUTOCLAIM',
    key,
    group,
    consumer,
    from(MIN_IDLE),
    bound,
    some(1, all(word('COUNT'), count)),
    some(1, word('JUSTID')),
  ],
  ['XINFO', word('STREAM'), key],
  ['XINFO', word('STREAM'), key, word('FULL', 'full'), maybe(word('COUNT'), count)],
  ['XINFO', word('GROUPS'), key],
  ['XINFO', word('CONSUMERS'), key, group],
  ['xadd', from(FUTURE), from(FUTURE_IDS), fields],
  ['xadd', from(FUTURE), word('NOMKSTREAM'), word('*'), fields],
  ['xadd', from(FUTURE), word('NOMKSTREAM'), trim, word('*'), fields],
];
