import { describe, expect, test } from 'vitest';
import { GENERIC_COMMANDS } from '../../src/commands/generic.ts';
import { STREAM_COMMANDS } from '../../src/commands/stream.ts';
import { STRING_COMMANDS } from '../../src/commands/string.ts';
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
import { decodeReply } from '../support/decode-reply.ts';
import { type Argument, CLOCK_START_MS, LocalRunner } from '../support/local-runner.ts';

const SPECS = [...STREAM_COMMANDS, ...STRING_COMMANDS, ...GENERIC_COMMANDS];
const T = CLOCK_START_MS;
const MAX = '18446744073709551615';
const NO_KEY = error(
  'ERR The XGROUP subcommand requires the key to exist. Note that for CREATE you may want to use ' +
    'the MKSTREAM option to create an empty stream automatically.',
);
const BAD_ID = error('ERR Invalid stream ID specified as stream command argument');
const NULL_ARRAY = '*-1\r\n';

const noGroup = (group: string, key: string): string =>
  error(`NOGROUP No such consumer group '${group}' for key name '${key}'`);
const noKeyOrGroup = (key: string, group: string): string =>
  error(`NOGROUP No such key '${key}' or consumer group '${group}'`);
const wrongShape = (sub: string, container: string): string =>
  error(`ERR unknown subcommand or wrong number of arguments for '${sub}'. Try ${container} HELP.`);
const arity = (name: string): string =>
  error(`ERR wrong number of arguments for '${name}' command`);
const words = (text: string): string[] => text.split(' ');
const row = (command: string, reply: string, resp3?: string): Row =>
  resp3 === undefined ? [words(command), reply] : [words(command), reply, resp3];
const ids = (...list: readonly string[]): string => array(...list.map(bulk));
const entry = (id: string, ...fields: readonly string[]): string =>
  array(bulk(id), array(...fields.map(bulk)));
const pending = (id: string, owner: string, idle: number, count: number | string): string =>
  array(bulk(id), bulk(owner), integer(idle), integer(count));

/** A reply with maps, in both protocols; `[]` is a list, `null` a null, an object a map. */
type Tree = string | number | null | readonly Tree[] | { readonly [name: string]: Tree };

function encode(tree: Tree, resp3: boolean): string {
  if (tree === null) return resp3 ? '_\r\n' : NULL;
  if (typeof tree === 'number') return integer(tree);
  if (typeof tree === 'string') return bulk(tree);
  if (Array.isArray(tree)) return array(...tree.map((one) => encode(one, resp3)));
  const parts = Object.entries(tree).map(([name, value]) => bulk(name) + encode(value, resp3));
  return `${resp3 ? `%${parts.length}` : `*${parts.length * 2}`}\r\n${parts.join('')}`;
}

const both = (tree: Tree): [string, string] => [encode(tree, false), encode(tree, true)];

/** A stream s of the entries 1-1 to `count`-1, f=v<i>. */
const filled = (count: number): Row[] =>
  Array.from({ length: count }, (_, i) => row(`XADD s ${i + 1}-1 f v${i + 1}`, bulk(`${i + 1}-1`)));

table('XGROUP', SPECS, [
  row('XGROUP CREATE s g $', NO_KEY),
  row('XGROUP CREATE s g $ MKSTREAM', OK),
  row('XLEN s', integer(0)),
  row('TYPE s', '+stream\r\n'),
  row('XGROUP CREATE s g 0', error('BUSYGROUP Consumer Group name already exists')),
  row('XGROUP CREATE s g 0 MKSTREAM', error('BUSYGROUP Consumer Group name already exists')),
  row('XGROUP CREATE s h 5-3 ENTRIESREAD 7', OK),
  row('XGROUP CREATE s i 5 entriesread -1 mkstream', OK),
  row('XGROUP CREATE s j -', BAD_ID),
  row('XGROUP CREATE s j x', BAD_ID),
  row('XGROUP CREATE s j 1-*', BAD_ID),
  row(`XGROUP CREATE s j ${MAX}-${MAX}0`, BAD_ID),
  row('XGROUP CREATE s j 0 x', wrongShape('CREATE', 'XGROUP')),
  row('XGROUP create s j 0 ENTRIESREAD', wrongShape('create', 'XGROUP')),
  row('XGROUP CREATE s j 0 ENTRIESREAD x', NOT_INTEGER),
  row(
    'XGROUP CREATE s j 0 ENTRIESREAD -2',
    error('ERR value for ENTRIESREAD must be positive or -1'),
  ),
  row('XGROUP CREATE s j 0 MKSTREAM MKSTREAM ENTRIESREAD 1', wrongShape('CREATE', 'XGROUP')),
  row('XGROUP CREATE s j', arity('xgroup|create')),
  row('XGROUP SETID s g 9-9', OK),
  row('XGROUP SETID s g -', OK),
  row('XGROUP SETID s g + ENTRIESREAD 3', OK),
  row('XGROUP SETID s g $', OK),
  row('XGROUP SETID s g x', BAD_ID),
  row('XGROUP SETID s x 0', noGroup('x', 's')),
  row('XGROUP SETID none g 0', NO_KEY),
  row('XGROUP SETID s g 0 MKSTREAM', wrongShape('SETID', 'XGROUP')),
  row('XGROUP SETID s g 0 ENTRIESREAD 1 ENTRIESREAD 2', wrongShape('SETID', 'XGROUP')),
  row('XGROUP CREATECONSUMER s g alice', integer(1)),
  row('XGROUP CREATECONSUMER s g alice', integer(0)),
  row('XGROUP CREATECONSUMER s g ', integer(1)),
  row('XGROUP CREATECONSUMER s x alice', noGroup('x', 's')),
  row('XGROUP CREATECONSUMER none g alice', NO_KEY),
  row('XGROUP DELCONSUMER s g bob', integer(0)),
  row('XGROUP DELCONSUMER s g alice', integer(0)),
  row('XGROUP DELCONSUMER s x alice', noGroup('x', 's')),
  row('XGROUP DELCONSUMER none g alice', NO_KEY),
  row('XGROUP DESTROY s x', integer(0)),
  row('XGROUP DESTROY s g', integer(1)),
  row('XGROUP DESTROY s g', integer(0)),
  row('XGROUP DESTROY none g', NO_KEY),
  row('XGROUP DESTROY s', arity('xgroup|destroy')),
  row('SET str x', OK),
  row('XGROUP CREATE str g $ MKSTREAM', WRONG_TYPE),
  row('XGROUP SETID str g 0', WRONG_TYPE),
  row('XGROUP DESTROY str g', WRONG_TYPE),
  row('XGROUP CREATECONSUMER str g c', WRONG_TYPE),
  row('XGROUP DELCONSUMER str g c', WRONG_TYPE),
  [['XGROUP', 'DESTROY', 's', 'a\r\nb\0c'], integer(0)],
  [['XGROUP', 'SETID', 's', 'a\r\nb\0c', '0'], noGroup('a  b', 's')],
]);

table('XACK', SPECS, [
  ...filled(4),
  row('XGROUP CREATE s g 0', OK),
  row('XCLAIM s g c 0 1-1 2-1 3-1 4 FORCE JUSTID', ids('1-1', '2-1', '3-1')),
  row('XACK s g 1-1 1-1 9-9', integer(1)),
  row('XACK s g 1-1', integer(0)),
  row('XACK s x 1-1', integer(0)),
  row('XACK none g x', integer(0)),
  row('XACK s g 2-1 x', BAD_ID),
  row('XACK s g 2-1 -', BAD_ID),
  row('XPENDING s g - + 9', array(pending('2-1', 'c', 0, 1), pending('3-1', 'c', 0, 1))),
  row('XACK s g 3-1 2-1', integer(2)),
  row('XPENDING s g - + 9', array()),
  row('XACK s g', arity('xack')),
  row('SET str x', OK),
  row('XACK str g 1-1', WRONG_TYPE),
]);

table('XNACK', SPECS, [
  ...filled(4),
  row('XGROUP CREATE s g 0', OK),
  row('XCLAIM s g c 0 1-1 2-1 3-1 FORCE JUSTID RETRYCOUNT 3', ids('1-1', '2-1', '3-1')),
  row('XNACK s g SILENT IDS 1 1-1', integer(1)),
  row('XNACK s g FAIL IDS 2 2-1 9-9', integer(1)),
  row('XNACK s g fatal ids 1 3-1', integer(1)),
  row(
    'XPENDING s g - + 9',
    array(
      pending('1-1', '', -1, 2),
      pending('2-1', '', -1, 3),
      pending('3-1', '', -1, '9223372036854775807'),
    ),
  ),
  row('XPENDING s g IDLE 1000 - + 1', array(pending('1-1', '', -1, 2))),
  row('XPENDING s g - + 9 c', array()),
  row('XPENDING s g', array(integer(3), bulk('1-1'), bulk('3-1'), array())),
  row('XNACK s g SILENT IDS 1 1-1', integer(1)),
  row('XNACK s g SILENT IDS 1 1-1', integer(1)),
  row('XNACK s g SILENT IDS 1 1-1', integer(1)),
  row('XPENDING s g 1 1 9', array(pending('1-1', '', -1, 0))),
  row('XNACK s g FATAL IDS 1 2-1 RETRYCOUNT 5', integer(1)),
  row('XPENDING s g 2 2 9', array(pending('2-1', '', -1, 5))),
  row('XNACK s g SILENT IDS 3 4-1 8-8 4-1 FORCE', integer(2)),
  row('XNACK s g FAIL IDS 1 8-8 FORCE FORCE', integer(0)),
  row('XPENDING s g 4 4 9', array(pending('4-1', '', -1, 0))),
  row('XACK s g 4-1', integer(1)),
  row('XNACK s g FATAL IDS 1 4-1 FORCE', integer(1)),
  row('XPENDING s g 4 4 9', array(pending('4-1', '', -1, '9223372036854775807'))),
  row('XACK s g 4-1', integer(1)),
  row('XNACK s g SILENT IDS 1 4-1 RETRYCOUNT 2 FORCE', integer(1)),
  row('XPENDING s g 4 4 9', array(pending('4-1', '', -1, 2))),
  // Nobody's entries can be claimed at once, whatever the idle time asked for.
  row('XCLAIM s g d 999999999999999 4-1 JUSTID', ids('4-1')),
  row('XNACK s g FAIL IDS 1 4-1', integer(1)),
  row(
    'XAUTOCLAIM s g d 999999999999999 4-1',
    array(bulk('0-0'), array(entry('4-1', 'f', 'v4')), array()),
  ),
  row('XPENDING s g 4 4 9', array(pending('4-1', 'd', 0, 3))),
  row('XCLAIM s g d 0 3-1', array(entry('3-1', 'f', 'v3'))),
  row('XPENDING s g 3 3 9', array(pending('3-1', 'd', 0, '9223372036854775807'))),
  row('XNACK none g x IDS 1 1-1', noKeyOrGroup('none', 'g')),
  row('XNACK s x x IDS 1 1-1', noKeyOrGroup('s', 'x')),
  row('XNACK s g x IDS 1 1-1', error('ERR mode must be SILENT, FAIL, or FATAL')),
  row('XNACK s g FAIL x 1 1-1', SYNTAX),
  row('XNACK s g FAIL IDS 0 1-1', error('ERR numids must be a positive integer')),
  row('XNACK s g FAIL IDS x 1-1', error('ERR numids must be a positive integer')),
  row('XNACK s g FAIL IDS 2 1-1', error("ERR number of IDs doesn't match numids")),
  row('XNACK s g FAIL IDS 9223372036854775807 1', error("ERR number of IDs doesn't match numids")),
  row('XNACK s g FAIL IDS 1 x', BAD_ID),
  row('XNACK s g FAIL IDS 1 1-1 2-1', error("ERR Unrecognized XNACK option '2-1'")),
  row('XNACK s g FAIL IDS 1 1-1 RETRYCOUNT', error("ERR Unrecognized XNACK option 'RETRYCOUNT'")),
  row('XNACK s g FAIL IDS 1 1-1 RETRYCOUNT x', NOT_INTEGER),
  row(
    'XNACK s g FAIL IDS 1 1-1 RETRYCOUNT -1',
    error('ERR Invalid RETRYCOUNT value, must be >= 0'),
  ),
  row('XNACK s g FAIL IDS 1', arity('xnack')),
  row('SET str x', OK),
  row('XNACK str g FAIL IDS 1 1-1', WRONG_TYPE),
]);

table('XPENDING', SPECS, [
  ...filled(5),
  row('XGROUP CREATE s g 0', OK),
  row(
    'XPENDING s g',
    array(integer(0), NULL, NULL, NULL_ARRAY),
    array(integer(0), '_\r\n', '_\r\n', '_\r\n'),
  ),
  row('XGROUP CREATECONSUMER s g zoe', integer(1)),
  row('XCLAIM s g bob 0 1-1 2-1 FORCE JUSTID IDLE 500 RETRYCOUNT 2', ids('1-1', '2-1')),
  row('XCLAIM s g al 0 4-1 5-1 FORCE JUSTID IDLE 90', ids('4-1', '5-1')),
  row(
    'XPENDING s g',
    array(
      integer(4),
      bulk('1-1'),
      bulk('5-1'),
      array(array(bulk('al'), bulk('2')), array(bulk('bob'), bulk('2'))),
    ),
  ),
  row(
    'XPENDING s g - + 10',
    array(
      pending('1-1', 'bob', 500, 2),
      pending('2-1', 'bob', 500, 2),
      pending('4-1', 'al', 90, 1),
      pending('5-1', 'al', 90, 1),
    ),
  ),
  row('XPENDING s g - + 1', array(pending('1-1', 'bob', 500, 2))),
  row('XPENDING s g - + 0', array()),
  row('XPENDING s g - + -5', array()),
  row('XPENDING s g (1-1 (4-1 10', array(pending('2-1', 'bob', 500, 2))),
  row('XPENDING s g 2-1 4-1 10', array(pending('2-1', 'bob', 500, 2), pending('4-1', 'al', 90, 1))),
  row('XPENDING s g 3 4 10', array(pending('4-1', 'al', 90, 1))),
  row('XPENDING s g 5 3 10', array()),
  row('XPENDING s g - + 1 al', array(pending('4-1', 'al', 90, 1))),
  row('XPENDING s g (4-1 + 9 al', array(pending('5-1', 'al', 90, 1))),
  row('XPENDING s g - + 9 zoe', array()),
  row('XPENDING s g - + 9 nobody', array()),
  row('XPENDING s g idle 100 - + 1', array(pending('1-1', 'bob', 500, 2))),
  row('XPENDING s g IDLE 500 (1-1 + 9 bob', array(pending('2-1', 'bob', 500, 2))),
  row('XPENDING s g IDLE 501 - + 9', array()),
  row('XPENDING s g IDLE -5 - + 1 al', array(pending('4-1', 'al', 90, 1))),
  row('XPENDING s g IDLE 9223372036854775807 - + 9', array()),
  row(
    'XPENDING s g - + 9 al more',
    array(pending('4-1', 'al', 90, 1), pending('5-1', 'al', 90, 1)),
  ),
  row('XPENDING s g -', SYNTAX),
  row('XPENDING s g - +', SYNTAX),
  row('XPENDING s g IDLE 5 - +', SYNTAX),
  row('XPENDING s g IDLE x - +', NOT_INTEGER),
  row('XPENDING s g IDLE 5 - + 9 al more', SYNTAX),
  row('XPENDING s g - + x', NOT_INTEGER),
  row('XPENDING s g x + 9', BAD_ID),
  row('XPENDING s g - x 9', BAD_ID),
  row(`XPENDING s g (${MAX}-${MAX} + 9`, error('ERR invalid start ID for the interval')),
  row('XPENDING s g - (0-0 9', error('ERR invalid end ID for the interval')),
  row('XPENDING s x', noKeyOrGroup('s', 'x')),
  row('XPENDING none g - + 9', noKeyOrGroup('none', 'g')),
  row('XPENDING none g - x 9', BAD_ID),
  row('XGROUP DELCONSUMER s g bob', integer(2)),
  row(
    'XPENDING s g',
    array(integer(2), bulk('4-1'), bulk('5-1'), array(array(bulk('al'), bulk('2')))),
  ),
  row('SET str x', OK),
  row('XPENDING str g', WRONG_TYPE),
]);

table('XCLAIM', SPECS, [
  ...filled(5),
  row('XGROUP CREATE s g 0', OK),
  row('XCLAIM s g a 0 1-1', array()),
  row('XCLAIM s g a 0 1-1 FORCE', array(entry('1-1', 'f', 'v1'))),
  row('XPENDING s g - + 9', array(pending('1-1', 'a', 0, 2))),
  row('XCLAIM s g b 1 1-1', array()),
  row('XCLAIM s g b 0 1-1 IDLE 40', array(entry('1-1', 'f', 'v1'))),
  row('XPENDING s g - + 9', array(pending('1-1', 'b', 40, 3))),
  row('XCLAIM s g a 41 1-1', array()),
  row('XCLAIM s g a 40 1-1 justid', ids('1-1')),
  row('XPENDING s g - + 9', array(pending('1-1', 'a', 0, 3))),
  row(`XCLAIM s g a -7 1-1 JUSTID TIME ${T - 7}`, ids('1-1')),
  row('XPENDING s g - + 9', array(pending('1-1', 'a', 7, 3))),
  row(`XCLAIM s g a 0 1-1 TIME ${T + 7} RETRYCOUNT 0`, array(entry('1-1', 'f', 'v1'))),
  row('XPENDING s g - + 9', array(pending('1-1', 'a', 0, 0))),
  row('XCLAIM s g a 0 1-1 TIME -5 RETRYCOUNT -5 JUSTID', ids('1-1')),
  row('XPENDING s g - + 9', array(pending('1-1', 'a', 0, 0))),
  row('XCLAIM s g a 0 1-1 IDLE 9223372036854775807 JUSTID', ids('1-1')),
  row(`XCLAIM s g a 0 1-1 IDLE ${T} JUSTID`, ids('1-1')),
  row('XPENDING s g - + 9', array(pending('1-1', 'a', T, 0))),
  row('XCLAIM s g a 0 1-1 RETRYCOUNT 9223372036854775807', array(entry('1-1', 'f', 'v1'))),
  row('XPENDING s g - + 9', array(pending('1-1', 'a', 0, '9223372036854775807'))),
  // The same ID twice, IDs in no order, some that are not there.
  row('XCLAIM s g c 0 5-1 1-1 9-9 3-1 1-1 FORCE JUSTID', ids('5-1', '1-1', '3-1', '1-1')),
  row(
    'XCLAIM s g c 0 5-1 3-1 3-1',
    array(entry('5-1', 'f', 'v5'), entry('3-1', 'f', 'v3'), entry('3-1', 'f', 'v3')),
  ),
  // What is gone from the stream leaves the list.
  row('XDEL s 3-1', integer(1)),
  row('XCLAIM s g d 0 3-1 5-1 JUSTID', ids('5-1')),
  row('XPENDING s g - + 9 c', array(pending('1-1', 'c', 0, '9223372036854775807'))),
  row('XPENDING s g - + 9 d', array(pending('5-1', 'd', 0, 2))),
  row('XCLAIM s g d 0 3-1 FORCE', array()),
  // A last ID only grows.
  row('XCLAIM s g d 0 1-1 LASTID 4-1 JUSTID', ids('1-1')),
  row('XCLAIM s g d 0 2-1 LASTID 3-1', array()),
  row('XINFO CONSUMERS s x', noGroup('x', 's')),
  row('XCLAIM s g d x 1-1', error('ERR Invalid min-idle-time argument for XCLAIM')),
  row('XCLAIM s g d 0 1-1 IDLE x', error('ERR Invalid IDLE option argument for XCLAIM')),
  row('XCLAIM s g d 0 1-1 TIME x', error('ERR Invalid TIME option argument for XCLAIM')),
  row(
    'XCLAIM s g d 0 1-1 RETRYCOUNT x',
    error('ERR Invalid RETRYCOUNT option argument for XCLAIM'),
  ),
  row('XCLAIM s g d 0 1-1 LASTID x', BAD_ID),
  row('XCLAIM s g d 0 1-1 LASTID', error("ERR Unrecognized XCLAIM option 'LASTID'")),
  row('XCLAIM s g d 0 1-1 x 2-1', error("ERR Unrecognized XCLAIM option 'x'")),
  row('XCLAIM s g d 0 x', error("ERR Unrecognized XCLAIM option 'x'")),
  row('XCLAIM s g e 0 FORCE', array()),
  row('XCLAIM s x d 0 1-1', noKeyOrGroup('s', 'x')),
  row('XCLAIM none g d x 1-1', noKeyOrGroup('none', 'g')),
  row('XCLAIM s g d 0', arity('xclaim')),
  row('SET str x', OK),
  row('XCLAIM str g d 0 1-1', WRONG_TYPE),
]);

table('XAUTOCLAIM', SPECS, [
  ...filled(6),
  row('XGROUP CREATE s g 0', OK),
  row('XAUTOCLAIM s g b 0 -', array(bulk('0-0'), array(), array())),
  row('XCLAIM s g a 0 1-1 2-1 3-1 4-1 5-1 FORCE JUSTID', ids('1-1', '2-1', '3-1', '4-1', '5-1')),
  row(
    'XAUTOCLAIM s g b 0 - COUNT 2',
    array(bulk('3-1'), array(entry('1-1', 'f', 'v1'), entry('2-1', 'f', 'v2')), array()),
  ),
  row('XAUTOCLAIM s g b 0 3-1 count 2 justid', array(bulk('5-1'), ids('3-1', '4-1'), array())),
  row('XAUTOCLAIM s g b 0 (4-1 JUSTID', array(bulk('0-0'), ids('5-1'), array())),
  row('XPENDING s g - + 2 b', array(pending('1-1', 'b', 0, 2), pending('2-1', 'b', 0, 2))),
  row('XPENDING s g (2-1 + 1 b', array(pending('3-1', 'b', 0, 1))),
  row('XAUTOCLAIM s g c 5 -', array(bulk('0-0'), array(), array())),
  row('XDEL s 2-1 4-1', integer(2)),
  row('XAUTOCLAIM s g c 0 - COUNT 2 JUSTID', array(bulk('3-1'), ids('1-1'), ids('2-1'))),
  row(
    'XAUTOCLAIM s g c 0 3-1 COUNT 9',
    array(bulk('0-0'), array(entry('3-1', 'f', 'v3'), entry('5-1', 'f', 'v5')), ids('4-1')),
  ),
  row(
    'XPENDING s g',
    array(integer(3), bulk('1-1'), bulk('5-1'), array(array(bulk('c'), bulk('3')))),
  ),
  row('XAUTOCLAIM s g d 0 + JUSTID', array(bulk('0-0'), array(), array())),
  row(
    'XAUTOCLAIM s g d 0 - COUNT 576460752303423487 JUSTID',
    array(bulk('0-0'), ids('1-1', '3-1', '5-1'), array()),
  ),
  row('XAUTOCLAIM s g d 0 - COUNT 576460752303423488', error('ERR COUNT must be > 0')),
  row('XAUTOCLAIM s g d 0 - COUNT 0', error('ERR COUNT must be > 0')),
  row('XAUTOCLAIM s g d 0 - COUNT x', error('ERR COUNT must be > 0')),
  row('XAUTOCLAIM s g d 0 - COUNT', SYNTAX),
  row('XAUTOCLAIM s g d 0 - x', SYNTAX),
  row('XAUTOCLAIM s g d x -', error('ERR Invalid min-idle-time argument for XAUTOCLAIM')),
  row('XAUTOCLAIM s g d 0 x', BAD_ID),
  row(`XAUTOCLAIM s g d 0 (${MAX}-${MAX}`, error('ERR invalid start ID for the interval')),
  row('XAUTOCLAIM s x d 0 -', noKeyOrGroup('s', 'x')),
  row('XAUTOCLAIM none g d 0 -', noKeyOrGroup('none', 'g')),
  row('XAUTOCLAIM none g d x -', error('ERR Invalid min-idle-time argument for XAUTOCLAIM')),
  row('XAUTOCLAIM s g d 0', arity('xautoclaim')),
  row('SET str x', OK),
  row('XAUTOCLAIM str g d 0 -', WRONG_TYPE),
]);

const PRODUCERS = {
  'idmp-duration': 100,
  'idmp-maxsize': 100,
  'pids-tracked': 0,
  'iids-tracked': 0,
  'iids-added': 0,
  'iids-duplicates': 0,
};
const NO_ENTRIES = {
  length: 0,
  'radix-tree-keys': 0,
  'radix-tree-nodes': 1,
  'last-generated-id': '0-0',
  'max-deleted-entry-id': '0-0',
  'entries-added': 0,
  'recorded-first-entry-id': '0-0',
  ...PRODUCERS,
};
const THREE = {
  length: 3,
  'radix-tree-keys': 1,
  'radix-tree-nodes': 2,
  'last-generated-id': '3-1',
  'max-deleted-entry-id': '0-0',
  'entries-added': 3,
  'recorded-first-entry-id': '1-1',
  ...PRODUCERS,
};
const ENTRIES: readonly Tree[] = [1, 2, 3].map((n) => [`${n}-1`, ['f', `v${n}`]]);

table('XINFO', SPECS, [
  row('XGROUP CREATE e g $ MKSTREAM', OK),
  row(
    'XINFO STREAM e',
    ...both({ ...NO_ENTRIES, groups: 1, 'first-entry': null, 'last-entry': null }),
  ),
  ...filled(3),
  row(
    'XINFO STREAM s',
    ...both({ ...THREE, groups: 0, 'first-entry': ENTRIES[0]!, 'last-entry': ENTRIES[2]! }),
  ),
  row('XINFO STREAM s FULL', ...both({ ...THREE, entries: ENTRIES, groups: [] })),
  row('XINFO STREAM s full count 1', ...both({ ...THREE, entries: [ENTRIES[0]!], groups: [] })),
  row('XINFO GROUPS s', array()),
  row('XGROUP CREATE s g 0', OK),
  row('XGROUP CREATE s a 2-1', OK),
  row('XCLAIM s g bob 0 1-1 2-1 FORCE JUSTID LASTID 2-1 IDLE 5', ids('1-1', '2-1')),
  row('XGROUP CREATECONSUMER s g al', integer(1)),
  row('XNACK s g FATAL IDS 1 2-1', integer(1)),
  row(
    'XINFO GROUPS s',
    ...both([
      {
        name: 'a',
        consumers: 0,
        pending: 0,
        'last-delivered-id': '2-1',
        'entries-read': null,
        lag: null,
      },
      {
        name: 'g',
        consumers: 2,
        pending: 2,
        'last-delivered-id': '2-1',
        'entries-read': null,
        lag: null,
      },
    ]),
  ),
  row(
    'XINFO CONSUMERS s g',
    ...both([
      { name: 'al', pending: 0, idle: 0, inactive: -1 },
      { name: 'bob', pending: 1, idle: 0, inactive: 0 },
    ]),
  ),
  row('XINFO CONSUMERS s a', array()),
  row('XGROUP DESTROY s a', integer(1)),
  row('XNACK s g FAIL IDS 1 2-1 RETRYCOUNT 4', integer(1)),
  row(
    'XINFO STREAM s FULL COUNT 0',
    ...both({
      ...THREE,
      entries: ENTRIES,
      groups: [
        {
          name: 'g',
          'last-delivered-id': '2-1',
          'entries-read': null,
          lag: null,
          'pel-count': 2,
          'nacked-count': 1,
          pending: [
            ['1-1', 'bob', T - 5, 1],
            ['2-1', '', 0, 4],
          ],
          consumers: [
            { name: 'al', 'seen-time': T, 'active-time': -1, 'pel-count': 0, pending: [] },
            {
              name: 'bob',
              'seen-time': T,
              'active-time': T,
              'pel-count': 1,
              pending: [['1-1', T - 5, 1]],
            },
          ],
        },
      ],
    }),
  ),
  row('XINFO STREAM s FULL x', wrongShape('STREAM', 'XINFO')),
  row('XINFO STREAM s x', wrongShape('STREAM', 'XINFO')),
  row('XINFO STREAM s FULL x 1', wrongShape('STREAM', 'XINFO')),
  row('XINFO STREAM s FULL COUNT x', NOT_INTEGER),
  row('XINFO STREAM none x', error('ERR no such key')),
  row('XINFO GROUPS none', error('ERR no such key')),
  row('XINFO CONSUMERS none g', error('ERR no such key')),
  row('XINFO CONSUMERS s x', noGroup('x', 's')),
  row('XINFO GROUPS s x', arity('xinfo|groups')),
  row('SET str x', OK),
  row('XINFO STREAM str', WRONG_TYPE),
  row('XINFO GROUPS str', WRONG_TYPE),
  row('XINFO CONSUMERS str g', WRONG_TYPE),
]);

/** entries-read and lag of the group g of s. */
function progress(runner: LocalRunner): readonly unknown[] {
  const reply = decodeReply(runner.run('XINFO', 'GROUPS', 's')) as unknown[][];
  const group = reply.find((one) => one[1] === 'g')!;
  return [group[9], group[11]];
}

describe('lag', () => {
  test.each<[string, readonly string[], unknown, unknown]>([
    ['of a new stream', ['XGROUP CREATE s g $ MKSTREAM'], null, 0],
    ['from the beginning', ['#5', 'XGROUP CREATE s g 0'], null, 5],
    ['from the first entry', ['#5', 'XGROUP CREATE s g 1-1'], null, 4],
    ['from the end', ['#5', 'XGROUP CREATE s g $'], null, 0],
    ['from an arbitrary ID', ['#5', 'XGROUP CREATE s g 2-1'], null, null],
    ['from the future', ['#5', 'XGROUP CREATE s g 9-9'], null, null],
    ['with the number given', ['#5', 'XGROUP CREATE s g 2-1 ENTRIESREAD 2'], 2, 3],
    ['with a greater number given', ['#5', 'XGROUP CREATE s g 2-1 ENTRIESREAD 9'], 9, -4],
    ['behind what was deleted', ['#5', 'XDEL s 1-1', 'XGROUP CREATE s g 2-1 ENTRIESREAD 2'], 2, 3],
    [
      'before what was deleted',
      ['#5', 'XDEL s 4-1', 'XGROUP CREATE s g 2-1 ENTRIESREAD 2'],
      2,
      null,
    ],
    ['of all after a deletion', ['#5', 'XDEL s 1-1', 'XGROUP CREATE s g 0'], null, 4],
    ['of all with a hole', ['#5', 'XDEL s 3-1', 'XGROUP CREATE s g 0'], null, null],
    ['at the end with a hole', ['#5', 'XDEL s 3-1', 'XGROUP CREATE s g 5-1'], null, 0],
    ['of a stream that was emptied', ['#2', 'XDEL s 1-1 2-1', 'XGROUP CREATE s g 0'], null, 0],
    [
      'behind a trimmed beginning',
      ['#5', 'XGROUP CREATE s g 1-1 ENTRIESREAD 1', 'XTRIM s MAXLEN 2'],
      1,
      2,
    ],
    [
      'of a number that no one can have read',
      ['#1', 'XGROUP CREATE s g 1-1 ENTRIESREAD 9223372036854775807'],
      9007199254740991,
      -9007199254740990,
    ],
  ])('%s', (_name, commands, read, lag) => {
    const runner = new LocalRunner(SPECS, { arenaBytes: 1 << 22 });
    for (const command of commands) {
      if (!command.startsWith('#')) {
        expect(runner.run(...words(command)), command).not.toMatch(/^-/);
        continue;
      }
      for (const [add] of filled(Number(command.slice(1)))) runner.run(...add);
    }
    expect(progress(runner)).toEqual([read, lag]);
  });
});

test('times of consumers', () => {
  const runner = new LocalRunner(SPECS, { arenaBytes: 1 << 22 });
  const run = (command: string): string => runner.run(...words(command));
  for (const [add] of filled(2)) runner.run(...add);
  run('XGROUP CREATE s g 0');
  const idle = (): unknown => decodeReply(run('XINFO CONSUMERS s g'));
  run('XCLAIM s g c 0 1-1');
  runner.advance(10);
  expect(idle()).toEqual([['name', 'c', 'pending', 0, 'idle', 10, 'inactive', -1]]);
  run('XCLAIM s g c 0 1-1 FORCE');
  runner.advance(5);
  run('XAUTOCLAIM s g c 100 -');
  runner.advance(1);
  expect(idle()).toEqual([['name', 'c', 'pending', 1, 'idle', 1, 'inactive', 6]]);
  run('XAUTOCLAIM s g c 0 -');
  expect(idle()).toEqual([['name', 'c', 'pending', 1, 'idle', 0, 'inactive', 0]]);
  runner.advance(-50);
  expect(idle()).toEqual([['name', 'c', 'pending', 1, 'idle', 0, 'inactive', 0]]);
  expect(decodeReply(run('XPENDING s g - + 1'))).toEqual([['1-1', 'c', 0, 3]]);
});

test('XAUTOCLAIM looks at ten entries for each that it may claim', () => {
  const runner = new LocalRunner(SPECS, { arenaBytes: 1 << 22 });
  const run = (...command: readonly Argument[]): unknown => decodeReply(runner.run(...command));
  const all = Array.from({ length: 25 }, (_, i) => `${i + 1}-1`);
  for (const [add] of filled(25)) runner.run(...add);
  run('XGROUP', 'CREATE', 's', 'g', 0);
  run('XCLAIM', 's', 'g', 'a', 0, ...all, 'FORCE', 'JUSTID');
  run('XCLAIM', 's', 'g', 'a', 0, '15-1', 'IDLE', 100, 'JUSTID');
  expect(run('XAUTOCLAIM', 's', 'g', 'b', 50, '-', 'COUNT', 1)).toEqual(['11-1', [], []]);
  expect(run('XAUTOCLAIM', 's', 'g', 'b', 50, '11-1', 'COUNT', 1, 'JUSTID')).toEqual([
    '16-1',
    ['15-1'],
    [],
  ]);
  expect(run('XAUTOCLAIM', 's', 'g', 'b', 50, '16-1', 'COUNT', 1)).toEqual(['0-0', [], []]);
  runner.checkInvariants();
});

describe('large groups', () => {
  const SIZE = 2000;
  const entries = Array.from({ length: SIZE }, (_, i) => `${i + 1}-1`);

  function large(workMax: number): LocalRunner {
    const runner = new LocalRunner(SPECS, { arenaBytes: 1 << 24, workMax });
    for (const id of entries) runner.run('XADD', 's', id, 'f', 'v');
    runner.run('XGROUP', 'CREATE', 's', 'g', 0);
    runner.run('XCLAIM', 's', 'g', 'c', 0, ...entries, 'FORCE', 'JUSTID');
    runner.escalations = 0;
    return runner;
  }

  test.each<[string, string]>([
    ['XGROUP DELCONSUMER s g c', integer(SIZE)],
    ['XPENDING s g IDLE 1000 - + 1', array()],
    ['XAUTOCLAIM s g d 1000 - COUNT 1000', array(bulk('0-0'), array(), array())],
  ])('%s is for the owner', (command, reply) => {
    const runner = large(500);
    expect(runner.run(...words(command))).toBe(reply);
    expect(runner.escalations).toBe(1);
    runner.checkInvariants();
  });

  test.each([
    'XACK s g *',
    `XNACK s g FAIL IDS ${SIZE} *`,
    'XCLAIM s g d 0 *',
    'XINFO STREAM s FULL COUNT 0',
    'XINFO STREAM s FULL COUNT 1000',
    'XPENDING s g - + 1000',
    'XPENDING s g - + 1000 c',
  ])('%s is for the owner', (command) => {
    const runner = large(500);
    expect(runner.run(...words(command.replace('*', entries.join(' '))))).not.toMatch(/^-/);
    expect(runner.escalations).toBe(1);
    runner.checkInvariants();
  });

  test.each([
    'XPENDING s g',
    'XPENDING s g - + 10',
    'XPENDING s g - + 10 c',
    'XINFO STREAM s',
    'XINFO STREAM s FULL',
    'XINFO GROUPS s',
    'XINFO CONSUMERS s g',
    'XAUTOCLAIM s g d 0 - COUNT 10',
    'XACK s g 1-1',
    'XNACK s g FAIL IDS 1 2-1',
    'XGROUP DESTROY s g',
  ])('%s may run anywhere', (command) => {
    const runner = large(500);
    expect(runner.run(...words(command))).not.toMatch(/^-/);
    expect(runner.escalations).toBe(0);
  });

  test('a group that was destroyed is freed in slices', () => {
    const runner = large(500);
    const shard = runner.shards.find((one) => one.dict(0).size === 1)!;
    const usedBefore = shard.arena.usedBytes();
    expect(runner.run('XGROUP', 'CREATE', 's', 'h', '5-1')).toBe(OK);
    expect(runner.run('XGROUP', 'DESTROY', 's', 'g')).toBe(integer(1));
    expect(runner.run('XPENDING', 's', 'g')).toBe(noKeyOrGroup('s', 'g'));
    expect(shard.lazy.length).toBe(1);
    expect(runner.run('XLEN', 's')).toBe(integer(SIZE));
    runner.checkInvariants();
    let steps = 0;
    for (; !shard.lazy.step(16); steps++) runner.checkInvariants();
    expect(steps).toBeGreaterThan(5);
    runner.checkInvariants();
    expect(runner.run('XGROUP', 'CREATECONSUMER', 's', 'h', 'c')).toBe(integer(1));
    runner.run('XGROUP', 'DESTROY', 's', 'h');
    expect(shard.lazy.isEmpty).toBe(true);
    expect(shard.arena.usedBytes()).toBeLessThan(usedBefore - SIZE * 32);
    runner.checkInvariants();
  });

  test('many consumers and groups', () => {
    const runner = new LocalRunner(SPECS, { arenaBytes: 1 << 24, workMax: 500 });
    runner.run('XGROUP', 'CREATE', 's', 'g', 0, 'MKSTREAM');
    for (let i = 0; i < 1000; i++) runner.run('XGROUP', 'CREATECONSUMER', 's', 'g', `c${i}`);
    for (let i = 0; i < 1000; i++) runner.run('XGROUP', 'CREATE', 's', `g${i}`, 0);
    expect(runner.escalations).toBe(0);
    for (const command of ['XINFO GROUPS s', 'XINFO CONSUMERS s g', 'XPENDING s g']) {
      runner.run(...words(command));
    }
    expect(runner.escalations).toBe(3);
    runner.checkInvariants();
  });
});

describe('without memory', () => {
  /** A runner whose arena is full, with a stream s of `count` entries and a group g. */
  function full(count: number): LocalRunner {
    const runner = new LocalRunner(SPECS, { arenaBytes: 1 << 20, shards: 1 });
    for (const [add] of filled(count)) runner.run(...add);
    runner.run('XGROUP', 'CREATE', 's', 'g', 0);
    const fill = (size: number): void => {
      for (let i = 0; runner.run('SET', `${size}:${i}`, 'x'.repeat(size)) === OK; i++);
    };
    fill(65536);
    for (let size = 4096; size > 0; size -= 8) fill(size);
    return runner;
  }

  test.each([
    'XGROUP CREATE new g $ MKSTREAM',
    'XGROUP CREATE s * $',
    'XGROUP CREATECONSUMER s g *',
    'XCLAIM s g * 0 1-1 FORCE',
    'XAUTOCLAIM s g * 0 -',
  ])('%s changes nothing', (command) => {
    const runner = full(3);
    const before = runner.run('XINFO', 'STREAM', 's', 'FULL');
    expect(runner.run(...words(command.replace('*', 'x'.repeat(3000))))).toBe(FULL);
    expect(runner.run('XINFO', 'STREAM', 's', 'FULL')).toBe(before);
    expect(runner.run('EXISTS', 'new')).toBe(integer(0));
    runner.checkInvariants();
  });

  test('a group can be destroyed', () => {
    const runner = full(3);
    expect(runner.run('XGROUP', 'DESTROY', 's', 'g')).toBe(integer(1));
    expect(runner.run('XINFO', 'GROUPS', 's')).toBe(array());
    runner.checkInvariants();
  });

  test.each([
    ['XCLAIM', (all: readonly string[]) => ['XCLAIM', 's', 'g', 'c', '0', ...all, 'FORCE']],
    [
      'XNACK',
      (all: readonly string[]) => [
        'XNACK',
        's',
        'g',
        'FAIL',
        'IDS',
        `${all.length}`,
        ...all,
        'FORCE',
      ],
    ],
  ])('%s does what it can', (_name, command) => {
    const runner = full(2000);
    runner.run('DEL', '65536:0');
    const all = Array.from({ length: 2000 }, (_, i) => `${i + 1}-1`);
    expect(runner.run(...command(all))).toBe(FULL);
    const [count] = decodeReply(runner.run('XPENDING', 's', 'g')) as [number];
    expect(count).toBeGreaterThan(0);
    expect(count).toBeLessThan(2000);
    runner.checkInvariants();
  });
});
