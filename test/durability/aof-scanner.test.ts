import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { commandOffset, hasCommandsBehind } from '../../src/durability/aof-file.ts';
import {
  AofScanner,
  SCAN_COMMAND,
  SCAN_ERROR,
  SCAN_MORE,
} from '../../src/durability/aof-scanner.ts';
import { type Random, withRandom } from '../support/random.ts';

function command(...words: readonly string[]): string {
  return `*${words.length}\r\n${words.map((word) => `$${word.length}\r\n${word}\r\n`).join('')}`;
}

/** Scans all of `bytes` in pieces of `piece`. */
function scan(bytes: Uint8Array, piece = bytes.length): { scanner: AofScanner; failed: boolean } {
  const scanner = new AofScanner();
  for (let from = 0; from < bytes.length; from += piece) {
    const to = Math.min(bytes.length, from + piece);
    for (let at = from; at < to; at = scanner.at) {
      const status = scanner.next(bytes, at, to);
      if (status === SCAN_ERROR) return { scanner, failed: true };
      if (status === SCAN_MORE) expect(scanner.at).toBe(to);
    }
  }
  return { scanner, failed: false };
}

const SET = command('SET', 'foo', 'hello');
const UNITS = [
  SET,
  command('SELECT', '9'),
  '#TS:1628217470\r\n',
  command('MULTI') +
    command('INCR', 'x') +
    '#TS:1628217471\r\n' +
    command('DEL', '') +
    command('EXEC'),
  command('RPUSH', 'l', 'a\r\nb', '*1\r\n$4\r\nPING\r\n', 'é'),
];

test('all units, in pieces of any size', () => {
  const bytes = Buffer.from(UNITS.join(''), 'latin1');
  for (let piece = 1; piece <= bytes.length; piece++) {
    const { scanner, failed } = scan(bytes, piece);
    expect(failed).toBe(false);
    expect([scanner.commands, scanner.offset, scanner.validUpTo]).toEqual([
      7,
      bytes.length,
      bytes.length,
    ]);
    expect(scanner.isPartial || scanner.isInTransaction).toBe(false);
  }
});

test('cut at every byte: what is complete is known', () => {
  const text = UNITS.join('');
  const ends = [0];
  for (const unit of UNITS) ends.push(ends.at(-1)! + unit.length);
  for (let length = 0; length <= text.length; length++) {
    const { scanner, failed } = scan(Buffer.from(text.slice(0, length), 'latin1'), 7);
    expect(failed).toBe(false);
    expect(scanner.validUpTo).toBe(ends.filter((end) => end <= length).at(-1));
    const isComplete = !scanner.isPartial && !scanner.isInTransaction;
    expect(isComplete).toBe(ends.includes(length));
    expect(scanner.endError() === '').toBe(isComplete);
  }
});

const BAD: readonly (readonly [string, number, string])[] = [
  [`${SET}!!!`, 33, "Expected prefix '*', got: '!'"],
  ['*0\r\n', 0, 'Expected at least one argument, got: 0'],
  ['*-1\r\n', 0, 'Expected at least one argument, got: -1'],
  ['*x\r\n', 0, 'Expected \\r\\n, got: 78'],
  ['*\r\n', 0, 'Expected \\r\\n, got: 0d'],
  ['*1\n', 0, 'Expected \\r\\n, got: 0a'],
  ['*1\rx', 0, 'Expected \\r\\n, got: 0d78'],
  ['*9999999999999999\r\n', 0, 'Expected \\r\\n, got: 39'],
  ['*1\r\n*1\r\n', 4, "Expected prefix '$', got: '*'"],
  ['*1\r\n$-1\r\n', 4, 'Expected to read string of -1 bytes, which is not in the suitable range'],
  ['*1\r\n$4\r\nPINGx\r\n', 8, 'Expected \\r\\n, got: 78'],
  ['*1\r\n$4\r\nPING\rx', 8, 'Expected \\r\\n, got: 0d78'],
  ['*1\r\n$0\r\nx', 8, 'Expected \\r\\n, got: 78'],
  ['#TS:1\n', 0, 'An annotation without \\r\\n'],
  [`#${'x'.repeat(1024)}`, 0, 'An annotation that is too long'],
  [command('multi') + command('MULTI'), 23, 'Unexpected MULTI'],
  [command('EXEC'), 8, 'Unexpected EXEC'],
];

test.each(BAD)('refuses %j', (text, offset, error) => {
  for (const piece of [1, 3, text.length]) {
    const { scanner, failed } = scan(Buffer.from(text, 'latin1'), piece);
    expect(failed).toBe(true);
    expect([scanner.errorOffset, scanner.error]).toEqual([offset, error]);
  }
});

test('lines are counted as the check tool shows them', () => {
  expect(scan(Buffer.from(`${SET}!!!`)).scanner.line).toBe(8);
});

function randomCommands(random: Random): string[] {
  return Array.from({ length: 2 + random.below(6) }, () => {
    const words = Array.from({ length: 1 + random.below(4) }, () =>
      'w'.repeat(random.oneIn(3) ? 100 + random.below(200) : random.below(12)),
    );
    return command('SET', ...words);
  });
}

/** Where a byte is flipped: anywhere, or often enough in a length, which few of the bytes are. */
function flipOffset(random: Random, text: string): number {
  if (random.oneIn(2)) return random.below(text.length);
  const { index, 0: length } = random.pick([...text.matchAll(/(?<=\$)\d+/g)]);
  return index + random.below(length.length);
}

const directory = mkdtempSync(join(tmpdir(), 'tessera-aof-scan-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));
const path = join(directory, 'x.aof');

test('flipped bytes: what is before stays, a wrong length swallows nothing', async () => {
  await withRandom(async (random) => {
    const found = { format: 0, tail: 0, data: 0 };
    for (let i = 0; i < 800; i++) {
      const commands = randomCommands(random);
      const text = commands.join('');
      const bytes = Buffer.from(text, 'latin1');
      const at = flipOffset(random, text);
      const isDigit = bytes[at]! >= 0x30 && bytes[at]! < 0x39;
      bytes[at] = isDigit ? 0x39 : bytes[at]! ^ (1 + random.below(255));
      let before = 0;
      while (commands.slice(0, before + 1).join('').length <= at) before += 1;
      const { scanner, failed } = scan(bytes, 1 + random.below(40));
      expect(scanner.commands).toBeGreaterThanOrEqual(before);
      if (failed) found.format += 1;
      else if (scanner.isPartial) {
        // Only the last command can be torn: a length that swallows others is found out.
        found.tail += 1;
        const follow = before < commands.length - 1;
        if (follow && scanner.missingBytes > 0) {
          writeFileSync(path, bytes);
          expect(hasCommandsBehind(path, scanner.commandStart + 1)).toBe(true);
        }
      } else found.data += 1;
    }
    expect(Math.min(found.format, found.tail, found.data)).toBeGreaterThan(5);
  });
});

describe('files', () => {
  test('a torn tail is no wrong length', () => {
    writeFileSync(path, SET + SET.slice(0, -3));
    expect(hasCommandsBehind(path, SET.length + 1)).toBe(false);
    writeFileSync(path, `${SET}*3\r\n$3\r\nSET\r\n$3\r\nfoo\r\n$500\r\nhello\r\n`);
    expect(hasCommandsBehind(path, SET.length + 1)).toBe(false);
  });

  test('a wrong length is found out before a torn tail, too', () => {
    const wrong = '*3\r\n$3\r\nSET\r\n$3\r\nfoo\r\n$500\r\nhello\r\n';
    writeFileSync(path, wrong + SET + SET.slice(0, -3));
    expect(hasCommandsBehind(path, 1)).toBe(true);
  });

  test('where a command begins', () => {
    writeFileSync(path, `#TS:1\r\n${SET}${SET}`);
    expect([0, 1, 2].map((index) => commandOffset(path, 0, index))).toEqual([
      7,
      7 + SET.length,
      7 + SET.length,
    ]);
  });

  test('scanning goes on at an offset', () => {
    const bytes = Buffer.from(SET, 'latin1');
    const scanner = new AofScanner(100);
    expect(scanner.next(bytes, 0, bytes.length)).toBe(SCAN_COMMAND);
    expect([scanner.commandStart, scanner.validUpTo]).toEqual([100, 100 + SET.length]);
  });
});
