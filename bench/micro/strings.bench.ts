import type { Bench } from 'tinybench';
import { copyBytes } from '../../src/base/bytes.ts';
import { BITMAP_COMMANDS } from '../../src/commands/bitmap.ts';
import { STRING_COMMANDS } from '../../src/commands/string.ts';
import { ArgView } from '../../src/resp/request-parser.ts';
import { type Argument, argView, LocalRunner } from '../../test/support/local-runner.ts';

const KEYS = 4096;
const VALUE_BYTES = 32;
const COPIES = 1024;
const COPY_SIZES = [32, 56, 72, 96, 256];

/**
 * String commands through ThreadContext.run, parsing and locks excluded; one iteration is 4096
 * commands or 1024 copies.
 */
export default function stringsBench(bench: Bench): void {
  const runner = new LocalRunner([...STRING_COMMANDS, ...BITMAP_COMMANDS], { shards: 1 });
  const value = 'v'.repeat(VALUE_BYTES);
  for (let i = 0; i < KEYS; i++) {
    runner.run('SET', `key:${i}`, value);
    runner.run('SET', `counter:${i}`, 1_000_000);
    runner.run('SETBIT', `bits:${i}`, 1000, 1);
  }
  addCommand(bench, runner, 'GET, hit, 32 bytes', (i) => ['GET', `key:${i}`]);
  addCommand(bench, runner, 'SET, 32 bytes over 32 bytes', (i) => ['SET', `key:${i}`, value]);
  addCommand(bench, runner, 'INCR', (i) => ['INCR', `counter:${i}`]);
  addCommand(bench, runner, 'SETBIT', (i) => ['SETBIT', `bits:${i}`, i % 1000, 1]);
  addCommand(bench, runner, 'GETBIT', (i) => ['GETBIT', `bits:${i}`, i % 1000]);
  addCommand(bench, runner, 'SET with EX', (i) => ['SET', `ttl:${i}`, value, 'EX', 100]);
  addCommand(bench, runner, 'MGET of 8', (i) => ['MGET', ...eightKeys(i)]);
  addCopies(bench);
}

function eightKeys(i: number): string[] {
  return Array.from({ length: 8 }, (_, k) => `key:${(i + k * 97) % KEYS}`);
}

/**
 * All commands lie in one receive buffer and are framed by one view, as a parser would leave them.
 */
function addCommand(
  bench: Bench,
  runner: LocalRunner,
  name: string,
  command: (i: number) => readonly Argument[],
): void {
  const framed = argView(Array.from({ length: KEYS }, (_, i) => command(i)).flat());
  const count = framed.count / KEYS;
  const view = new ArgView();
  view.buf = framed.buf;
  view.count = count;
  const row = runner.table.find(framed.buf, framed.offset[0]!, framed.end(0))!;
  const { context, reply } = runner;
  bench.add(`strings: ${name}, x${KEYS}`, () => {
    for (let i = 0; i < KEYS; i++) {
      for (let k = 0; k < count; k++) {
        view.offset[k] = framed.offset[i * count + k]!;
        view.length[k] = framed.length[i * count + k]!;
      }
      context.begin(view, 0);
      context.run(row);
      reply.clear();
    }
  });
}

/** The two ways of copying that `copyBytes` chooses between. */
function addCopies(bench: Bench): void {
  const source = new Uint8Array(64 * 1024);
  const target = new Uint8Array(new SharedArrayBuffer(64 * 1024));
  for (const size of COPY_SIZES) {
    bench.add(`strings: copy ${size} bytes by loop, x${COPIES}`, () => {
      for (let i = 0; i < COPIES; i++) {
        let to = i;
        for (let at = i + 3; at < i + 3 + size; at++) target[to++] = source[at]!;
      }
    });
    bench.add(`strings: copy ${size} bytes by set, x${COPIES}`, () => {
      for (let i = 0; i < COPIES; i++) target.set(source.subarray(i + 3, i + 3 + size), i);
    });
    bench.add(`strings: copy ${size} bytes by copyBytes, x${COPIES}`, () => {
      for (let i = 0; i < COPIES; i++) copyBytes(target, i, source, i + 3, i + 3 + size);
    });
  }
}
