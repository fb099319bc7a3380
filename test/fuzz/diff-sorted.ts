/** Random commands on sorted sets. */
import { all, from, maybe, type Part, some, type Template, word } from './diff-template.ts';

const KEYS = ['a', 'b', 'c', 'd', ''];
/**
 * Keys of sets whose members all have the score 0: ranges by member mean something there only.
 * Templates with names in small letters keep their key.
 */
const LEX_KEYS = ['l', 'm'];

const MEMBERS = [
  ...['', '0', '1', '2', '3', '-1', '127', '128', '-4097', '4096', '32768', '01', '-0', '1.5'],
  ...['2147483648', '9007199254740993', '-9223372036854775808', '9223372036854775808', ' 1'],
  ...['a', 'b', 'c', 'aa', 'ab', 'abc', 'x'.repeat(63), 'x'.repeat(64), 'x'.repeat(65)],
  ...['\0\r\n\xff', '\xff', 'y'.repeat(200), 'z'.repeat(5000)],
];
/** No -0: packed by Redis it becomes 0, which digests show. */
const SCORES = [
  ...['0', '0', '1', '1', '2', '2', '3', '-1', '-2', '5', '10', '1.5', '0.1', '-0.1', '3.25'],
  ...['inf', '-inf', '+inf', 'Infinity', '1e300', '-1e300', '1.7976931348623157e308', '5e-324'],
  ...['2.2250738585072014e-308', '9007199254740992', '9007199254740993', '-9223372036854775808'],
  ...['9223372036854775807', '1e17', '1e21', '0.30000000000000004', '123456789.123456789', '1e-7'],
  ...['0x10', '0x1.8p1', '+1.50', '.5', '5.', 'nan', 'x', '', ' 1', '1 ', '1e400', '-1e400'],
];
const BOUNDS = [...SCORES, ...SCORES.map((text) => `(${text}`), '((1', '(', '-inf', '+inf', '(inf'];
const LEX_BOUNDS = [
  ...['-', '+', '-', '+', '[', '(', 'x', '', '--', '+a', '[\xff', '(\xff', '[aaa', '(b\0'],
  ...MEMBERS.flatMap((text) => [`[${text}`, `(${text}`]),
];
const INDEXES = [
  ...['0', '1', '2', '3', '-1', '-2', '-3', '5', '-5', '10', '-10', '100', '-100', 'x', ''],
  ...['9223372036854775807', '-9223372036854775808', '9223372036854775808'],
];
const COUNTS = ['0', '1', '2', '3', '-1', '-2', '10', '-10', '100', 'x', '', '9223372036854775807'];
const WEIGHTS = ['1', '2', '-1', '0', '0.5', 'inf', '-inf', 'x', '1e308'];
/** Those that make no -0. */
const STORED_WEIGHTS = ['1', '2', '0.5', '0x2', 'inf', 'x', '1e308'];

const key = from(KEYS);
const lex = from(LEX_KEYS);
const member = from(MEMBERS);
const members: Part = all(member, some(8, member));
const score = from(SCORES);
const bound = from(BOUNDS);
const lexBound = from(LEX_BOUNDS);
const index = from(INDEXES);
const count = from(COUNTS);
const pair = all(score, member);
const zero = all(word('0'), member);
const zaddOptions = some(2, word('NX', 'XX', 'GT', 'LT', 'CH', 'nx', 'ch'));
const withScores = maybe(word('WITHSCORES', 'withscores'));
const limit = maybe(word('LIMIT', 'limit'), from([...COUNTS, ...COUNTS.slice(0, 5)]), count);
const options = some(3, word('BYSCORE', 'REV', 'rev', 'WITHSCORES'));

/** One to three keys with their number in front, weights that fit, and how to aggregate. */
const sources: Part = (random) => {
  const keys = Array.from({ length: 1 + random.below(3) }, () => random.pick(KEYS));
  return [String(keys.length), ...keys];
};
const weighed =
  (weights: readonly string[]): Part =>
  (random) => {
    const words = [...(sources(random) as readonly string[])];
    if (random.oneIn(2)) words.push('WEIGHTS', ...words.slice(1).map(() => random.pick(weights)));
    if (random.oneIn(2)) words.push('AGGREGATE', random.pick(['SUM', 'MIN', 'MAX', 'max', 'x']));
    return words;
  };

export const SORTED: readonly Template[] = [
  ['CONFIG', word('SET'), word('zset-max-listpack-entries'), word('0', '4', '8', '16', '64')],
  ['CONFIG', word('SET'), word('zset-max-listpack-value'), word('4', '64')],
  ['DEL', key],
  ['COPY', key, key, maybe(word('REPLACE'))],
  ['RENAME', key, key],
  ['TYPE', key],
  ['OBJECT', word('ENCODING'), key],
  ['EXPIRE', key, word('1000', '-1')],
  ['SET', key, member],
  ['SADD', key, members],
  ['ZADD', key, pair, some(12, pair)],
  ['ZADD', key, pair, some(30, pair)],
  ['ZADD', key, pair],
  ['ZADD', key, zaddOptions, pair, some(4, pair)],
  ['ZADD', key, word('INCR', 'incr'), zaddOptions, pair],
  ['ZINCRBY', key, score, member],
  ['ZCARD', key],
  ['ZSCORE', key, member],
  ['ZMSCORE', key, members],
  ['ZRANK', key, member],
  ['ZREVRANK', key, member],
  ['ZREM', key, members],
  ['ZCOUNT', key, bound, bound],
  ['ZRANGE', key, index, index, withScores],
  ['ZRANGE', key, word('0'), word('-1'), withScores],
  ['ZRANGE', key, bound, bound, options, limit],
  ['ZREVRANGE', key, index, index, withScores],
  ['ZRANGEBYSCORE', key, bound, bound, withScores, limit],
  ['ZREVRANGEBYSCORE', key, bound, bound, withScores, limit],
  ['ZRANGESTORE', key, key, index, index, some(1, word('REV'))],
  ['ZRANGESTORE', key, key, bound, bound, word('BYSCORE'), some(1, word('REV')), limit],
  ['ZREMRANGEBYRANK', key, index, index],
  ['ZREMRANGEBYSCORE', key, bound, bound],
  ['ZPOPMIN', key, maybe(count)],
  ['ZPOPMAX', key, maybe(count)],
  ['ZMPOP', sources, word('MIN', 'MAX', 'min', 'x'), maybe(word('COUNT'), count)],
  ['ZRANDMEMBER', key, maybe(count, withScores)],
  ['ZUNION', weighed(WEIGHTS), withScores],
  ['ZINTER', weighed(WEIGHTS), withScores],
  ['ZDIFF', sources, withScores],
  ['ZUNIONSTORE', key, weighed(STORED_WEIGHTS)],
  ['ZINTERSTORE', key, weighed(STORED_WEIGHTS)],
  ['ZDIFFSTORE', key, sources],
  ['ZINTERCARD', sources, maybe(word('LIMIT'), count)],
  ['zadd', lex, zero, some(20, zero)],
  ['zrem', lex, members],
  ['zlexcount', lex, lexBound, lexBound],
  ['zrangebylex', lex, lexBound, lexBound, limit],
  ['zrevrangebylex', lex, lexBound, lexBound, limit],
  ['zrange', lex, lexBound, lexBound, word('BYLEX'), some(1, word('REV')), limit],
  ['zremrangebylex', lex, lexBound, lexBound],
];
