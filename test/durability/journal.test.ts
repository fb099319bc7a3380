import { expect, test } from 'vitest';
import {
  createJournal,
  JOURNAL_HEAD_BYTES,
  Journal,
  KIND_CUT,
  KIND_LAST_PART,
  KIND_PART,
  KIND_RECORD,
} from '../../src/durability/journal.ts';
import { ArgView } from '../../src/resp/request-parser.ts';
import { MpscConsumer } from '../../src/sync/mpsc-ring.ts';

const DURABLE = 1;
const SET = Uint8Array.from(Buffer.from('SET'));

function setUp(): { journal: Journal; ring: MpscConsumer; doubles: Float64Array } {
  const buffer = createJournal();
  const words = new Int32Array(new SharedArrayBuffer(4));
  const doubles = new Float64Array(new SharedArrayBuffer(16));
  const share = { words, doubles, largeRecordWord: 0, durablePositionIndex: DURABLE };
  return { journal: new Journal(buffer, share), ring: new MpscConsumer(buffer), doubles };
}

function argsOf(...words: readonly Uint8Array[]): ArgView {
  const args = new ArgView();
  args.buf = Buffer.concat(words);
  let at = 0;
  for (const word of words) {
    args.push(at, word.length);
    at += word.length;
  }
  return args;
}

interface Frame {
  readonly kind: number;
  readonly db: number;
  readonly lastDb: number;
  readonly bytes: Buffer;
}

function take(ring: MpscConsumer): Frame[] {
  const frames: Frame[] = [];
  while (ring.next()) {
    const at = ring.offset >>> 2;
    frames.push({
      kind: ring.u32[at]! & 0xff,
      db: ring.u32[at]! >>> 8,
      lastDb: ring.u32[at + 1]!,
      bytes: Buffer.from(
        ring.u8.slice(ring.offset + JOURNAL_HEAD_BYTES, ring.offset + ring.length),
      ),
    });
  }
  return frames;
}

test('commands, effects and cuts in order', () => {
  const { journal, ring, doubles } = setUp();
  expect(journal.takeAppended()).toBe(false);
  const args = argsOf(Buffer.from('set'), Buffer.from('k'), Buffer.alloc(0), Buffer.alloc(123, 1));
  journal.appendCommand(3, SET, args);
  const first = journal.position();
  journal.appendCut();
  journal.appendBytes(1, 2, Buffer.from('xRAWx'), 1, 4);
  expect(journal.position()).toBeGreaterThan(first);
  expect([journal.takeAppended(), journal.takeAppended()]).toEqual([true, false]);
  const text = `*4\r\n$3\r\nSET\r\n$1\r\nk\r\n$0\r\n\r\n$123\r\n${'\x01'.repeat(123)}\r\n`;
  expect(take(ring)).toEqual([
    { kind: KIND_RECORD, db: 3, lastDb: 3, bytes: Buffer.from(text) },
    { kind: KIND_CUT, db: 0, lastDb: 0, bytes: Buffer.alloc(0) },
    { kind: KIND_RECORD, db: 1, lastDb: 2, bytes: Buffer.from('RAW') },
  ]);
  expect(journal.position()).toBe(ring.end);
  // Positions do not wrap with the ring's counters.
  doubles[DURABLE] = 5 * 2 ** 32 + 8;
  expect(journal.position()).toBe(5 * 2 ** 32 + ring.end);
  doubles[DURABLE] = 5 * 2 ** 32 + ring.end;
  expect(journal.position()).toBe(doubles[DURABLE]);
});

test('a record of more than a quarter of the ring comes in parts', () => {
  const { journal, ring } = setUp();
  const value = Buffer.alloc(5 << 19, 'v');
  journal.appendCommand(0, SET, argsOf(SET, Buffer.from('k'), value));
  const frames = take(ring);
  expect(frames.slice(0, -1).every(({ kind }) => kind === KIND_PART)).toBe(true);
  expect(frames.at(-1)!.kind).toBe(KIND_LAST_PART);
  const whole = Buffer.concat(frames.map(({ bytes }) => bytes));
  const head = `*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$${value.length}\r\n`;
  expect(whole.equals(Buffer.concat([Buffer.from(head), value, Buffer.from('\r\n')]))).toBe(true);
  // The token was given back: the next large record does not wait for ever.
  ring.release();
  journal.appendBytes(0, 0, value, 0, value.length);
  const later = take(ring);
  expect(later.at(-1)!.kind).toBe(KIND_LAST_PART);
  expect(Buffer.concat(later.map(({ bytes }) => bytes)).equals(value)).toBe(true);
});

test('what is not durable yet is known by the hash of the key', () => {
  const { journal } = setUp();
  expect(journal.unsyncedPosition(7)).toBe(0);
  journal.noteUnsynced(7, 1000);
  expect([journal.unsyncedPosition(7), journal.unsyncedPosition(8)]).toEqual([1000, 0]);
});
