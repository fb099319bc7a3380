/** Streams: entries, ranges, cutting, deleting and reading; groups are in stream-groups.test.ts. */
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
import { CLOCK_START_MS, LocalRunner } from '../support/local-runner.ts';

const SPECS = [...STRING_COMMANDS, ...GENERIC_COMMANDS, ...STREAM_COMMANDS];
const T = CLOCK_START_MS;
const MAX = '18446744073709551615';
const NULL_ARRAY = '*-1\r\n';
const BAD_ID = error('ERR Invalid stream ID specified as stream command argument');
const SMALL = error(
  'ERR The ID specified in XADD is equal or smaller than the target stream top item',
);
const EXHAUSTED = error(
  'ERR The stream has exhausted the last possible ID, unable to add more items',
);
const ARITY = error("ERR wrong number of arguments for 'xadd' command");

/** An entry in a reply. */
const entry = (id: string, ...fields: readonly string[]): string =>
  array(bulk(id), array(...fields.map(bulk)));
const words = (text: string): string[] => text.split(' ');

table('entries', SPECS, [
  [words('XADD s 1-1 a 1'), bulk('1-1')],
  [words('XADD s 1-1 a 1'), SMALL],
  [words('XADD s 0-9 a 1'), SMALL],
  [words('XADD s 1-* a 2 b x'), bulk('1-2')],
  [words('XADD s 2 c 3'), bulk('2-0')],
  [words('XADD s 2-* a -7'), bulk('2-1')],
  [words('XLEN s'), integer(4)],
  [words('XLEN none'), integer(0)],
  [words('TYPE s'), '+stream\r\n'],
  [words('OBJECT ENCODING s'), bulk('stream')],
  [
    words('XRANGE s - +'),
    array(
      entry('1-1', 'a', '1'),
      entry('1-2', 'a', '2', 'b', 'x'),
      entry('2-0', 'c', '3'),
      entry('2-1', 'a', '-7'),
    ),
  ],
  [words('XRANGE s (1-1 2-0'), array(entry('1-2', 'a', '2', 'b', 'x'), entry('2-0', 'c', '3'))],
  [words('XRANGE s 1 1 COUNT 1'), array(entry('1-1', 'a', '1'))],
  [words('XREVRANGE s + - COUNT 2'), array(entry('2-1', 'a', '-7'), entry('2-0', 'c', '3'))],
  [words('XREVRANGE s (2-0 1-2'), array(entry('1-2', 'a', '2', 'b', 'x'))],
  [words('XRANGE s 3 +'), array()],
  [words('XRANGE s + -'), array()],
  [words('XRANGE none - +'), array()],
  [words('XRANGE s - + COUNT 0'), NULL_ARRAY, '_\r\n'],
  [words('XRANGE s - + COUNT -3'), NULL_ARRAY, '_\r\n'],
  [words('XRANGE s - + COUNT x'), NOT_INTEGER],
  [words('XRANGE s - + LIMIT 1'), SYNTAX],
  [words('XRANGE s x +'), BAD_ID],
  [words('XRANGE s 1-* +'), BAD_ID],
  [words(`XRANGE s (${MAX}-${MAX} +`), error('ERR invalid start ID for the interval')],
  [words('XRANGE s - (0-0'), error('ERR invalid end ID for the interval')],
  [words('XDEL s 1-2 9-9 1-2'), integer(1)],
  [words('XDEL s 1-1 x'), BAD_ID],
  [words('XDEL none 1-1 x'), integer(0)],
  [
    words('XRANGE s - 2'),
    array(entry('1-1', 'a', '1'), entry('2-0', 'c', '3'), entry('2-1', 'a', '-7')),
  ],
  [words('XADD s 3-1 a'), ARITY],
  [words('XADD s 3-1 a 1 b'), ARITY],
  [words('XADD s MAXLEN 3 3-1'), ARITY],
  [words('XADD s * a'), ARITY],
  [words('XADD s 0-0 a 1'), error('ERR The ID specified in XADD must be greater than 0-0')],
  [words('XADD new 0-0 a 1'), error('ERR The ID specified in XADD must be greater than 0-0')],
  [words('XADD s x a 1'), BAD_ID],
  [words('XADD s 1-x a 1'), BAD_ID],
  [words('XADD s -1 a 1'), BAD_ID],
  [words(`XADD s ${MAX}0-1 a 1`), BAD_ID],
  [words('XADD new NOMKSTREAM * a 1'), NULL],
  [words('EXISTS new'), integer(0)],
  [words('XADD new 0-* a 1'), bulk('0-1')],
  [words('XDEL new 0-1'), integer(1)],
  [words('EXISTS new'), integer(1)],
  [words('XADD new 0-1 a 1'), SMALL],
  [words(`XADD new ${MAX}-${MAX} a 1`), bulk(`${MAX}-${MAX}`)],
  [words('XADD new * a 1'), EXHAUSTED],
  [words(`XADD new ${MAX}-* a 1`), EXHAUSTED],
  [words('SET str x'), OK],
  [words('XADD str * a 1'), WRONG_TYPE],
  [words('XLEN str'), WRONG_TYPE],
  [words('XRANGE str - +'), WRONG_TYPE],
  [words('XDEL str 1'), WRONG_TYPE],
  [words('XTRIM str MAXLEN 1'), WRONG_TYPE],
  [words('XSETID str 1'), WRONG_TYPE],
  [words('XREAD STREAMS str 0'), WRONG_TYPE],
]);

table('IDs from the clock', SPECS, [
  [words('XADD s * a 1'), bulk(`${T}-0`)],
  [words('XADD s * a 1'), bulk(`${T}-1`)],
  [words(`XADD s ${T + 5}-3 a 1`), bulk(`${T + 5}-3`)],
  [words('XADD s * a 1'), bulk(`${T + 5}-4`)],
  [words(`XADD s ${T + 5}-${MAX} a 1`), bulk(`${T + 5}-${MAX}`)],
  [words(`XADD s ${T + 5}-* a 1`), SMALL],
  [words('XADD s * a 1'), bulk(`${T + 6}-0`)],
]);

const FIVE: readonly Row[] = ['1', '2', '3', '4', '5'].map((ms) => [
  words(`XADD s ${ms} f ${ms}`),
  bulk(`${ms}-0`),
]);
const ids = (...all: readonly string[]): string =>
  array(...all.map((ms) => entry(`${ms}-0`, 'f', ms)));

table('cutting', SPECS, [
  ...FIVE,
  [words('XTRIM s MAXLEN 4'), integer(1)],
  [words('XTRIM s MAXLEN = 4'), integer(0)],
  [words('XTRIM s MINID 4'), integer(2)],
  [words('XRANGE s - +'), ids('4', '5')],
  [words('XADD s MAXLEN 1 6 f 6'), bulk('6-0')],
  [words('XRANGE s - +'), ids('6')],
  [words('XADD s MINID = 7 7 f 7'), bulk('7-0')],
  [words('XRANGE s - +'), ids('7')],
  [words('XTRIM s MAXLEN ~ 0 LIMIT 1'), integer(1)],
  [words('XLEN s'), integer(0)],
  [words('EXISTS s'), integer(1)],
  [words('XTRIM none MAXLEN 1'), integer(0)],
  [words('XTRIM s MAXLEN -1'), error('ERR The MAXLEN argument must be >= 0.')],
  [words('XTRIM s MAXLEN x'), NOT_INTEGER],
  [words('XTRIM s MINID x'), BAD_ID],
  [words('XTRIM s MAXLEN ~ 1 LIMIT -1'), error('ERR The LIMIT argument must be >= 0.')],
  [
    words('XTRIM s MAXLEN 1 LIMIT 1'),
    error('ERR syntax error, LIMIT cannot be used without the special ~ option'),
  ],
  [
    words('XADD s LIMIT 1 * f 1'),
    error('ERR syntax error, LIMIT cannot be used without specifying a trimming strategy'),
  ],
  [
    words('XTRIM s MAXLEN 1 MINID 1'),
    error('ERR syntax error, MAXLEN and MINID options at the same time are not compatible'),
  ],
  [words('XTRIM s KEEPREF DELREF'), SYNTAX],
  [words('XTRIM s NOMKSTREAM MAXLEN 1'), SYNTAX],
  [words('XTRIM s KEEPREF ACKED MAXLEN 1'), SYNTAX],
  [words('XTRIM s ACKED DELREF'), SYNTAX],
  [
    words('XTRIM s LIMIT 0 ACKED'),
    error('ERR syntax error, XTRIM must be called with a trimming strategy'),
  ],
]);

const XSETID = 'ERR The ID specified in XSETID is smaller than';

table('where IDs go on', SPECS, [
  [words('XSETID s 1'), error('ERR no such key')],
  ...FIVE,
  [words('XSETID s 4'), error(`${XSETID} the target stream top item`)],
  [words('XSETID s 5-0'), OK],
  [words('XSETID s 9-3 ENTRIESADDED 100 MAXDELETEDID 2-0'), OK],
  [words('XADD s 9-* f 9'), bulk('9-4')],
  [words('XSETID s 1'), error(`${XSETID} current max_deleted_entry_id`)],
  [
    words('XSETID s 9-4 ENTRIESADDED 5'),
    error('ERR The entries_added specified in XSETID is smaller than the target stream length'),
  ],
  [words('XSETID s 9-4 ENTRIESADDED -1'), error('ERR entries_added must be positive')],
  [words('XSETID s 9-4 ENTRIESADDED x'), NOT_INTEGER],
  [words('XSETID s 9-4 MAXDELETEDID 9-5'), error(`${XSETID} the provided max_deleted_entry_id`)],
  [words('XSETID s 9-4 MAXDELETEDID x'), BAD_ID],
  [words('XSETID s 9-4 OTHER 1'), SYNTAX],
  [words('XSETID s 9-4 ENTRIESADDED'), SYNTAX],
  [words('XSETID s x'), BAD_ID],
]);

const of = (key: string, entries: string): readonly [string, string] => [
  array(array(bulk(key), entries)),
  `%1\r\n${bulk(key)}${entries}`,
];
const UNBALANCED =
  "ERR Unbalanced 'xread' list of streams: for each stream key an ID, '+', or '$' must be " +
  'specified.';

table('XREAD', SPECS, [
  ...FIVE,
  [words('XADD t 7 g x'), bulk('7-0')],
  [words('XREAD STREAMS s 3'), ...of('s', ids('4', '5'))],
  [words('XREAD COUNT 1 STREAMS s 0-0'), ...of('s', ids('1'))],
  [words('XREAD COUNT 0 STREAMS s 4'), ...of('s', ids('5'))],
  [words('XREAD STREAMS s +'), ...of('s', ids('5'))],
  [
    words('XREAD COUNT 1 STREAMS s t 4 0'),
    array(array(bulk('s'), ids('5')), array(bulk('t'), array(entry('7-0', 'g', 'x')))),
    `%2\r\n${bulk('s')}${ids('5')}${bulk('t')}${array(entry('7-0', 'g', 'x'))}`,
  ],
  [words('XREAD STREAMS s none t 5 0 7'), NULL_ARRAY, '_\r\n'],
  [words('XREAD STREAMS s t $ 0'), ...of('t', array(entry('7-0', 'g', 'x')))],
  [words('XREAD STREAMS s $'), NULL_ARRAY, '_\r\n'],
  [words(`XREAD STREAMS s ${MAX}-${MAX}`), NULL_ARRAY, '_\r\n'],
  [words('XREAD STREAMS s t 0'), error(UNBALANCED)],
  [words('XREAD COUNT x STREAMS s 0'), NOT_INTEGER],
  [words('XREAD COUNT 1 s 0'), SYNTAX],
  [words('XREAD STREAMS s x'), BAD_ID],
  [
    words('XREAD STREAMS s >'),
    error(
      'ERR The > ID can be specified only when calling XREADGROUP using the GROUP <group> ' +
        '<consumer> option.',
    ),
  ],
  [
    words('XREAD GROUP g c STREAMS s 0'),
    error('ERR The GROUP option is only supported by XREADGROUP. You called XREAD instead.'),
  ],
  [
    words('XREAD NOACK STREAMS s 0'),
    error('ERR The NOACK option is only supported by XREADGROUP. You called XREAD instead.'),
  ],
  [words('XREAD BLOCK x STREAMS s 0'), error('ERR timeout is not an integer or out of range')],
  [words('XREAD BLOCK -1 STREAMS s 0'), error('ERR timeout is negative')],
  [words('XDEL s 5'), integer(1)],
  [words('XREAD STREAMS s +'), ...of('s', ids('4'))],
  [words('XTRIM s MAXLEN 0'), integer(4)],
  [words('XREAD STREAMS s +'), NULL_ARRAY, '_\r\n'],
]);

const NO_GROUP = error(
  "NOGROUP No such key 'none' or consumer group 'g' in XREADGROUP with GROUP option",
);
const MEANINGLESS = (id: string): string =>
  error(
    `ERR The ${id} ID is meaningless in the context of XREADGROUP: you want to read the history ` +
      'of this consumer by specifying a proper ID, or use the > ID to get new messages. The ' +
      `${id} ID would just return an empty result set.`,
  );

table('XREADGROUP', SPECS, [
  ...FIVE,
  [words('XGROUP CREATE s g 2'), OK],
  [words('XREADGROUP GROUP g a COUNT 2 STREAMS s >'), ...of('s', ids('3', '4'))],
  [words('XREADGROUP GROUP g b STREAMS s >'), ...of('s', ids('5'))],
  [words('XREADGROUP GROUP g b STREAMS s >'), NULL_ARRAY, '_\r\n'],
  [words('XREADGROUP GROUP g a STREAMS s 0'), ...of('s', ids('3', '4'))],
  [words('XREADGROUP GROUP g a COUNT 1 STREAMS s 3'), ...of('s', ids('4'))],
  [words('XREADGROUP GROUP g a STREAMS s 9'), ...of('s', array())],
  [words('XDEL s 3'), integer(1)],
  [
    words('XREADGROUP GROUP g a STREAMS s 0'),
    ...(of('s', array(array(bulk('3-0'), NULL_ARRAY), entry('4-0', 'f', '4'))).map((text) =>
      text.startsWith('%') ? text.replace(NULL_ARRAY, '_\r\n') : text,
    ) as [string, string]),
  ],
  [words('XADD s 6 f 6'), bulk('6-0')],
  [words('XREADGROUP NOACK GROUP g c STREAMS s >'), ...of('s', ids('6'))],
  [words('XREADGROUP GROUP g c STREAMS s 0'), ...of('s', array())],
  [words('XREADGROUP GROUP g a STREAMS none >'), NO_GROUP],
  [words('XREADGROUP GROUP g a STREAMS s $'), MEANINGLESS('$')],
  [words('XREADGROUP GROUP g a STREAMS s +'), MEANINGLESS('+')],
  [
    words('XREADGROUP COUNT 1 NOACK STREAMS s t > >'),
    error('ERR Missing GROUP option for XREADGROUP'),
  ],
  [words('XREADGROUP GROUP g a CLAIM x STREAMS s >'), error('ERR min-idle-time is not an integer')],
  [
    words('XREADGROUP GROUP g a CLAIM -1 STREAMS s >'),
    error('ERR min-idle-time must be a positive integer'),
  ],
]);

table('XDELEX and XACKDEL', SPECS, [
  ...FIVE,
  [words('XGROUP CREATE s g 0'), OK],
  [words('XGROUP CREATE s h 0'), OK],
  [words('XREADGROUP GROUP g a STREAMS s >'), ...of('s', ids('1', '2', '3', '4', '5'))],
  [words('XDELEX s ACKED IDS 2 1 9'), array(integer(2), integer(-1))],
  [words('XDELEX s IDS 1 1'), array(integer(1))],
  [words('XREADGROUP GROUP h a COUNT 1 STREAMS s >'), ...of('s', ids('2'))],
  [words('XACKDEL s g ACKED IDS 2 2 2'), array(integer(2), integer(-1))],
  [words('XACKDEL s h ACKED IDS 1 2'), array(integer(1))],
  [words('XACKDEL s g IDS 2 1 3'), array(integer(1), integer(1))],
  [words('XDELEX s DELREF IDS 1 4'), array(integer(1))],
  [
    words('XPENDING s g'),
    array(integer(1), bulk('5-0'), bulk('5-0'), array(array(bulk('a'), bulk('1')))),
  ],
  [words('XRANGE s - +'), ids('5')],
  [words('XDELEX none IDS 2 1 2'), array(integer(-1), integer(-1))],
  [words('XACKDEL s none IDS 1 1'), array(integer(-1))],
  [words('XDELEX s IDS 0 1'), error('ERR Number of IDs must be a positive integer')],
  [words('XDELEX s IDS x 1'), error('ERR Number of IDs must be a positive integer')],
  [
    words('XDELEX s IDS 3 1 2'),
    error('ERR The `numids` parameter must match the number of arguments'),
  ],
  [words('XDELEX s IDS 1 1 2'), SYNTAX],
  [words('XDELEX s KEEPREF DELREF IDS 1 1'), SYNTAX],
  [words('XDELEX s IDS 1 x'), BAD_ID],
]);

describe('references', () => {
  const run = (runner: LocalRunner, text: string): string => runner.run(...words(text));

  test('ACKED cuts what all groups are done with, DELREF what groups still have', () => {
    const runner = new LocalRunner(SPECS);
    for (const [command] of FIVE) runner.run(...command);
    run(runner, 'XGROUP CREATE s g 0');
    expect(run(runner, 'XTRIM s MAXLEN 1 ACKED')).toBe(integer(0));
    run(runner, 'XREADGROUP GROUP g a COUNT 3 STREAMS s >');
    run(runner, 'XACK s g 1 3');
    expect(run(runner, 'XTRIM s MAXLEN 1 ACKED')).toBe(integer(2));
    expect(run(runner, 'XRANGE s - +')).toBe(ids('2', '4', '5'));
    expect(run(runner, 'XADD s MINID 4 DELREF 6 f 6')).toBe(bulk('6-0'));
    expect(run(runner, 'XRANGE s - +')).toBe(ids('4', '5', '6'));
    expect(run(runner, 'XPENDING s g')).toBe(array(integer(0), NULL, NULL, NULL_ARRAY));
    runner.checkInvariants();
  });
});

describe('CLAIM', () => {
  test('pending entries come first, the oldest before others, with their age', () => {
    const runner = new LocalRunner(SPECS);
    for (const [command] of FIVE) runner.run(...command);
    const run = (text: string): string => runner.run(...words(text));
    const claimed = (ms: string, idle: number, count: number): string =>
      array(bulk(`${ms}-0`), array(bulk('f'), bulk(ms)), integer(idle), integer(count));
    run('XGROUP CREATE s g 0');
    run('XREADGROUP GROUP g a COUNT 2 STREAMS s >');
    runner.advance(10);
    run('XCLAIM s g a 0 1');
    runner.advance(50);
    run('XDEL s 2');
    expect(run('XREADGROUP GROUP g b CLAIM 40 COUNT 3 STREAMS s >')).toBe(
      array(array(bulk('s'), array(claimed('1', 50, 2), claimed('3', 0, 0), claimed('4', 0, 0)))),
    );
    expect(run('XPENDING s g - + 9 a')).toBe(array());
    expect(run('XREADGROUP GROUP g b CLAIM 1 STREAMS s 9')).toBe(array(array(bulk('s'), array())));
    expect(run('XREADGROUP GROUP g b NOACK CLAIM 1 STREAMS s >')).toBe(
      array(array(bulk('s'), array(claimed('5', 0, 0)))),
    );
    runner.advance(5);
    expect(run('XREADGROUP GROUP g a CLAIM 5 COUNT 1 STREAMS s >')).toBe(
      array(array(bulk('s'), array(claimed('1', 5, 3)))),
    );
    runner.checkInvariants();
  });
});

describe('nodes', () => {
  const LIMITS = [
    [1, 4096],
    [3, 4096],
    [100, 64],
    [0, 0],
  ] as const;

  test.each(LIMITS)('of %i entries and %i bytes: the same replies', (entries, bytes) => {
    const runner = new LocalRunner(SPECS);
    runner.state.limits.streamNodeMaxEntries = entries;
    runner.state.limits.streamNodeMaxBytes = bytes;
    const run = (text: string): string => runner.run(...words(text));
    const all: string[] = [];
    for (let i = 1; i <= 200; i++) {
      const fields = i % 7 === 0 ? ['other', 'x', 'f', String(i)] : ['f', String(i)];
      all.push(entry(`${i}-0`, ...fields));
      run(`XADD s ${i} ${fields.join(' ')}`);
    }
    expect(run('XRANGE s - +')).toBe(array(...all));
    expect(run('XREVRANGE s + -')).toBe(array(...[...all].reverse()));
    for (let i = 1; i <= 200; i += 13) {
      expect(run(`XRANGE s ${i} ${i + 4}`)).toBe(array(...all.slice(i - 1, i + 4)));
      expect(run(`XRANGE s ${i} + COUNT 9`)).toBe(array(...all.slice(i - 1, i + 8)));
    }
    const cut = Number(run('XTRIM s MAXLEN ~ 50 LIMIT 0').slice(1));
    expect(run('XLEN s')).toBe(integer(200 - cut));
    expect(cut).toBeLessThanOrEqual(150);
    expect(cut).toBeGreaterThanOrEqual(entries === 0 ? 0 : 140);
    expect(run('XTRIM s MAXLEN 10')).toMatch(/^:/);
    expect(run('XRANGE s - +')).toBe(array(...all.slice(190)));
    runner.checkInvariants();
  });
});

describe('an arena that is full', () => {
  test('what there is no room for is an error, what was delivered is not', () => {
    const runner = new LocalRunner(SPECS, { shards: 1, arenaBytes: 1 << 20 });
    const run = (text: string): string => runner.run(...words(text));
    run('XADD s 1 f v');
    run('XGROUP CREATE s g 0');
    let last = 1;
    while (run(`XADD s ${last + 1} f ${'v'.repeat(50)}`) !== FULL) last += 1;
    expect(last).toBeGreaterThan(1000);
    expect(run('XADD new * f v')).toBe(FULL);
    expect(run('EXISTS new')).toBe(integer(0));
    while (run('SETNX fill:small x') !== FULL && run('APPEND fill:small xxxxxxxx') !== FULL);
    let delivered = 0;
    for (;;) {
      const reply = run('XREADGROUP GROUP g c COUNT 50 STREAMS s >');
      if (reply === FULL || reply === NULL_ARRAY) break;
      delivered += reply.split('\r\n*2\r\n$').length - 2;
      runner.checkInvariants();
    }
    expect(run('XLEN s')).toBe(integer(last));
    expect(Number(run('XACK s g 1').slice(1))).toBe(delivered > 0 ? 1 : 0);
    runner.checkInvariants();
  });
});

test('LIMIT that Redis leaves in its log beside an exact limit', () => {
  const runner = new LocalRunner(SPECS);
  for (let i = 1; i <= 5; i++) runner.run('XADD', 's', `${i}-0`, 'a', '1');
  const refused = error('ERR syntax error, LIMIT cannot be used without the special ~ option');
  expect(runner.run('XTRIM', 's', 'MAXLEN', '=', '4', 'LIMIT', '100')).toBe(refused);
  runner.state.isClockStopped = true;
  expect(runner.run('XTRIM', 's', 'MAXLEN', '=', '4', 'LIMIT', '100')).toBe(integer(1));
  expect(runner.run('XADD', 's', 'MINID', '=', '4', 'LIMIT', '1', '6-0', 'a', '1')).toBe(
    bulk('6-0'),
  );
  expect(runner.run('XLEN', 's')).toBe(integer(3));
});

test('a count of entries beyond what is exact', () => {
  const runner = new LocalRunner(SPECS);
  runner.run('XADD', 's', '1-0', 'a', '1');
  expect(runner.run('XSETID', 's', '2-0', 'ENTRIESADDED', '9223372036854775807')).toBe(OK);
  expect(runner.run('XINFO', 'STREAM', 's')).toContain('entries-added\r\n:9007199254740991\r\n');
  // Also a group can have read no more than that.
  runner.run('XGROUP', 'CREATE', 's', 'g', '$', 'ENTRIESREAD', '9223372036854775807');
  expect(runner.run('XINFO', 'GROUPS', 's')).toContain('entries-read\r\n:9007199254740991\r\n');
});

describe('a stream that goes', () => {
  const used = (runner: LocalRunner): number =>
    runner.shards.reduce((sum, shard) => sum + shard.arena.usedBytes(), 0);

  /** A stream with groups, pending entries in all trees, and a producer. */
  function fill(runner: LocalRunner, key: string): void {
    const run = (text: string): string => runner.run(...words(text));
    for (let i = 1; i <= 1500; i++) run(`XADD ${key} ${i} field ${'v'.repeat(i % 60)} other ${i}`);
    run(`XADD ${key} IDMP producer iid * field v`);
    for (const group of ['g', 'h']) {
      run(`XGROUP CREATE ${key} ${group} 0`);
      run(`XREADGROUP GROUP ${group} one COUNT 700 STREAMS ${key} >`);
      run(`XREADGROUP GROUP ${group} two COUNT 300 CLAIM 0 STREAMS ${key} >`);
      run(`XNACK ${key} ${group} FAIL IDS 1 5`);
    }
  }

  const ENDS: readonly (readonly [string, (runner: LocalRunner) => void])[] = [
    ['is deleted', (runner) => runner.run('DEL', 's')],
    ['is replaced', (runner) => runner.run('SET', 's', 'v')],
    ['has expired', (runner) => runner.run('PEXPIRE', 's', '5')],
    ['is copied over', (runner) => runner.run('COPY', 'small', 's', 'REPLACE')],
    ['is renamed over', (runner) => runner.run('RENAME', 'small', 's')],
    ['is flushed', (runner) => runner.run('FLUSHALL')],
  ];

  test.each(ENDS)('%s: all its memory comes back', (_name, end) => {
    const runner = new LocalRunner(SPECS);
    runner.run('SET', 'small', 'x');
    runner.run('SET', 's', 'v');
    const before = used(runner);
    runner.run('DEL', 's');
    fill(runner, 's');
    runner.run('COPY', 's', 'copy');
    runner.run('RENAME', 'copy', 'renamed');
    runner.checkInvariants();
    expect(runner.run('XINFO', 'STREAM', 'renamed', 'FULL', 'COUNT', '0')).toBe(
      runner.run('XINFO', 'STREAM', 's', 'FULL', 'COUNT', '0'),
    );
    expect(Number(runner.run('MEMORY', 'USAGE', 's').slice(1))).toBeGreaterThan(60_000);
    runner.run('DEL', 'renamed');
    end(runner);
    runner.advance(10);
    runner.run('EXISTS', 's');
    for (const shard of runner.shards) while (!shard.lazy.step(100));
    expect(used(runner)).toBeLessThanOrEqual(before);
    runner.checkInvariants();
  });
});
