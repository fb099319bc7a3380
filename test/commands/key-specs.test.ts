/** Which arguments are keys, by every kind of key specification. */
import { expect, test } from 'vitest';
import { CommandIndex, legacyKeyRange, shownFlags } from '../../src/commands/command-info.ts';
import { TIPPED_COMMANDS } from '../../src/commands/command-tips.ts';
import { ALL_COMMANDS } from '../../src/commands/registry.ts';
import {
  type CommandSpec,
  DONE,
  type KeyOption,
  type KeySpec,
  keyAfter,
  keysFrom,
  oneKey,
} from '../../src/commands/spec.ts';
import { CommandTable, KeyIndexes, keyIndexes } from '../../src/commands/table.ts';
import { argView } from '../support/local-runner.ts';

const GEO = [oneKey(1, 'RO'), keyAfter('STORE', 6, 'OW'), keyAfter('STOREDIST', 6, 'OW')];
const OPTIONS: KeyOption = {
  kind: 'unknown',
  word: 'STORE',
  operands: { BY: 1, GET: 1, LIMIT: 2 },
};
const SORT: readonly KeySpec[] = [
  oneKey(1, 'RO'),
  { flags: ['RO'], begin: 2, find: { kind: 'unknown' } },
  { flags: ['OW'], begin: 2, find: OPTIONS },
];
const READ: readonly KeySpec[] = [
  {
    flags: ['RO'],
    begin: 1,
    keyword: 'STREAMS',
    find: { kind: 'range', last: -1, step: 1, limit: 2 },
  },
];
const MOVE: readonly KeySpec[] = [
  {
    flags: ['RW'],
    begin: -2,
    keyword: 'KEYS',
    find: { kind: 'range', last: -1, step: 1, limit: 0 },
  },
];

test.each<[string, readonly KeySpec[], string, string]>([
  ['range', [keysFrom(1, 2, 'OW')], 'mset a 1 b 2', 'a b'],
  ['keyword', GEO, 'geo k 1 2 3 km', 'k'],
  ['keyword', GEO, 'geo k 1 2 3 km store d', 'k d'],
  ['keyword', GEO, 'geo k 1 2 3 km StoreDist d asc STORE e', 'k e d'],
  ['keyword too early', GEO, 'geo k 1 2 3 store d', 'k'],
  ['keyword at the end', GEO, 'geo k 1 2 3 km store', 'k'],
  ['keyword twice', GEO, 'geo k 1 2 3 km store d store e', 'k d e'],
  ['keyword as key', GEO, 'geo k 1 2 3 km store store', 'k store'],
  ['option', SORT, 'sort k', 'k'],
  ['option', SORT, 'sort k by w_* store d', 'k d'],
  ['option twice', SORT, 'sort k store d STORE e', 'k e'],
  ['option after operands', SORT, 'sort k limit store 1 get store by store', 'k'],
  ['option after operands', SORT, 'sort k limit store 1 get store store d', 'k d'],
  ['option without operand', SORT, 'sort k store', 'k'],
  ['option that is its operand', SORT, 'sort k store store', 'k store'],
  ['option with an option for key', SORT, 'sort k store get store d', 'k d'],
  ['half of the rest', READ, 'read count 2 streams a b 0 0', 'a b'],
  ['half of an odd rest', READ, 'read streams a b 0', 'a'],
  ['first of two keywords', READ, 'read streams streams a 0 0', 'streams a'],
  ['missing keyword', READ, 'read a b c', ''],
  ['backwards', MOVE, 'move a b c keys x y', 'x y'],
  ['backwards, the last one', MOVE, 'move a keys c keys x y', 'x y'],
  ['backwards at the end', MOVE, 'move a b keys', ''],
])('%s: %#', (_, specs, line, keys) => {
  const args = argView(line.split(' '));
  const found = new KeyIndexes();
  expect(keyIndexes(specs, args, found)).toBe(true);
  const texts = Array.from(found.index.subarray(0, found.count), (at) => args.text(at));
  expect(texts.join(' ')).toBe(keys);
});

test.each<[string, readonly KeySpec[], readonly number[], boolean]>([
  ['range', [oneKey(1, 'RO')], [1, 1, 1], false],
  ['keyword', GEO, [1, 1, 1], true],
  ['option', SORT, [1, 1, 1], true],
  ['keyword only', READ, [0, 0, 0], true],
])('what COMMAND INFO shows of %s', (_, keys, legacy, isMovable) => {
  const spec: CommandSpec = {
    name: 'example',
    summary: '',
    since: '1.0.0',
    group: 'generic',
    arity: -2,
    flags: [],
    acl: [],
    keys,
    syntax: '',
    place: 'shard',
    shards: 'keys',
    run: () => DONE,
  };
  expect(legacyKeyRange(keys)).toEqual(legacy);
  expect(shownFlags(spec).includes('movablekeys')).toBe(isMovable);
  const row = new CommandTable([spec]).rows[0]!;
  expect(row.singleKey).toBe(isMovable ? 0 : 1);
  const needy = new CommandTable([{ ...spec, needsAll: () => true }]).rows[0]!;
  expect(needy.singleKey).toBe(0);
});

test('tips are those of commands that there are', () => {
  const names = new Set(CommandIndex.of(ALL_COMMANDS).all.map(({ fullName }) => fullName));
  expect(TIPPED_COMMANDS.filter((name) => !names.has(name))).toEqual([]);
});
