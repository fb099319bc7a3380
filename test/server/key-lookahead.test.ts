/** KeyLookahead: what it says of keys to come is what the commands find. */
import { expect, test } from 'vitest';
import { HalfSipHash } from '../../src/base/half-sip-hash.ts';
import { Key } from '../../src/keyspace/key.ts';
import {
  DEFAULT_PARSER_LIMITS,
  PARSE_COMPLETE,
  ParseState,
  RequestParser,
} from '../../src/resp/request-parser.ts';
import { KeyLookahead } from '../../src/server/key-lookahead.ts';
import { LocalRunner } from '../support/local-runner.ts';
import { type Random, withRandom } from '../support/random.ts';

const SHARDS = 4;
const ROUNDS = 400;
const KEYS = 2000;

function multibulk(words: readonly string[]): string {
  return `*${words.length}\r\n${words.map((word) => `$${word.length}\r\n${word}\r\n`).join('')}`;
}

/** A command, and whether a look ahead reads on behind it. */
function randomCommand(random: Random): { readonly text: string; readonly isUsual: boolean } {
  const key = `key:${random.below(KEYS)}`;
  if (random.oneIn(12)) return { text: `get ${key}\r\n`, isUsual: false };
  if (random.oneIn(12)) return { text: multibulk(['PING']), isUsual: true };
  if (random.oneIn(20))
    return { text: multibulk(['MSET', ...Array(12).fill(key)]), isUsual: false };
  if (random.oneIn(20)) return { text: '*0\r\n', isUsual: false };
  const value = 'x'.repeat(random.pick([0, 1, 9, 10, 99, 100, 1000]));
  return { text: multibulk(['SET', random.oneIn(5) ? value : key, value]), isUsual: true };
}

function filled(): { readonly ahead: KeyLookahead; readonly hasher: HalfSipHash } {
  const runner = new LocalRunner([], { shards: SHARDS, arenaBytes: 1 << 22 });
  const hasher = new HalfSipHash(0x01234567, 0x89abcdef);
  const key = new Key();
  for (let i = 0; i < KEYS; i++) {
    const name = Buffer.from(`key:${i}`);
    key.locate(hasher, name, 0, name.length, SHARDS);
    runner.shards[key.shardIndex]!.createString(0, key, 1, 0, 0);
  }
  const ahead = new KeyLookahead(runner.shards, hasher);
  ahead.bucketsMin = 1;
  return { ahead, hasher };
}

function placeOf({ start, end, lo, hi, shardIndex }: Key): readonly number[] {
  return [start, end, lo, hi, shardIndex];
}

test('keys that were looked at have the hash of their bytes', async () => {
  const { ahead, hasher } = filled();
  const expected = new Key();
  const found = new Key();
  let taken = 0;
  await withRandom(async (random) => {
    for (let round = 0; round < ROUNDS; round++) {
      ahead.window = random.pick([0, 1, 2, 16, 128]);
      const commands = Array.from({ length: 1 + random.below(60) }, () => randomCommand(random));
      const text = commands.map((command) => command.text).join('');
      const cut = random.oneIn(2) ? text.length : random.below(text.length + 1);
      const buf = Buffer.from(text.slice(0, cut), 'latin1');
      const parser = new RequestParser(DEFAULT_PARSER_LIMITS);
      const state = new ParseState();
      ahead.reset(0);
      for (let at = 0; at < buf.length; at = parser.next) {
        if (at >= ahead.until) ahead.look(buf, at, buf.length, 0);
        if (parser.parse(buf, at, buf.length, state, true) !== PARSE_COMPLETE) break;
        const { args } = parser;
        if (args.count < 2 || args.buf !== buf) continue;
        const start = args.offset[1]!;
        if (!ahead.take(found, buf, start, args.end(1))) continue;
        taken += 1;
        expected.locate(hasher, buf, start, args.end(1), SHARDS);
        expect(found.buf).toBe(buf);
        expect(placeOf(found)).toEqual(placeOf(expected));
      }
    }
  });
  expect(taken).toBeGreaterThan(ROUNDS);
});

test('usual commands are looked at, window by window', () => {
  const { ahead } = filled();
  const buf = Buffer.from(multibulk(['GET', 'key:1']).repeat(40), 'latin1');
  const { length } = multibulk(['GET', 'key:1']);
  ahead.look(buf, 0, buf.length, 0);
  expect(ahead.until).toBe(16 * length);
  const key = new Key();
  for (let i = 0; i < 16; i++) {
    const start = i * length + length - 7;
    expect(ahead.take(key, buf, start, start + 5)).toBe(true);
  }
  expect(ahead.take(key, buf, 17 * length - 7, 17 * length - 2)).toBe(false);
});

test('a small database is not worth a look', () => {
  const { ahead } = filled();
  ahead.bucketsMin = 1 << 20;
  const buf = Buffer.from(multibulk(['GET', 'key:1']).repeat(40), 'latin1');
  ahead.look(buf, 0, buf.length, 0);
  expect(ahead.until).toBe(buf.length);
  expect(ahead.take(new Key(), buf, 20, 25)).toBe(false);
});

test('any bytes may be looked at', async () => {
  const { ahead } = filled();
  await withRandom(async (random) => {
    const alphabet = Buffer.from('*$\r\n0123456789ab\0\xff', 'latin1');
    for (let round = 0; round < ROUNDS; round++) {
      const buf = Buffer.from(multibulk(['SET', 'key:7', 'value']).repeat(8), 'latin1');
      for (let i = random.below(12); i > 0; i--) {
        buf[random.below(buf.length)] = alphabet[random.below(alphabet.length)]!;
      }
      const end = random.below(buf.length + 1);
      for (let at = random.below(20); at < end; at = ahead.until) {
        ahead.look(buf, at, end, 0);
        expect(ahead.until).toBeGreaterThan(at);
      }
    }
  });
});
