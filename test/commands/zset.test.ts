import { expect, test } from 'vitest';
import { GENERIC_COMMANDS } from '../../src/commands/generic.ts';
import { SET_COMMANDS } from '../../src/commands/set.ts';
import { STRING_COMMANDS } from '../../src/commands/string.ts';
import { ZSET_COMMANDS } from '../../src/commands/zset.ts';
import {
  array,
  bulk,
  error,
  FULL,
  integer,
  NOT_INTEGER,
  NULL,
  OK,
  type Row,
  SYNTAX,
  table,
  WRONG_TYPE,
} from '../conformance/table.ts';
import { LocalRunner } from '../support/local-runner.ts';

const SPECS = [...STRING_COMMANDS, ...GENERIC_COMMANDS, ...SET_COMMANDS, ...ZSET_COMMANDS];
const NOT_FLOAT = error('ERR value is not a valid float');
const BOUND = error('ERR min or max is not a float');
const LEX_BOUND = error('ERR min or max not valid string range item');
const encodingOf = (key: string): readonly string[] => ['OBJECT', 'ENCODING', key];

/** A score: its RESP2 and its RESP3 reply. */
function score(text: string): readonly [string, string] {
  return [bulk(text), `,${text}\r\n`];
}

type Pair = readonly [member: string, score: string];

function members(...names: readonly string[]): string {
  return array(...names.map(bulk));
}

/** Members with scores: flat in RESP2, pairs in RESP3. */
function scored(...pairs: readonly Pair[]): readonly [string, string] {
  return [
    array(...pairs.flat().map(bulk)),
    array(...pairs.map(([member, text]) => array(bulk(member), score(text)[1]))),
  ];
}

/** Flat in both protocols. */
function flat(...pairs: readonly Pair[]): readonly [string, string] {
  return [
    array(...pairs.flat().map(bulk)),
    array(...pairs.flatMap(([member, text]) => [bulk(member), score(text)[1]])),
  ];
}

/** A key and pairs in arrays of two in both protocols. */
function popped(key: string, ...pairs: readonly Pair[]): readonly [string, string] {
  const reply = (at: number): string =>
    array(
      bulk(key),
      array(...pairs.map(([member, text]) => array(bulk(member), score(text)[at]!))),
    );
  return [reply(0), reply(1)];
}

/** Runs the rows with listpacks, and with listpacks forbidden. */
function both(name: string, rowsOf: (encoding: string) => readonly Row[]): void {
  table(`${name}, listpack`, SPECS, rowsOf('listpack'));
  table(`${name}, skiplist`, SPECS, rowsOf('skiplist'), (runner) => {
    runner.state.limits.zsetMaxListpackEntries = 0;
  });
}

const ERROR_NX_XX = 'ERR XX and NX options at the same time are not compatible';
const ERROR_GT_LT_NX = 'ERR GT, LT, and/or NX options at the same time are not compatible';
const ERROR_INCR = 'ERR INCR option supports a single increment-element pair';
const ERROR_LIMIT =
  'ERR syntax error, LIMIT is only supported in combination with either BYSCORE or BYLEX';
const ERROR_WITHSCORES = 'ERR syntax error, WITHSCORES not supported in combination with BYLEX';

const E: Pair = ['e', '3.5'];
const REVERSED = scored(['f', 'inf'], E, ['d', '2'], ['c', '2']);

const UNION_WITH_SET = scored(['u', '1'], ['x', '1'], ['y', '2'], ['z', '4']);
const WEIGHED = scored(['x', '5'], ['y', '10'], ['z', '15']);
const COUNTED = scored(
  ['v', '0.5'],
  ['w', '0.5'],
  ['x', '1'],
  ['y', '1.5'],
  ['u', '2'],
  ['z', '3.5'],
);
const needed = (name: string): string =>
  error(`ERR at least 1 input key is needed for '${name}' command`);

both('members and scores', (encoding) => [
  [['ZADD', 'z', '1', 'a', '2', 'b', '1', 'a'], integer(2)],
  [['ZADD', 'z', '1', 'a'], integer(0)],
  [['TYPE', 'z'], '+zset\r\n'],
  [encodingOf('z'), bulk(encoding)],
  [['ZCARD', 'z'], integer(2)],
  [['ZCARD', 'none'], integer(0)],
  [['ZSCORE', 'z', 'a'], ...score('1')],
  [['ZSCORE', 'z', 'x'], NULL],
  [['ZSCORE', 'none', 'x'], NULL],
  [['ZMSCORE', 'z', 'b', 'x', 'a'], array(bulk('2'), NULL, bulk('1')), '*3\r\n,2\r\n_\r\n,1\r\n'],
  [['ZMSCORE', 'none', 'x'], array(NULL)],
  [['ZINCRBY', 'z', '1.5', 'a'], ...score('2.5')],
  [['ZINCRBY', 'z', '-0.5', 'n'], ...score('-0.5')],
  [['ZINCRBY', 'z', 'x', 'n'], NOT_FLOAT],
  [['ZINCRBY', 'z', 'nx', 'n'], SYNTAX],
  [['ZRANK', 'z', 'n'], integer(0)],
  [['ZRANK', 'z', 'a'], integer(2)],
  [['ZREVRANK', 'z', 'a'], integer(0)],
  [['ZRANK', 'z', 'a', 'WITHSCORE'], array(integer(2), bulk('2.5')), '*2\r\n:2\r\n,2.5\r\n'],
  [['ZREVRANK', 'z', 'n', 'withscore'], array(integer(2), bulk('-0.5')), '*2\r\n:2\r\n,-0.5\r\n'],
  [['ZRANK', 'z', 'x'], NULL],
  [['ZRANK', 'none', 'x', 'WITHSCORE'], '*-1\r\n', '_\r\n'],
  [['ZRANK', 'z', 'x', 'WITHSCORE'], '*-1\r\n', '_\r\n'],
  [['ZRANK', 'z', 'x', 'WITHSCORES'], SYNTAX],
  [
    ['ZRANK', 'z', 'x', 'WITHSCORE', 'y'],
    error("ERR wrong number of arguments for 'zrank' command"),
  ],
  [['ZREM', 'z', 'n', 'x', 'b'], integer(2)],
  [['ZREM', 'none', 'n'], integer(0)],
  [['ZREM', 'z', 'a', 'b'], integer(1)],
  [['EXISTS', 'z'], integer(0)],
  [['SET', 'str', '1'], OK],
  [['ZADD', 'str', '1', 'a'], WRONG_TYPE],
  [['ZSCORE', 'str', 'a'], WRONG_TYPE],
  [['ZREM', 'str', 'a'], WRONG_TYPE],
  [['ZRANK', 'str', 'a'], WRONG_TYPE],
  [['ZCARD', 'str'], WRONG_TYPE],
]);

both('options of ZADD', () => [
  [['ZADD', 'z', 'XX', '1', 'a'], integer(0)],
  [['ZADD', 'z', 'XX', 'INCR', '1', 'a'], NULL],
  [['EXISTS', 'z'], integer(0)],
  [['ZADD', 'z', 'GT', '5', 'a', '5', 'b'], integer(2)],
  [['ZADD', 'z', 'NX', '9', 'a', '1', 'c'], integer(1)],
  [['ZADD', 'z', 'XX', 'CH', '6', 'a', '6', 'd'], integer(1)],
  [['ZADD', 'z', 'gt', 'ch', '5', 'a', '7', 'b', '0', 'e'], integer(2)],
  [['ZADD', 'z', 'LT', 'CH', 'XX', '9', 'a', '6', 'b', '0', 'f'], integer(1)],
  [
    ['ZRANGE', 'z', '0', '-1', 'WITHSCORES'],
    ...scored(['e', '0'], ['c', '1'], ['a', '6'], ['b', '6']),
  ],
  [['ZADD', 'z', 'INCR', '4', 'c'], ...score('5')],
  [['ZADD', 'z', 'INCR', 'NX', '4', 'c'], NULL],
  [['ZADD', 'z', 'INCR', 'GT', '-4', 'c'], NULL],
  [['ZADD', 'z', 'INCR', 'LT', '-4', 'c'], ...score('1')],
  [['ZADD', 'z', 'INCR', '0', 'c'], ...score('1')],
  [['ZADD', 'z', 'NX', 'XX', '1', 'a'], error(ERROR_NX_XX)],
  [['ZADD', 'z', 'NX', 'GT', '1', 'a'], error(ERROR_GT_LT_NX)],
  [['ZADD', 'z', 'LT', 'GT', '1', 'a'], error(ERROR_GT_LT_NX)],
  [['ZADD', 'z', 'INCR', '1', 'a', '2', 'b'], error(ERROR_INCR)],
  [['ZADD', 'z', 'NX', 'CH', 'INCR'], SYNTAX],
  [['ZADD', 'z', '1', 'a', '2'], SYNTAX],
  [['ZADD', 'z', '1', 'a', 'x', 'b'], NOT_FLOAT],
  [['ZADD', 'z', 'nan', 'a'], NOT_FLOAT],
  [['ZADD', 'z', '', 'a'], NOT_FLOAT],
  [['ZADD', 'z', ' 1', 'a'], NOT_FLOAT],
  [['ZADD', 'z', '1e400', 'a'], NOT_FLOAT],
  [['ZADD', 'z', '+inf', 'p', '-INF', 'm', 'Infinity', 'q'], integer(3)],
  [['ZINCRBY', 'z', '-inf', 'p'], error('ERR resulting score is not a number (NaN)')],
  [['ZINCRBY', 'z', '+inf', 'p'], ...score('inf')],
  [['ZSCORE', 'z', 'm'], ...score('-inf')],
  [['ZADD', 'z', '0x10', 'h', '0.1', 't', '1e20', 'g', '12345678901234567890', 'l'], integer(4)],
  [['ZSCORE', 'z', 'h'], ...score('16')],
  [['ZSCORE', 'z', 't'], ...score('0.1')],
  [['ZSCORE', 'z', 'g'], ...score('1e+20')],
  [['ZSCORE', 'z', 'l'], ...score('12345678901234567000')],
  [['ZADD', 'z', '-5', 'i'], integer(1)],
  [['ZSCORE', 'z', 'i'], ...score('-5')],
]);

both('ranges by rank', () => [
  [['ZADD', 'z', '1', 'a', '2', 'b', '3', 'c', '3', 'd'], integer(4)],
  [['ZRANGE', 'z', '0', '-1'], members('a', 'b', 'c', 'd')],
  [['ZRANGE', 'z', '1', '2'], members('b', 'c')],
  [['ZRANGE', 'z', '-2', '100'], members('c', 'd')],
  [['ZRANGE', 'z', '-100', '0'], members('a')],
  [['ZRANGE', 'z', '2', '1'], members()],
  [['ZRANGE', 'z', '4', '9'], members()],
  [['ZRANGE', 'z', '0', '-5'], members()],
  [['ZRANGE', 'z', '-9223372036854775808', '9223372036854775807'], members('a', 'b', 'c', 'd')],
  [['ZRANGE', 'z', '0', '1', 'REV'], members('d', 'c')],
  [['ZREVRANGE', 'z', '0', '0'], members('d')],
  [['ZREVRANGE', 'z', '-1', '-1', 'WITHSCORES'], ...scored(['a', '1'])],
  [['ZREVRANGE', 'z', '1', '2', 'withscores'], ...scored(['c', '3'], ['b', '2'])],
  [['ZRANGE', 'none', '0', '-1', 'WITHSCORES'], members()],
  [['ZRANGE', 'z', 'x', '1'], NOT_INTEGER],
  [['ZRANGE', 'z', '0', '1.5'], NOT_INTEGER],
  [['ZRANGE', 'z', '0', '1', 'LIMIT', '0', '1'], error(ERROR_LIMIT)],
  [['ZRANGE', 'z', '0', '1', 'LIMIT', '0', '-1'], members('a', 'b')],
  [['ZRANGE', 'z', '0', '1', 'LIMIT', '0'], SYNTAX],
  [['ZRANGE', 'z', '0', '1', 'LIMIT', '0', 'x'], NOT_INTEGER],
  [['ZRANGE', 'z', '0', '1', 'REV', 'REV'], SYNTAX],
  [['ZREVRANGE', 'z', '0', '1', 'REV'], SYNTAX],
  [['ZREVRANGE', 'z', '0', '1', 'BYSCORE'], SYNTAX],
  [['ZREMRANGEBYRANK', 'z', '1', '-2'], integer(2)],
  [['ZRANGE', 'z', '0', '-1'], members('a', 'd')],
  [['ZREMRANGEBYRANK', 'z', '5', '9'], integer(0)],
  [['ZREMRANGEBYRANK', 'z', 'x', '9'], NOT_INTEGER],
  [['ZREMRANGEBYRANK', 'none', '0', '9'], integer(0)],
  [['ZREMRANGEBYRANK', 'z', '-9', '-1'], integer(2)],
  [['EXISTS', 'z'], integer(0)],
  [['SET', 'str', '1'], OK],
  [['ZRANGE', 'str', '0', '1'], WRONG_TYPE],
  [['ZREMRANGEBYRANK', 'str', '0', '1'], WRONG_TYPE],
]);

both('ranges by score', () => [
  [['ZADD', 'z', '-inf', 'a', '1', 'b', '2', 'c', '2', 'd', '3.5', 'e', '+inf', 'f'], integer(6)],
  [['ZRANGEBYSCORE', 'z', '-inf', '+inf'], members('a', 'b', 'c', 'd', 'e', 'f')],
  [['ZRANGEBYSCORE', 'z', '(-inf', '(+inf'], members('b', 'c', 'd', 'e')],
  [['ZRANGEBYSCORE', 'z', '1', '2'], members('b', 'c', 'd')],
  [['ZRANGEBYSCORE', 'z', '(1', '(2'], members()],
  [['ZRANGEBYSCORE', 'z', '(1', '2', 'WITHSCORES'], ...scored(['c', '2'], ['d', '2'])],
  [['ZRANGEBYSCORE', 'z', '5', '1'], members()],
  [['ZRANGEBYSCORE', 'z', '1', '9', 'LIMIT', '1', '2'], members('c', 'd')],
  [['ZRANGEBYSCORE', 'z', '1', '9', 'LIMIT', '3', '-1'], members('e')],
  [['ZRANGEBYSCORE', 'z', '1', '9', 'LIMIT', '4', '1'], members()],
  [['ZRANGEBYSCORE', 'z', '1', '9', 'LIMIT', '-1', '1'], members()],
  [['ZRANGEBYSCORE', 'z', '1', '9', 'LIMIT', '0', '0'], members()],
  [['ZREVRANGEBYSCORE', 'z', '9', '1', 'LIMIT', '1', '2'], members('d', 'c')],
  [['ZREVRANGEBYSCORE', 'z', '+inf', '2', 'WITHSCORES'], ...REVERSED],
  [['ZREVRANGEBYSCORE', 'z', '1', '9'], members()],
  [['ZRANGE', 'z', '(2', '9', 'BYSCORE'], members('e')],
  [['ZRANGE', 'z', '9', '(2', 'BYSCORE', 'REV'], members('e')],
  [['ZRANGE', 'z', '9', '0', 'REV', 'BYSCORE', 'LIMIT', '0', '1', 'WITHSCORES'], ...scored(E)],
  [['ZRANGE', 'z', '0', '9', 'BYSCORE', 'BYLEX'], SYNTAX],
  [['ZRANGEBYSCORE', 'z', 'x', '9'], BOUND],
  [['ZRANGEBYSCORE', 'z', '1', '((9'], BOUND],
  [['ZRANGEBYSCORE', 'z', '1', 'nan'], BOUND],
  [['ZRANGEBYSCORE', 'z', ' 1', '1e400'], members('b', 'c', 'd', 'e', 'f')],
  [['ZRANGEBYSCORE', 'z', '', '(1e0'], members()],
  [['ZCOUNT', 'z', '(1', '+inf'], integer(4)],
  [['ZCOUNT', 'z', '9', '1'], integer(0)],
  [['ZCOUNT', 'none', '1', '9'], integer(0)],
  [['ZCOUNT', 'z', '1', '9x'], BOUND],
  [['ZREMRANGEBYSCORE', 'z', '(1', '2'], integer(2)],
  [['ZREMRANGEBYSCORE', 'z', 'x', '2'], BOUND],
  [['ZREMRANGEBYSCORE', 'none', '1', '2'], integer(0)],
  [['ZREMRANGEBYSCORE', 'z', '-inf', 'inf'], integer(4)],
  [['EXISTS', 'z'], integer(0)],
]);

both('ranges by member', () => [
  [['ZADD', 'z', '0', 'a', '0', 'b', '0', 'bb', '0', 'c', '0', ''], integer(5)],
  [['ZRANGEBYLEX', 'z', '-', '+'], members('', 'a', 'b', 'bb', 'c')],
  [['ZRANGEBYLEX', 'z', '[b', '(c'], members('b', 'bb')],
  [['ZRANGEBYLEX', 'z', '(b', '[c'], members('bb', 'c')],
  [['ZRANGEBYLEX', 'z', '(', '[a'], members('a')],
  [['ZRANGEBYLEX', 'z', '[', '[a'], members('', 'a')],
  [['ZRANGEBYLEX', 'z', '+', '-'], members()],
  [['ZRANGEBYLEX', 'z', '-', '+', 'LIMIT', '1', '2'], members('a', 'b')],
  [['ZREVRANGEBYLEX', 'z', '+', '[b'], members('c', 'bb', 'b')],
  [['ZREVRANGEBYLEX', 'z', '(c', '-', 'LIMIT', '1', '2'], members('b', 'a')],
  [['ZRANGE', 'z', '[a', '(bb', 'BYLEX'], members('a', 'b')],
  [['ZRANGE', 'z', '(bb', '[a', 'BYLEX', 'REV'], members('b', 'a')],
  [['ZRANGE', 'z', '[a', '(bb', 'BYLEX', 'WITHSCORES'], error(ERROR_WITHSCORES)],
  [['ZRANGEBYLEX', 'z', 'a', '[b'], LEX_BOUND],
  [['ZRANGEBYLEX', 'z', '[a', ''], LEX_BOUND],
  [['ZRANGEBYLEX', 'z', '-a', '+'], LEX_BOUND],
  [['ZLEXCOUNT', 'z', '[a', '+'], integer(4)],
  [['ZLEXCOUNT', 'z', '+', '-'], integer(0)],
  [['ZLEXCOUNT', 'none', '-', '+'], integer(0)],
  [['ZLEXCOUNT', 'none', 'x', '+'], LEX_BOUND],
  [['ZREMRANGEBYLEX', 'z', '[b', '[bb'], integer(2)],
  [['ZREMRANGEBYLEX', 'z', 'x', '[bb'], LEX_BOUND],
  [['ZREMRANGEBYLEX', 'z', '-', '+'], integer(3)],
  [['EXISTS', 'z'], integer(0)],
]);

both('pops', () => [
  [['ZADD', 'z', '1', 'a', '2', 'b', '3', 'c', '4', 'd', '5', 'e', '6', 'f'], integer(6)],
  [['ZPOPMIN', 'z'], ...flat(['a', '1'])],
  [['ZPOPMAX', 'z'], ...flat(['f', '6'])],
  [['ZPOPMIN', 'z', '1'], ...scored(['b', '2'])],
  [['ZPOPMAX', 'z', '2'], ...scored(['e', '5'], ['d', '4'])],
  [['ZPOPMIN', 'z', '0'], members()],
  [['ZPOPMIN', 'z', '-1'], error('ERR value is out of range, must be positive')],
  [['ZPOPMIN', 'z', 'x'], error('ERR value is out of range, must be positive')],
  [['ZPOPMIN', 'z', '1', 'x'], SYNTAX],
  [['ZPOPMIN', 'none'], members()],
  [['ZPOPMAX', 'none', '3'], members()],
  [['ZPOPMAX', 'z', '100'], ...scored(['c', '3'])],
  [['EXISTS', 'z'], integer(0)],
  [['ZADD', 'z', '1', 'a', '2', 'b', '3', 'c'], integer(3)],
  [['ZMPOP', '2', 'none', 'z', 'MIN'], ...popped('z', ['a', '1'])],
  [['ZMPOP', '1', 'z', 'max', 'COUNT', '9'], ...popped('z', ['c', '3'], ['b', '2'])],
  [['ZMPOP', '1', 'z', 'MAX'], '*-1\r\n', '_\r\n'],
  [['ZMPOP', '0', 'z', 'MAX'], error('ERR numkeys should be greater than 0')],
  [['ZMPOP', 'x', 'z', 'MAX'], error('ERR numkeys should be greater than 0')],
  [['ZMPOP', '9', 'z', 'MAX'], SYNTAX],
  [['ZMPOP', '1', 'z', 'x'], SYNTAX],
  [['ZMPOP', '1', 'z', 'MAX', 'COUNT', '0'], error('ERR count should be greater than 0')],
  [['ZMPOP', '1', 'z', 'MAX', 'COUNT', '1', 'COUNT', '2'], SYNTAX],
  [['ZMPOP', '1', 'z', 'MAX', 'COUNT'], SYNTAX],
  [['SET', 'str', '1'], OK],
  [['ZPOPMIN', 'str', '0'], WRONG_TYPE],
  [['ZMPOP', '1', 'str', 'MAX'], WRONG_TYPE],
]);

both('several sorted sets', (encoding) => [
  [['ZADD', 'a', '1', 'x', '2', 'y', '3', 'z'], integer(3)],
  [['ZADD', 'b', '10', 'y', '20', 'z', '30', 'w', '0', 'v'], integer(4)],
  [['SADD', 's', 'z', 'u'], integer(2)],
  [['ZUNION', '2', 'a', 'b'], members('v', 'x', 'y', 'z', 'w')],
  [['ZUNION', '2', 'a', 's', 'WITHSCORES'], ...UNION_WITH_SET],
  [['ZUNION', '1', 'none'], members()],
  [['ZINTER', '2', 'a', 'b', 'WITHSCORES'], ...scored(['y', '12'], ['z', '23'])],
  [['ZINTER', '3', 'a', 'b', 's', 'WITHSCORES'], ...scored(['z', '24'])],
  [['ZINTER', '2', 'a', 'none'], members()],
  [['ZINTER', '2', 'a', 'a', 'WEIGHTS', '2', '3', 'WITHSCORES'], ...WEIGHED],
  [['ZINTER', '2', 'a', 'b', 'AGGREGATE', 'MIN', 'WITHSCORES'], ...scored(['y', '2'], ['z', '3'])],
  [
    ['ZINTER', '2', 'a', 'b', 'aggregate', 'max', 'WITHSCORES', 'WEIGHTS', '1', '-1'],
    ...scored(['y', '2'], ['z', '3']),
  ],
  [
    ['ZUNION', '3', 'a', 'b', 's', 'AGGREGATE', 'COUNT', 'WEIGHTS', '1', '0.5', '2', 'WITHSCORES'],
    ...COUNTED,
  ],
  [['ZDIFF', '2', 'b', 'a', 'WITHSCORES'], ...scored(['v', '0'], ['w', '30'])],
  [['ZDIFF', '2', 's', 'a', 'WITHSCORES'], ...scored(['u', '1'])],
  [['ZDIFF', '2', 'none', 'a'], members()],
  [['ZDIFF', '1', 'a', 'WEIGHTS', '1'], SYNTAX],
  [['ZDIFF', '1', 'a', 'AGGREGATE', 'SUM'], SYNTAX],
  [['ZUNIONSTORE', 'd', '2', 'a', 'b'], integer(5)],
  [encodingOf('d'), bulk(encoding)],
  [['ZINTERSTORE', 'd', '2', 'd', 'a', 'WEIGHTS', '1', '0'], integer(3)],
  [['ZRANGE', 'd', '0', '-1', 'WITHSCORES'], ...scored(['x', '1'], ['y', '12'], ['z', '23'])],
  [['ZDIFFSTORE', 'd', '2', 'd', 'b'], integer(1)],
  [['ZRANGE', 'd', '0', '-1', 'WITHSCORES'], ...scored(['x', '1'])],
  [['ZDIFFSTORE', 'd', '2', 'd', 'a'], integer(0)],
  [['EXISTS', 'd'], integer(0)],
  [['SET', 'd', '1'], OK],
  [['ZUNIONSTORE', 'd', '1', 's'], integer(2)],
  [['TYPE', 'd'], '+zset\r\n'],
  [['ZINTERCARD', '2', 'a', 'b'], integer(2)],
  [['ZINTERCARD', '2', 'a', 'b', 'LIMIT', '1'], integer(1)],
  [['ZINTERCARD', '2', 'a', 'b', 'LIMIT', '0'], integer(2)],
  [['ZINTERCARD', '2', 'a', 'none'], integer(0)],
  [['ZINTERCARD', '2', 'a', 'b', 'LIMIT', '-1'], error("ERR LIMIT can't be negative")],
  [['ZINTERCARD', '1', 'a', 'WITHSCORES'], SYNTAX],
  [['ZINTERCARD', '0', 'a'], needed('zintercard')],
  [['ZUNION', '-1', 'a'], needed('zunion')],
  [['ZDIFFSTORE', 'd', '0', 'a'], needed('zdiffstore')],
  [['ZUNIONSTORE', 'd', '2', 'a'], SYNTAX],
  [['ZUNIONSTORE', 'd', 'x', 'a'], NOT_INTEGER],
  [['ZUNIONSTORE', 'd', '1', 'a', 'WITHSCORES'], SYNTAX],
  [['ZUNION', '2', 'a', 'b', 'WEIGHTS', '1'], SYNTAX],
  [['ZUNION', '2', 'a', 'b', 'WEIGHTS', '1', 'x'], error('ERR weight value is not a float')],
  [['ZUNION', '1', 'a', 'AGGREGATE', 'avg'], SYNTAX],
  [['ZUNION', '1', 'a', 'AGGREGATE'], SYNTAX],
  [['ZADD', 'p', 'inf', 'i'], integer(1)],
  [['ZADD', 'm', '-inf', 'i'], integer(1)],
  [['ZUNION', '2', 'p', 'm', 'WITHSCORES'], ...scored(['i', '0'])],
  [['ZUNION', '1', 'p', 'WEIGHTS', '0', 'WITHSCORES'], ...scored(['i', '0'])],
  [['SET', 'str', '1'], OK],
  [['ZUNION', '2', 'a', 'str'], WRONG_TYPE],
  [['ZUNIONSTORE', 'd', '1', 'str', 'x'], WRONG_TYPE],
]);

both('stored ranges', (encoding) => [
  [['ZADD', 'z', '1', 'a', '2', 'b', '3', 'c', '4', 'd'], integer(4)],
  [['ZRANGESTORE', 'd', 'z', '1', '2'], integer(2)],
  [encodingOf('d'), bulk(encoding)],
  [['ZRANGE', 'd', '0', '-1', 'WITHSCORES'], ...scored(['b', '2'], ['c', '3'])],
  [['ZRANGESTORE', 'd', 'z', '0', '0', 'REV'], integer(1)],
  [['ZRANGE', 'd', '0', '-1'], members('d')],
  [['ZRANGESTORE', 'd', 'z', '(1', '+inf', 'BYSCORE', 'LIMIT', '1', '9'], integer(2)],
  [['ZRANGE', 'd', '0', '-1'], members('c', 'd')],
  [['ZRANGESTORE', 'z', 'z', '[b', '[c', 'BYLEX'], integer(2)],
  [['ZRANGE', 'z', '0', '-1'], members('b', 'c')],
  [['ZRANGESTORE', 'd', 'z', '5', '9'], integer(0)],
  [['EXISTS', 'd'], integer(0)],
  [['SET', 'd', '1'], OK],
  [['ZRANGESTORE', 'd', 'none', '5', '9'], integer(0)],
  [['EXISTS', 'd'], integer(0)],
  [['ZRANGESTORE', 'd', 'z', '0', '1', 'WITHSCORES'], SYNTAX],
  [['ZRANGESTORE', 'd', 'z', 'x', '1'], NOT_INTEGER],
  [['SET', 'str', '1'], OK],
  [['ZRANGESTORE', 'd', 'str', '0', '1'], WRONG_TYPE],
]);

both('random members and scans', () => [
  [['ZADD', 'z', '1.5', 'a'], integer(1)],
  [['ZRANDMEMBER', 'z'], bulk('a')],
  [['ZRANDMEMBER', 'none'], NULL],
  [['ZRANDMEMBER', 'none', '3'], members()],
  [['ZRANDMEMBER', 'z', '0'], members()],
  [['ZRANDMEMBER', 'z', '5'], members('a')],
  [['ZRANDMEMBER', 'z', '-2', 'WITHSCORES'], ...scored(['a', '1.5'], ['a', '1.5'])],
  [['ZRANDMEMBER', 'z', 'x'], NOT_INTEGER],
  [['ZRANDMEMBER', 'z', '1', 'x'], SYNTAX],
  [['ZRANDMEMBER', 'z', '1', 'WITHSCORES', 'x'], SYNTAX],
  [['ZRANDMEMBER', 'z', '9223372036854775807', 'WITHSCORES'], error('ERR value is out of range')],
  [['ZSCAN', 'z', '0'], array(bulk('0'), members('a', '1.5'))],
  [['ZSCAN', 'z', '0', 'MATCH', 'b*', 'COUNT', '5'], array(bulk('0'), members())],
  [['ZSCAN', 'z', '0', 'NOSCORES'], array(bulk('0'), members('a'))],
  [['ZSCAN', 'z', '0', 'NOVALUES'], error('ERR NOVALUES option can only be used in HSCAN')],
  [['ZSCAN', 'z', '0', 'COUNT', '0'], SYNTAX],
  [['ZSCAN', 'z', 'x'], error('ERR invalid cursor')],
  [['ZSCAN', 'none', '0', 'what'], array(bulk('0'), members())],
  [['ZSCAN', 'none', 'x', 'what'], error('ERR invalid cursor')],
  [['SET', 'str', '1'], OK],
  [['ZSCAN', 'str', '0'], WRONG_TYPE],
  [['ZSCAN', 'str', '0', 'what'], WRONG_TYPE],
  [['ZRANDMEMBER', 'str'], WRONG_TYPE],
]);

table('a sorted set converts at its limits', SPECS, [
  ...Array.from({ length: 128 }, (_, i): Row => [['ZADD', 'z', i, `m${i}`], integer(1)]),
  [encodingOf('z'), bulk('listpack')],
  [['ZADD', 'z', '1', 'm0'], integer(0)],
  [encodingOf('z'), bulk('listpack')],
  [['ZADD', 'z', '1', 'more'], integer(1)],
  [encodingOf('z'), bulk('skiplist')],
  [['ZCARD', 'z'], integer(129)],
  [['ZSCORE', 'z', 'm127'], ...score('127')],
  [['ZADD', 'y', '1', 'x'.repeat(64)], integer(1)],
  [encodingOf('y'), bulk('listpack')],
  [['ZADD', 'y', '1', 'x'.repeat(65)], integer(1)],
  [encodingOf('y'), bulk('skiplist')],
  [['ZADD', 'w', '1', 'x'.repeat(65)], integer(1)],
  [encodingOf('w'), bulk('skiplist')],
  [['ZUNIONSTORE', 'u', '2', 'z', 'y'], integer(131)],
  [encodingOf('u'), bulk('skiplist')],
  [['ZRANGESTORE', 'u', 'z', '0', '9'], integer(10)],
  [encodingOf('u'), bulk('listpack')],
]);

test('a full arena refuses members and keeps the rest', () => {
  const runner = new LocalRunner(SPECS, { shards: 1, arenaBytes: 1 << 21 });
  let added = 0;
  for (let reply = integer(1); reply === integer(1); added++) {
    reply = runner.run('ZADD', 'z', added, `${added}`.padStart(60, '-'));
    if (reply !== integer(1)) expect(reply).toBe(FULL);
  }
  runner.checkInvariants();
  expect(runner.run('ZCARD', 'z')).toBe(integer(added - 1));
  expect(runner.run('ZUNIONSTORE', 'copy', 1, 'z')).toBe(FULL);
  expect(runner.run('EXISTS', 'copy')).toBe(integer(0));
  runner.checkInvariants();
  expect(runner.run('ZREMRANGEBYRANK', 'z', 0, -2)).toBe(integer(added - 2));
  runner.checkInvariants();
});

test.each([['listpack'], ['skiplist']])('draws from a %s are uniform', (encoding) => {
  const runner = new LocalRunner(SPECS);
  const names = Array.from({ length: 60 }, (_, i) => `m${i}`);
  if (encoding === 'skiplist') runner.state.limits.zsetMaxListpackEntries = 1;
  runner.run('ZADD', 'z', ...names.flatMap((name, i) => [i % 7, name]));
  expect(runner.run('OBJECT', 'ENCODING', 'z')).toBe(bulk(encoding));
  const draws = 60_000;
  const counts = new Map<string, number>();
  const reply = runner.run('ZRANDMEMBER', 'z', -draws).split('\r\n');
  for (let i = 2; i < reply.length; i += 2) counts.set(reply[i]!, (counts.get(reply[i]!) ?? 0) + 1);
  const expected = draws / names.length;
  let chiSquare = 0;
  for (const name of names) chiSquare += ((counts.get(name) ?? 0) - expected) ** 2 / expected;
  // 59 degrees of freedom: above 140 once in 10^8 runs.
  expect(chiSquare).toBeLessThan(140);
  const distinct = runner
    .run('ZRANDMEMBER', 'z', 20)
    .split('\r\n')
    .filter((_, i) => i >= 2 && i % 2 === 0);
  expect(new Set(distinct).size).toBe(20);
});

test.each([['a listpack'], ['a tree']])('large results are in order, from %s', (what) => {
  const runner = new LocalRunner(SPECS);
  if (what === 'a listpack') runner.state.limits.zsetMaxListpackEntries = 5000;
  const count = 2000;
  const names = Array.from({ length: count }, (_, i) => `member:${(i * 7919) % count}`);
  const scoreOf = (i: number): number => (i % 2 === 0 ? i % 50 : (i % 50) / 8);
  runner.run('ZADD', 'a', ...names.flatMap((name, i) => [scoreOf(i), name]));
  runner.run('ZADD', 'b', ...names.slice(0, count / 2).flatMap((name) => [1000, name]));
  const expected = names
    .map((name, i) => ({ name, value: scoreOf(i) + (i < count / 2 ? 1000 : 0) }))
    .sort((x, y) => x.value - y.value || (x.name < y.name ? -1 : 1));
  const reply = array(...expected.flatMap(({ name, value }) => [bulk(name), bulk(String(value))]));
  expect(runner.run('ZUNION', 2, 'a', 'b', 'WITHSCORES')).toBe(reply);
  expect(runner.run('ZUNIONSTORE', 'u', 2, 'a', 'b')).toBe(integer(count));
  expect(runner.run('ZRANGE', 'u', 0, -1, 'WITHSCORES')).toBe(reply);
  expect(runner.run('ZDIFF', 2, 'u', 'none', 'WITHSCORES')).toBe(reply);
  runner.checkInvariants();
});
