/** Decisions: what a user's rules say about a command with its arguments. */
import { expect, test } from 'vitest';
import {
  ALLOWED,
  DENIED_CHANNEL,
  DENIED_COMMAND,
  DENIED_KEY,
  type Decision,
  mayUseChannel,
  PermissionCheck,
  shrunkChannels,
} from '../../../src/server/acl/permission.ts';
import { sortDenial } from '../../../src/server/acl/sort-permission.ts';
import { COMMANDS, TABLE, userWith } from '../../support/acl-fixture.ts';
import { argView } from '../../support/local-runner.ts';

const check = new PermissionCheck();

/** The decision about `line`, and the argument it is about. */
function decide(rules: readonly string[], line: string): [Decision, number] {
  const args = argView(line.split(' '));
  const row = TABLE.find(args.buf, args.offset[0]!, args.end(0))!;
  const sub = row.subcommands?.find(args.buf, args.offset[1]!, args.end(1));
  const decision = check.check(userWith(...rules), COMMANDS.ofRow(sub ?? row), args);
  return [decision, check.deniedIndex];
}

const READER = ['+@all', '%R~r*', '%W~w*', '~b*'];

test.each<[rules: string, line: string, decision: Decision, index?: number]>([
  ['', 'get a', DENIED_COMMAND],
  ['', 'auth a', ALLOWED],
  ['', 'hello', ALLOWED],
  ['', 'reset', ALLOWED],
  ['+get', 'get a', DENIED_KEY, 1],
  ['+get ~a', 'get a', ALLOWED],
  ['+get ~a', 'get b', DENIED_KEY, 1],
  ['+get ~a', 'set a b', DENIED_COMMAND],
  ['+mget ~a*', 'mget a1 b a2 c', DENIED_KEY, 2],
  ['+@all ~a', 'mset a 1 b 2', DENIED_KEY, 3],
  ['+@all', 'ping', ALLOWED],
  ['+@all -@admin', 'config get x', DENIED_COMMAND],
  ['+config -config|set', 'config get x', ALLOWED],
  ['+config -config|set', 'config set x y', DENIED_COMMAND],
  ['+config|get', 'config get x', ALLOWED],
  ['+config|get', 'config set x y', DENIED_COMMAND],
  ['+config|get', 'config rewrite', DENIED_COMMAND],
  ['+select|0', 'select 0', ALLOWED],
  ['+select|0', 'select 1', DENIED_COMMAND],
  ['+debug|OBJECT', 'debug object a', ALLOWED],
  ['+debug|object', 'debug set-active-expire 1', DENIED_COMMAND],
  ['-debug +debug|object +debug', 'debug set-active-expire 1', ALLOWED],
  // Several selectors: one has to allow all of it; the refusal that got furthest is told.
  ['+get ~a (+set ~b)', 'set b 1', ALLOWED],
  ['+get ~a (+set ~b)', 'get b', DENIED_KEY, 1],
  ['+get ~a (+set ~b)', 'set a 1', DENIED_KEY, 1],
  ['+get ~a (+set ~b)', 'del a', DENIED_COMMAND],
  ['+mget ~a (+mget ~b)', 'mget a b', DENIED_KEY, 2],
  ['+mget ~a (+mget ~a ~b)', 'mget a b c', DENIED_KEY, 3],
])('%s: %s', (rules, line, decision, index = 0) => {
  const words = rules === '' ? [] : (rules.match(/\([^)]*\)|[^ ]+/g) ?? []);
  expect(decide(words, line)).toEqual([decision, index]);
});

test.each<[line: string, isAllowed: boolean]>([
  ['get r', true],
  ['get w', false],
  ['get b', true],
  ['set w 1', true],
  ['set r 1', false],
  ['set w 1 get', false],
  ['set w 1 ex get', false],
  ['set b 1 get', true],
  ['getset w 1', false],
  ['append w 1', true],
  ['incr b', true],
  ['lpush w 1', true],
  ['lpop w', false],
  ['exists r w b', true],
  ['exists x', false],
  ['strlen w', true],
  ['copy r w', true],
  ['copy w r', false],
  ['rename b b2', true],
  ['rename r w', false],
  ['sinterstore w r r2', true],
  ['sinterstore r w', false],
  ['zunionstore w 2 r r2', true],
  ['zunionstore w 2 r x', false],
  ['zunionstore w 9 x', true],
  ['sintercard 2 r r2', true],
  ['bitfield r get u4 0', true],
  ['bitfield r get u4 0 set u4 0 1', false],
  ['bitfield w set u4 0 1', false],
  ['bitfield b incrby u4 0 1', true],
  ['sort r', true],
  ['sort r store w', true],
  ['sort r by x store r2', false],
  ['sort r get store store w', true],
  ['georadius r 0 0 1 m store w', true],
  ['georadius r 0 0 1 m storedist r2', false],
  ['georadius r 0 0 1 m store w storedist x', false],
  ['pfmerge w', false],
  ['touch w r', true],
  ['memory usage w', true],
])('key permissions: %s', (line, isAllowed) => {
  const [decision] = decide(READER, line);
  expect([line, decision]).toEqual([line, isAllowed ? ALLOWED : DENIED_KEY]);
});

test('channels of commands', () => {
  const command = COMMANDS.find('publish');
  if (command === null) return;
  const allowed = userWith('+@all', '~*', '&news:*', '&a[b]');
  expect(check.check(allowed, command, argView(['publish', 'news:1', 'x']))).toBe(ALLOWED);
  expect(check.check(allowed, command, argView(['publish', 'other', 'x']))).toBe(DENIED_CHANNEL);
  expect(check.deniedIndex).toBe(1);
  const subscribe = COMMANDS.find('psubscribe')!;
  expect(check.check(allowed, subscribe, argView(['psubscribe', 'news:*']))).toBe(ALLOWED);
  expect(check.check(allowed, subscribe, argView(['psubscribe', 'news:1']))).toBe(DENIED_CHANNEL);
});

test.each<[channel: string, isPattern: boolean, isAllowed: boolean]>([
  ['news:1', false, true],
  ['news:*', true, true],
  ['news:1', true, false],
  ['other', false, false],
  ['x1', false, true],
])('channel %s (pattern: %s)', (channel, isPattern, isAllowed) => {
  const user = userWith('&news:*', '(&x?)');
  const bytes = Buffer.from(channel);
  expect(mayUseChannel(user, bytes, 0, bytes.length, isPattern)).toBe(isAllowed);
});

test.each<[before: string[], after: string[], shrunk: string[] | null]>([
  [['&a', '&b'], ['&b', '&a', '&c'], null],
  [['&a', '&b'], ['&a'], ['a']],
  [['&*'], ['&a'], ['a']],
  [['&a'], ['&*'], null],
  [['&a', '(&b)'], ['&b', '(&a)'], null],
  [['&a*'], ['&ab'], ['ab']],
  [['&a'], [], []],
])('channels from %j to %j', (before, after, shrunk) => {
  const rules = shrunkChannels(userWith(...before), userWith(...after));
  expect(rules?.map(({ text }) => text) ?? null).toEqual(shrunk);
});

test.each<[line: string, option: string | null]>([
  ['sort a', null],
  ['sort a by nosort', null],
  ['sort a by w*', 'BY'],
  ['sort a get w*', 'GET'],
  ['sort_ro a get #', 'GET'],
  ['sort a limit 0 1 asc alpha desc store b get x*', 'GET'],
  ['sort a limit get 1', null],
  ['sort a junk by w*', null],
  ['sort a store by by w*', 'BY'],
])('what BY and GET ask for: %s', (line, option) => {
  const text =
    option === null
      ? null
      : `ERR ${option} option of SORT denied due to insufficient ACL permissions.`;
  expect(sortDenial(argView(line.split(' ')))).toBe(text);
});

test.each<[rules: string[], may: boolean]>([
  [['+@all', '~a'], false],
  [['+@all', '~a', '~v*'], false],
  [['+@all', '~a', '%W~*'], false],
  [['+@all', '~a', '%R~*'], true],
  [['+@all', '~*'], true],
  [['+@all', '~a', '(%R~*)'], false],
  [['+@all', '~a', '(%R~* +sort)'], true],
])('reading all keys: %j', (rules, may) => {
  const sort = COMMANDS.find('sort')!;
  expect(check.mayReadAllKeys(userWith(...rules), sort, argView(['sort', 'a']))).toBe(may);
});
