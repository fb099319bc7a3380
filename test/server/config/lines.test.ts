import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { quoteArgument } from '../../../src/base/quoted-text.ts';
import { fromByteText, toByteText } from '../../../src/server/config/byte-text.ts';
import { matchGlob } from '../../../src/server/config/glob.ts';
import { isCommentOrBlank, splitArguments, trimLine } from '../../../src/server/config/lines.ts';

describe('splitArguments', () => {
  test.each<[line: string, words: string[] | null]>([
    ['', []],
    ['   \t ', []],
    ['a b  c', ['a', 'b', 'c']],
    ['\va\f b\r', ['a\f', 'b']],
    ['a\vb', ['a\vb']],
    ['save ""', ['save', '']],
    ["save ''", ['save', '']],
    ['a "b c" d', ['a', 'b c', 'd']],
    ['a"b c"', ['ab c']],
    ["x'y z'", ['xy z']],
    ['"\\n\\r\\t\\b\\a\\x41\\xfF\\q\\"\\\\"', ['\n\r\t\b\x07A\xffq"\\']],
    ['"\\x4"', ['x4']],
    ['"\\xzz"', ['xzz']],
    ["'it\\'s' 'a\\n'", ["it's", 'a\\n']],
    ['a\\nb', ['a\\nb']],
    ['"a', null],
    ["'a", null],
    ['"a\\', null],
    ['"a\\"', null],
    ['"a"b', null],
    ["'a'b", null],
    ['a "b"\tc', ['a', 'b', 'c']],
    ['a # b', ['a', '#', 'b']],
    ['a\0b', ['a']],
    ['"a\0"', null],
  ])('%j gives %j', (line, words) => {
    expect(splitArguments(line)).toEqual(words);
  });

  test('quoteArgument is undone by it, for all bytes', () => {
    const bytes = fc.uint8Array({ maxLength: 40 });
    fc.assert(
      fc.property(fc.array(bytes, { maxLength: 5 }), (values) => {
        const texts = values.map((value) => Buffer.from(value).toString('latin1'));
        const line = texts.map(quoteArgument).join(' ');
        expect(line).toMatch(/^[\x20-\x7e]*$/);
        expect(splitArguments(line)).toEqual(texts);
      }),
    );
  });

  test('quoteArgument writes what Redis writes', () => {
    expect(quoteArgument('a "\\\n\r\t\x07\b\x00\x7f\xff~')).toBe(
      '"a \\"\\\\\\n\\r\\t\\a\\b\\x00\\x7f\\xff~"',
    );
  });
});

test('trimLine and isCommentOrBlank', () => {
  expect(trimLine(' \t a b \r\n')).toBe('a b');
  expect(trimLine(' \r\n')).toBe('');
  expect([isCommentOrBlank(''), isCommentOrBlank('# x'), isCommentOrBlank('a # x')]).toEqual([
    true,
    true,
    false,
  ]);
});

test('byte text keeps UTF-8 and all bytes', () => {
  expect(toByteText('é')).toBe('\xc3\xa9');
  expect(fromByteText('\xc3\xa9')).toBe('é');
});

test.each<[pattern: string, text: string, matches: boolean]>([
  ['*', '', true],
  ['', '', true],
  ['', 'a', false],
  ['*max*', 'hash-max-x', true],
  ['h?sh', 'HASH', true],
  ['h?sh', 'hsh', false],
  ['**a', 'ba', true],
  ['a*b*c', 'a-b-b-c', true],
  ['a*b*c', 'a-b-b-d', false],
  ['[a-c]x', 'bx', true],
  ['[c-a]x', 'bx', true],
  ['[^a-c]x', 'bx', false],
  ['[^a-c]x', 'dx', true],
  ['[abc', 'b', true],
  ['[a\\]]', ']', true],
  ['\\*', '*', true],
  ['\\*', 'a', false],
  ['a\\', 'a\\', true],
])('matchGlob(%j, %j) is %s', (pattern, text, matches) => {
  expect(matchGlob(pattern, text)).toBe(matches);
});
