import type { Bench } from 'tinybench';
import { Murmur64 } from '../../src/base/murmur64.ts';
import { HYPERLOGLOG_COMMANDS } from '../../src/commands/hyperloglog.ts';
import { STRING_COMMANDS } from '../../src/commands/string.ts';
import { ArgView } from '../../src/resp/request-parser.ts';
import { argView, LocalRunner } from '../../test/support/local-runner.ts';

const HASHES = 4096;
const ELEMENTS = 4096;
/** Elements after which a value is sparse and long, and dense. */
const SPARSE_ELEMENTS = 1000;
const DENSE_ELEMENTS = 100_000;

/** Hashes of elements, and commands through ThreadContext.run, parsing and locks excluded. */
export default function hyperloglogBench(bench: Bench): void {
  const murmur = new Murmur64(0xadc83b19);
  const bytes = new Uint8Array(HASHES + 64).map((_, i) => i);
  for (const length of [8, 16, 64]) {
    bench.add(`hyperloglog: hash of ${length} bytes, x${HASHES}`, () => {
      for (let i = 0; i < HASHES; i++) murmur.hash(bytes, i, i + length);
    });
  }
  const runner = new LocalRunner([...STRING_COMMANDS, ...HYPERLOGLOG_COMMANDS], { shards: 1 });
  fill(runner, 'sparse', SPARSE_ELEMENTS);
  fill(runner, 'dense', DENSE_ELEMENTS);
  fill(runner, 'dense2', DENSE_ELEMENTS);
  addPfadd(bench, runner, 'small', 3);
  addPfadd(bench, runner, 'sparse', SPARSE_ELEMENTS);
  addPfadd(bench, runner, 'dense', ELEMENTS);
  addCommand(bench, runner, 'PFCOUNT, estimate kept', ['PFCOUNT', 'small']);
  addCommand(bench, runner, 'PFCOUNT of two dense values', ['PFCOUNT', 'dense', 'dense2']);
  addCommand(bench, runner, 'PFMERGE of two dense values', ['PFMERGE', 'to', 'dense', 'dense2']);
}

function fill(runner: LocalRunner, key: string, count: number): void {
  for (let i = 0; i < count; i++) runner.run('PFADD', key, `element:${i}`);
}

/** Elements that are there already, one a command: what a counter that has settled sees. */
function addPfadd(bench: Bench, runner: LocalRunner, key: string, different: number): void {
  const elements = Array.from({ length: ELEMENTS }, (_, i) => `element:${i % different}`);
  const framed = argView(elements.flatMap((element) => ['PFADD', key, element]));
  const view = new ArgView();
  view.buf = framed.buf;
  view.count = 3;
  const row = runner.table.find(framed.buf, framed.offset[0]!, framed.end(0))!;
  bench.add(`hyperloglog: PFADD of one element, ${key} value, x${ELEMENTS}`, () => {
    for (let i = 0; i < ELEMENTS * 3; i += 3) {
      for (let k = 0; k < 3; k++) {
        view.offset[k] = framed.offset[i + k]!;
        view.length[k] = framed.length[i + k]!;
      }
      runner.context.begin(view, 0);
      runner.context.run(row);
      runner.reply.clear();
    }
  });
}

function addCommand(
  bench: Bench,
  runner: LocalRunner,
  name: string,
  words: readonly string[],
): void {
  const args = argView(words);
  const row = runner.table.find(args.buf, args.offset[0]!, args.end(0))!;
  bench.add(`hyperloglog: ${name}`, () => {
    runner.context.begin(args, 0);
    runner.context.run(row);
    runner.reply.clear();
  });
}
