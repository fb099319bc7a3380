import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { globMatch } from '../../src/base/glob.ts';

function bytes(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

function matches(pattern: string, text: string, nocase = false): boolean {
  const p = bytes(`<${pattern}>`);
  const t = bytes(`<<${text}>`);
  return globMatch(p, 1, p.length - 1, t, 2, t.length - 1, nocase);
}

type Element = { star: true } | { star: false; accepts: (byte: string) => boolean };

function lower(text: string): string {
  return text.replace(/[A-Z]/g, (letter) => letter.toLowerCase());
}

/** The obvious reading of a pattern: a list of elements. */
function elements(pattern: string, nocase: boolean): Element[] {
  const fold = nocase ? lower : (text: string) => text;
  const list: Element[] = [];
  for (let i = 0; i < pattern.length; i++) {
    const element = pattern[i]!;
    if (element === '*') {
      list.push({ star: true });
    } else if (element === '?') {
      list.push({ star: false, accepts: () => true });
    } else if (element === '[') {
      const negated = pattern[i + 1] === '^';
      const tests: ((byte: string) => boolean)[] = [];
      for (i += negated ? 2 : 1; i < pattern.length && pattern[i] !== ']'; i++) {
        const first = pattern[i]!;
        if (first === '\\' && i + 1 < pattern.length) {
          const exact = pattern[++i]!;
          tests.push((byte) => byte === exact);
        } else if (pattern[i + 1] === '-' && i + 2 < pattern.length) {
          const ends = [first, pattern[i + 2]!].sort().map(fold);
          tests.push((byte) => fold(byte) >= ends[0]! && fold(byte) <= ends[1]!);
          i += 2;
        } else {
          tests.push((byte) => fold(byte) === fold(first));
        }
      }
      list.push({ star: false, accepts: (byte) => tests.some((t) => t(byte)) !== negated });
    } else {
      const literal = element === '\\' && i + 1 < pattern.length ? pattern[++i]! : element;
      list.push({ star: false, accepts: (byte) => fold(byte) === fold(literal) });
    }
  }
  return list;
}

function naive(list: Element[], text: string): boolean {
  const [first, ...rest] = list;
  if (first === undefined) return text === '';
  if (first.star) return naive(rest, text) || (text !== '' && naive(list, text.slice(1)));
  return text !== '' && first.accepts(text[0]!) && naive(rest, text.slice(1));
}

describe('globMatch', () => {
  test.each([
    ['*', 'anything', true],
    ['**', 'x', true],
    ['*', '', false],
    ['', '', true],
    ['', 'x', false],
    ['h?llo', 'hello', true],
    ['h?llo', 'hllo', false],
    ['h[ae]llo', 'hallo', true],
    ['h[^e]llo', 'hello', false],
    ['h[a-b]llo', 'hbllo', true],
    ['h[b-a]llo', 'hallo', true],
    ['h[a-]llo', 'hallo', false],
    ['[a-]', 'a', true],
    ['[a-]', ']', true],
    ['[abc', 'b', true],
    ['[abc', 'd', false],
    ['[', 'x', false],
    ['[^', 'x', true],
    ['[]', 'x', false],
    ['[^]', 'x', true],
    ['[\\]]', ']', true],
    ['[\\', '\\', true],
    ['\\*', '*', true],
    ['\\*', 'x', false],
    ['a\\', 'a\\', true],
    ['a*b*c', 'axxbyyc', true],
    ['a*b*c', 'axxbyy', false],
    ['*a*b', 'ab', true],
    ['abc***', 'abc', true],
    ['a*?', 'a', false],
    ['[a-\xff]', 'b', false],
    ['[a-\xff]', 'Z', true],
    ['[\x80-\xff]', '\x90', true],
    ['*\xff', 'a\0\xff', true],
  ])('%s against %s is %s', (pattern, text, expected) => {
    expect(matches(pattern, text)).toBe(expected);
  });

  test('case is folded for letters, not for escaped bytes in a class', () => {
    expect(matches('HeL*', 'hEllo', true)).toBe(true);
    expect(matches('[A-C]', 'b', true)).toBe(true);
    expect(matches('[\\A]', 'a', true)).toBe(false);
    expect(matches('HeL*', 'hEllo', false)).toBe(false);
  });

  test('stars do not multiply', () => {
    expect(matches('a*'.repeat(200) + 'b', 'a'.repeat(5000))).toBe(false);
    expect(matches('*[a]'.repeat(50) + '?c', 'a'.repeat(5000))).toBe(false);
  });

  test('agrees with a naive matcher', () => {
    const pattern = fc.string({ unit: fc.constantFrom(...'aAbBz*?[]^-\\'), maxLength: 9 });
    const text = fc.string({ unit: fc.constantFrom(...'aAbBz]^-\\'), minLength: 1, maxLength: 8 });
    fc.assert(
      fc.property(pattern, text, fc.boolean(), (p, t, nocase) => {
        expect(matches(p, t, nocase)).toBe(naive(elements(p, nocase), t));
      }),
      { numRuns: 20_000 },
    );
  });
});
