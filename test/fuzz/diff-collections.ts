/** Random commands on lists, hashes and sets. */
import { all, from, maybe, type Part, some, type Template, word } from './diff-template.ts';

export type CollectionFamily = 'list' | 'hash' | 'set';
export const COLLECTION_FAMILIES: readonly CollectionFamily[] = ['list', 'hash', 'set'];

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

export const COLLECTIONS: Readonly<Record<CollectionFamily, readonly Template[]>> = {
  list: LIST,
  hash: HASH,
  set: SET,
};
