/** Rules of users and selectors: what they make, how they are shown, what is refused. */
import { describe, expect, test } from 'vitest';
import { mergeSelectors } from '../../../src/server/acl/rules.ts';
import { RULE_ERRORS } from '../../../src/server/acl/selector.ts';
import { AclUser, hashPassword } from '../../../src/server/acl/user.ts';
import { splitArguments } from '../../../src/server/config/lines.ts';
import { COMMANDS, userWith } from '../../support/acl-fixture.ts';

const HASH = hashPassword('secret');

test.each<[rules: string[], shown: string]>([
  [[], 'off sanitize-payload resetchannels -@all'],
  [['on', 'nopass'], 'on nopass sanitize-payload resetchannels -@all'],
  [['ON', 'off', 'skip-sanitize-payload'], 'off skip-sanitize-payload resetchannels -@all'],
  [['>secret', '>secret'], `off sanitize-payload #${HASH} resetchannels -@all`],
  [['>secret', '<secret'], 'off sanitize-payload resetchannels -@all'],
  [[`#${HASH}`, `!${HASH}`, 'nopass'], 'off nopass sanitize-payload resetchannels -@all'],
  [['nopass', '>secret'], `off sanitize-payload #${HASH} resetchannels -@all`],
  [['>secret', 'nopass', 'resetpass'], 'off sanitize-payload resetchannels -@all'],
  [['~a', '%R~b', '%W~c', '%rw~d'], 'off sanitize-payload ~a %R~b %W~c ~d resetchannels -@all'],
  [['%R~a', '%W~a'], 'off sanitize-payload ~a resetchannels -@all'],
  [['~a', 'allkeys'], 'off sanitize-payload ~* resetchannels -@all'],
  [['allkeys', 'resetkeys', '~a'], 'off sanitize-payload ~a resetchannels -@all'],
  [['&a', '&b', '&a'], 'off sanitize-payload resetchannels &a &b -@all'],
  [['&a', '&*'], 'off sanitize-payload &* -@all'],
  [['+@all'], 'off sanitize-payload resetchannels +@all'],
  [['+GET', '+get'], 'off sanitize-payload resetchannels -@all +get'],
  [['+get', '-get'], 'off sanitize-payload resetchannels -@all -get'],
  [['+config|get', '+CONFIG'], 'off sanitize-payload resetchannels -@all +config'],
  [['+config', '-config|set'], 'off sanitize-payload resetchannels -@all +config -config|set'],
  [['+@Hash', '-@slow', '+@hash'], 'off sanitize-payload resetchannels -@all -@slow +@hash'],
  [['+select|0', '+SELECT|0'], 'off sanitize-payload resetchannels -@all +select|0'],
  [['+@string', '+@all', '-get'], 'off sanitize-payload resetchannels +@all -get'],
  [['+debug|a', '+debug|b', '-debug'], 'off sanitize-payload resetchannels -@all -debug'],
  // Commands that only Redis has are kept, so that its users can be taken over.
  [['+eval', '-script|kill'], 'off sanitize-payload resetchannels -@all +eval -script|kill'],
  [
    ['(~a +get)', '()'],
    'off sanitize-payload resetchannels -@all (~a resetchannels -@all +get) ' +
      '(resetchannels -@all)',
  ],
  [['(~a)', 'clearselectors'], 'off sanitize-payload resetchannels -@all'],
  [['on', 'nopass', '+@all', '(~a)', 'reset'], 'off sanitize-payload resetchannels -@all'],
  [[''], 'off sanitize-payload resetchannels -@all'],
])('%j', (rules, shown) => {
  const user = userWith(...rules);
  expect(user.rules().join(' ')).toBe(shown);
  const copy = AclUser.fromRecord(COMMANDS, user.toRecord());
  expect(copy.rules()).toEqual(user.rules());
});

test.each<[rule: string, error: string]>([
  ['bogus', RULE_ERRORS.syntax],
  ['%~a', RULE_ERRORS.syntax],
  ['%R', RULE_ERRORS.syntax],
  ['%RR~a', RULE_ERRORS.syntax],
  ['%X~a', RULE_ERRORS.syntax],
  ['~a b', RULE_ERRORS.syntax],
  ['~a\0', RULE_ERRORS.syntax],
  ['&a\tb', RULE_ERRORS.syntax],
  [')', RULE_ERRORS.syntax],
  ['+debug|', RULE_ERRORS.syntax],
  ['(bogus)', RULE_ERRORS.syntax],
  ['("~a)', RULE_ERRORS.syntax],
  ['(on)', RULE_ERRORS.syntax],
  ['+nosuch', RULE_ERRORS.unknownCommand],
  ['-nosuch', RULE_ERRORS.unknownCommand],
  ['+@nosuch', RULE_ERRORS.unknownCommand],
  ['+config|nosuch', RULE_ERRORS.unknownCommand],
  ['-config|nosuch', RULE_ERRORS.unknownCommand],
  ['-select|0', RULE_ERRORS.unknownCommand],
  ['+get|a|b', RULE_ERRORS.unknownCommand],
  ['+config|get|a', RULE_ERRORS.argumentOfSubcommand],
  ['<other', RULE_ERRORS.noSuchPassword],
  [`!${HASH}`, RULE_ERRORS.noSuchPassword],
  [`#${HASH.slice(1)}`, RULE_ERRORS.badHash],
  [`#${HASH.slice(1)}g`, RULE_ERRORS.badHash],
  [`#${HASH.toUpperCase()}`, RULE_ERRORS.badHash],
])('%j is refused and changes nothing', (rule, error) => {
  const user = userWith('on', '~k', '+get');
  const before = user.rules();
  expect(user.apply(rule, false)).toBe(error);
  expect(user.rules()).toEqual(before);
});

test('patterns behind all keys or channels are refused', () => {
  const user = userWith('allkeys', 'allchannels');
  expect(user.apply('~a', false)).toBe(RULE_ERRORS.keysAfterAll);
  expect(user.apply('%R~a', false)).toBe(RULE_ERRORS.keysAfterAll);
  expect(user.apply('&a', false)).toBe(RULE_ERRORS.channelsAfterAll);
});

test('acl-pubsub-default: new users, selectors and reset', () => {
  const user = new AclUser(COMMANDS, 'bob', true);
  expect(user.root.allChannels).toBe(true);
  expect(user.apply('resetchannels', true)).toBeNull();
  expect(user.apply('(+get)', true)).toBeNull();
  expect(user.selectors[1]!.allChannels).toBe(true);
  expect(user.apply('reset', true)).toBeNull();
  expect(user.root.allChannels).toBe(true);
  expect(user.selectors.length).toBe(1);
});

test('who is unrestricted', () => {
  expect(userWith('+@all', '~*', '&*').isUnrestricted).toBe(true);
  expect(userWith('(+@all ~* &*)').isUnrestricted).toBe(true);
  expect(userWith('+@all', '~*').isUnrestricted).toBe(false);
  expect(userWith('+@all', '~*', '&*', '-get').isUnrestricted).toBe(false);
  expect(userWith('+@all', '~*', '&*', '-eval').isUnrestricted).toBe(false);
  expect(userWith('+@all', '~*', '(&*)').isUnrestricted).toBe(false);
  expect(AclUser.unlimited(COMMANDS).isUnrestricted).toBe(true);
});

describe('passwords', () => {
  test('any byte, any number of them', () => {
    const user = userWith('on', '>a b', '>\xff\0');
    expect(user.accepts(Buffer.from('a b'))).toBe(true);
    expect(user.accepts(Buffer.from('\xff\0', 'latin1'))).toBe(true);
    expect(user.accepts(Buffer.from('a'))).toBe(false);
    expect(user.accepts(Buffer.from(''))).toBe(false);
  });

  test('off, nopass, none', () => {
    expect(userWith('>a').accepts(Buffer.from('a'))).toBe(false);
    expect(userWith('on').accepts(Buffer.from(''))).toBe(false);
    expect(userWith('on', 'nopass').accepts(Buffer.from('whatever'))).toBe(true);
    expect(userWith('off', 'nopass').accepts(Buffer.from('whatever'))).toBe(false);
  });
});

test.each<[words: string[], rules: string[] | string]>([
  [
    ['on', '(~a', '+get)', 'off'],
    ['on', '(~a +get)', 'off'],
  ],
  [['(', '~a', ')'], ['( ~a )']],
  [
    ['(~a)', '(~b)'],
    ['(~a)', '(~b)'],
  ],
  [['(~a', '(~b)'], ['(~a (~b)']],
  [['on', '(~a'], '(~a'],
  [['('], '('],
  [[''], ['']],
])('selectors in %j', (words, rules) => {
  const merged = mergeSelectors(words);
  expect(merged.rules ?? merged.unmatched).toEqual(rules);
});

test('a configuration line brings back the user', () => {
  const user = userWith('on', '>x', '~"a', "~'b", '~\xff\\', '("~\\"c" "%R~d\\\\" +get)', '&"e');
  const words = splitArguments(user.configLine())!;
  expect(words.slice(0, 2)).toEqual(['user', 'alice']);
  expect(userWith(...words.slice(2)).rules()).toEqual(user.rules());
  expect(userWith('~a', '(~b)').configLine()).toBe(
    'user alice off sanitize-payload ~a resetchannels -@all (~b resetchannels -@all)',
  );
});
