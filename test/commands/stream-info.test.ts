import { describe, expect, test } from 'vitest';
import { array, error, integer, NOT_INTEGER, OK, table, WRONG_TYPE } from '../conformance/table.ts';
import { decodeReply } from '../support/decode-reply.ts';
import { LocalRunner } from '../support/local-runner.ts';
import {
  arity,
  both,
  filled,
  ids,
  noGroup,
  row,
  STREAM_SPECS,
  T,
  type Tree,
  words,
  wrongShape,
} from './stream-replies.ts';

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

table('XINFO', STREAM_SPECS, [
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
    ['with the greatest number', ['#5', 'XGROUP CREATE s g 2-1 ENTRIESREAD 5'], 5, 0],
    ['with a greater number given', ['#5', 'XGROUP CREATE s g 2-1 ENTRIESREAD 6'], 5, 0],
    [
      'with a greater number given later',
      ['#5', 'XGROUP CREATE s g 2-1', 'XGROUP SETID s g 3-1 ENTRIESREAD 9'],
      5,
      0,
    ],
    [
      'with a number given for a new stream',
      ['XGROUP CREATE s g $ MKSTREAM ENTRIESREAD 9', '#2'],
      0,
      2,
    ],
    [
      'with a number that is too great for the ID',
      ['#5', 'XGROUP CREATE s g 2-1 ENTRIESREAD 5', 'XREADGROUP GROUP g c COUNT 2 STREAMS s >'],
      5,
      0,
    ],
    [
      'of entries from the first on, whatever number was given',
      ['#3', 'XGROUP CREATE s g 0 ENTRIESREAD 9', 'XREADGROUP GROUP g c COUNT 2 STREAMS s >'],
      2,
      1,
    ],
    [
      'with a count of entries that was lowered',
      [
        ...['#5', 'XGROUP CREATE s g 0', 'XREADGROUP GROUP g c STREAMS s >', 'XTRIM s MAXLEN 2'],
        'XSETID s 5-1 ENTRIESADDED 2',
      ],
      2,
      0,
    ],
    [
      'not known with a count of entries that was lowered',
      ['#5', 'XGROUP CREATE s g 2-1', 'XTRIM s MAXLEN 2', 'XSETID s 5-1 ENTRIESADDED 2'],
      null,
      2,
    ],
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
      1,
      0,
    ],
  ])('%s', (_name, commands, read, lag) => {
    const runner = new LocalRunner(STREAM_SPECS, { arenaBytes: 1 << 22 });
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
  const runner = new LocalRunner(STREAM_SPECS, { arenaBytes: 1 << 22 });
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
