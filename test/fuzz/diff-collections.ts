/** Random commands on lists, hashes and sets, and SORT of them. */
import { all, from, maybe, type Part, some, type Template, word } from './diff-template.ts';

export type CollectionFamily = 'list' | 'hash' | 'set' | 'sort';
export const COLLECTION_FAMILIES: readonly CollectionFamily[] = ['list', 'hash', 'set', 'sort'];

const KEYS = ['a', 'b', 'c', 'd', ''];

const ELEMENTS = [
  ...['', '0', '1', '2', '3', '-1', '127', '128', '-4096', '-4097', '4095', '4096', '32767', '-0'],
  ...['32768', '-32769', '8388607', '8388608', '2147483647', '2147483648', '-2147483649', '01'],
  ...['9007199254740993', '9223372036854775807', '-9223372036854775808', '9223372036854775808'],
  ...['a', 'b', 'c', 'abc', '1.5', 'x'.repeat(63), 'x'.repeat(64), 'x'.repeat(65), '\0\r\n\xff'],
  ...['y'.repeat(200), 'z'.repeat(5000), ' 1', '+1'],
];
const COUNTS = ['0', '1', '2', '3', '-1', '-2', '10', '-10', '100', 'x', '', '9223372036854775807'];
const INDEXES = [...COUNTS, '5', '-5', '7', '8', '-9223372036854775808'];
const DELTAS = ['1', '-1', '10', '9223372036854775807', '-9223372036854775808', 'x', '1.5'];
const FLOATS = ['1', '-1.5', '0.1', '3.0e3', '1e400', 'nan', 'x', '5e-324'];

const key = from(KEYS);
const element = from(ELEMENTS);
const count = from(COUNTS);
const index = from(INDEXES);
const side = word('LEFT', 'RIGHT', 'left', 'x');
const elements: Part = all(element, some(12, element));

/** Small limits, so that every encoding is met. */
const limit = (...names: readonly string[]): Template => [
  'CONFIG',
  word('SET'),
  word(...names),
  word('4', '8', '16', '64'),
];

const COMMON: readonly Template[] = [
  ['DEL', key],
  ['COPY', key, key, maybe(word('REPLACE'))],
  ['RENAME', key, key],
  ['TYPE', key],
  ['OBJECT', word('ENCODING'), key],
  ['EXPIRE', key, word('1000', '-1')],
  ['PERSIST', key],
  ['SET', key, element],
];

const LIST: readonly Template[] = [
  ...COMMON,
  limit('list-max-listpack-size'),
  ['CONFIG', word('SET'), word('list-max-listpack-size'), word('-1', '-2', '1', '0', '128')],
  ['LPUSH', key, elements],
  ['RPUSH', key, elements],
  ['RPUSH', key, elements],
  ['LPUSHX', key, elements],
  ['RPUSHX', key, elements],
  ['LPOP', key, maybe(count)],
  ['RPOP', key, maybe(count)],
  ['LLEN', key],
  ['LINDEX', key, index],
  ['LRANGE', key, index, index],
  ['LRANGE', key, word('0'), word('-1')],
  ['LSET', key, index, element],
  ['LINSERT', key, word('BEFORE', 'AFTER', 'x'), element, element],
  ['LREM', key, count, element],
  ['LTRIM', key, index, index],
  ['LPOS', key, element, some(3, all(word('RANK', 'COUNT', 'MAXLEN'), count))],
  ['LMOVE', key, key, side, side],
  ['RPOPLPUSH', key, key],
  ['LMPOP', word('1', '2', '0', 'x'), key, maybe(key), side, maybe(word('COUNT'), count)],
];

const HASH: readonly Template[] = [
  ...COMMON,
  limit('hash-max-listpack-entries', 'hash-max-listpack-value'),
  ['HSET', key, element, element, some(8, all(element, element))],
  ['HSET', key, element, element],
  ['HMSET', key, element, element, some(3, all(element, element))],
  ['HSETNX', key, element, element],
  ['HGET', key, element],
  ['HMGET', key, elements],
  ['HGETALL', key],
  ['HKEYS', key],
  ['HVALS', key],
  ['HLEN', key],
  ['HEXISTS', key, element],
  ['HSTRLEN', key, element],
  ['HDEL', key, elements],
  ['HINCRBY', key, element, from(DELTAS)],
  ['HINCRBYFLOAT', key, element, from(FLOATS)],
  ['HRANDFIELD', key, maybe(count, maybe(word('WITHVALUES')))],
];

const SET: readonly Template[] = [
  ...COMMON,
  limit('set-max-intset-entries'),
  ['SADD', key, elements],
  ['SADD', key, word('1', '2', '3', '70000', '5000000000', '-7'), some(6, from(INDEXES))],
  ['SREM', key, elements],
  ['SISMEMBER', key, element],
  ['SMISMEMBER', key, elements],
  ['SCARD', key],
  ['SMEMBERS', key],
  ['SPOP', key, word('100', '-1', 'x')],
  ['SRANDMEMBER', key, maybe(count)],
  ['SMOVE', key, key, element],
  ['SINTER', key, some(2, key)],
  ['SUNION', key, some(2, key)],
  ['SDIFF', key, some(2, key)],
  ['SINTERSTORE', key, key, some(2, key)],
  ['SUNIONSTORE', key, key, some(2, key)],
  ['SDIFFSTORE', key, key, some(2, key)],
  ['SINTERCARD', word('1', '2', '0', 'x'), key, maybe(key), maybe(word('LIMIT'), count)],
];

/** Few elements, so that they have weights; no NUL bytes, where the C library's order ends. */
const SORTABLE = [
  ...['0', '1', '2', '3', '-1', '10', '007', '1.5', '-2.5e1', '0x10', '12345678901', '-0', ''],
  ...['1', '2', '3', '9223372036854775807', '9223372036854775806', 'inf', '-inf', ' 4', '+5'],
];
const WORDS = ['a', 'B', 'ab', 'abcdef', 'abcdefg', 'abcdefh', '\xff', '\x80', 'x y'];
const sortable = from(SORTABLE);
const listKey = word('la', 'lb', 'lc');
const setKey = word('s', 't');
const weighted = from([...SORTABLE.slice(0, 5), 'a', 'x']);
const byOrGet = ['w_*', 'w_*x', 'h_*->f', 'h_*->g', 'h_*', 'w_*->f', '*', 'h_*->', 'none_*'];
const by: Part = all(word('BY'), from(byOrGet));
const gets: Part = some(3, all(word('GET'), from([...byOrGet, '#', 'w_1', '##'])));
const order: Part = some(2, word('ASC', 'DESC', 'desc'));
const limits: Part = maybe(word('LIMIT'), from([...COUNTS, '4']), from([...COUNTS, '4']));
const store: Part = maybe(word('STORE'), word('la', 'lb', 'ld'));
const verb = word('SORT', 'sort');
const scored: Part = all(
  word('1', '2', '3', '-1.5', 'inf'),
  from([...SORTABLE, ...WORDS.slice(0, 1)]),
);

const SORT: readonly Template[] = [
  ['RPUSH', listKey, sortable, some(12, sortable)],
  ['RPUSH', listKey, sortable, some(12, from([...SORTABLE, ...WORDS]))],
  ['LPOP', listKey, maybe(word('3'))],
  ['DEL', from(['la', 'lb', 'ld', 's', 'w_1'])],
  ['SADD', setKey, sortable, some(12, sortable)],
  ['SADD', setKey, from(WORDS), some(3, sortable)],
  ['SREM', setKey, from(WORDS), some(5, from(WORDS))],
  ['SET', (random) => `w_${weighted(random)}`, from([...SORTABLE, 'a'])],
  ['SET', (random) => `w_${weighted(random)}x`, from(WORDS)],
  ['HSET', (random) => `h_${weighted(random)}`, word('f'), sortable, word('g'), from(WORDS)],
  ['LRANGE', word('la', 'lb', 'lc', 'ld'), word('0'), word('-1')],
  ['OBJECT', word('ENCODING'), word('la', 'lb', 'ld')],
  limit('list-max-listpack-size', 'set-max-intset-entries', 'hash-max-listpack-entries'),
  ['SORT', word('la', 'none'), order, limits, gets, store],
  ['SORT', listKey, by, order, limits, gets, store],
  ['SORT', listKey, word('ALPHA'), order, limits, gets, store],
  ['SORT', listKey, word('ALPHA'), by, order, gets, store],
  ['SORT', listKey, word('BY'), word('nosort', '#', ''), order, limits, gets, store],
  ['SORT', setKey, order, limits, gets, store],
  ['SORT', setKey, by, order, limits, gets, store],
  ['SORT', setKey, word('ALPHA'), order, limits, gets, store],
  ['SORT', setKey, word('BY'), word('nosort'), order, limits, gets, word('STORE'), word('ld')],
  ['ZADD', word('lz'), scored, some(8, scored)],
  ['ZREM', word('lz'), sortable],
  ['SORT', word('lz'), order, limits, gets, store],
  ['SORT', word('lz'), by, order, limits, gets, store],
  ['SORT', word('lz'), word('ALPHA'), order, limits, gets, store],
  ['SORT', word('lz'), word('BY'), word('nosort'), order, limits, gets, store],
  ['SORT_RO', listKey, some(5, by, gets, limits, order, word('STORE', 'x', 'BY', 'GET'))],
  ['SORT', word('w_1', 'h_1', 'la'), some(3, verb, by, limits, word('STORE', 'LIMIT', 'ALPHA'))],
];

export const COLLECTIONS: Readonly<Record<CollectionFamily, readonly Template[]>> = {
  list: LIST,
  hash: HASH,
  set: SET,
  sort: SORT,
};
