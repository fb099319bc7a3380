/**
 * Replies from shared memory into the writer's buffer, and the ways to copy a range of bytes, which
 * decide where the writer changes from a byte loop to a native copy.
 */
import type { Bench } from 'tinybench';
import { ReplyWriter } from '../../src/resp/reply-writer.ts';

/** Replies per task run, so that the harness's own cost per run does not show. */
const BATCH = 1000;
const COPY_LENGTHS = [16, 32, 64, 128, 256, 1024];

type Copy = (source: Uint8Array, target: Uint8Array, start: number, length: number) => void;

function byteLoop(source: Uint8Array, target: Uint8Array, start: number, length: number): void {
  for (let i = 0; i < length; i++) target[3 + i] = source[start + i]!;
}

function setSubarray(source: Uint8Array, target: Uint8Array, start: number, length: number): void {
  target.set(source.subarray(start, start + length), 3);
}

function nodeCopy(source: Uint8Array, target: Uint8Array, start: number, length: number): void {
  Buffer.prototype.copy.call(source, target, 3, start, start + length);
}

export default function addTasks(bench: Bench): void {
  const source = new Uint8Array(new SharedArrayBuffer(1 << 16)).fill(0x78);
  const writer = new ReplyWriter(1 << 18);
  const replies: [string, (i: number) => void][] = [
    ['ok', () => writer.ok()],
    ['null', () => writer.null()],
    ['integer 7', () => writer.integer(7)],
    ['integer 123456', () => writer.integer(123456)],
    ['bulk of 3', (i) => writer.bulk(source, i, i + 3)],
    ['bulk of 32', (i) => writer.bulk(source, i, i + 32)],
    ['bulk of 200', (i) => writer.bulk(source, i, i + 200)],
  ];
  for (const [name, reply] of replies) {
    bench.add(`reply-writer: ${name}, x${BATCH}`, () => {
      writer.clear();
      for (let i = 0; i < BATCH; i++) reply(i);
    });
  }
  const target = new Uint8Array(1 << 16);
  const copies: [string, Copy][] = [
    ['byte loop', byteLoop],
    ['set(subarray)', setSubarray],
    ['Buffer.copy', nodeCopy],
  ];
  for (const length of COPY_LENGTHS) {
    for (const [name, copy] of copies) {
      bench.add(`reply-writer: copy ${length} bytes, ${name}, x${BATCH}`, () => {
        for (let i = 0; i < BATCH; i++) copy(source, target, i, length);
      });
    }
  }
}
