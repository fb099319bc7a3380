import type { Bench } from 'tinybench';
import { Arena } from '../../src/memory/arena.ts';
import { IdTree } from '../../src/structures/id-tree.ts';
import { ID_TREE_STRUCT_WORDS } from '../../src/structures/id-tree-layout.ts';
import { STREAM_STRUCT_WORDS, Stream } from '../../src/structures/stream.ts';
import { StreamId } from '../../src/structures/stream-id.ts';
import { StreamReader } from '../../src/structures/stream-reader.ts';
import { trimStream } from '../../src/structures/stream-trim.ts';

const BATCH = 1024;
const NODE_BYTES_MAX = 4096;
const NODE_ENTRIES_MAX = 100;
const PAIRS = 2;
const ENTRY_BYTES = 64;
const RANGE = 100;
/** Odd, so that its multiples modulo a power of two are a permutation that no cache foresees. */
const STRIDE = 0x9e3779b1;
const MAX = new StreamId().setMax();

/** A stream of many entries of two small fields; IDs count up in their milliseconds. */
class Fixture {
  readonly stream: Stream;
  readonly reader: StreamReader;
  readonly count: number;
  readonly id = new StreamId();
  #at = 0;
  #last = 0;
  readonly #args = {
    buf: new Uint8Array(Buffer.from('fieldvalue of some bytesother12345', 'latin1')),
    offset: Int32Array.from([0, 5, 24, 29]),
    length: Int32Array.from([5, 19, 5, 5]),
  };

  constructor(count: number) {
    this.count = count;
    const arena = Arena.create(count * ENTRY_BYTES * 2 + (1 << 22), STREAM_STRUCT_WORDS * 4);
    this.stream = new Stream(arena).attach(arena.userOffset / 4);
    this.stream.init();
    this.reader = new StreamReader(arena);
    for (let i = 0; i < count; i++) this.append();
  }

  append(): void {
    this.#last += 1;
    const { id, stream } = this;
    id.setTime(this.#last);
    stream.append(id, this.#args, 0, PAIRS, NODE_BYTES_MAX, NODE_ENTRIES_MAX);
  }

  /** The ID of some entry. */
  draw(): StreamId {
    this.#at += 1;
    const first = this.#last - this.stream.length;
    const { count } = this;
    return this.id.setTime(first + 1 + ((Math.imul(this.#at, STRIDE) >>> 0) % (count >>> 1)));
  }
}

function streamTasks(bench: Bench, name: string, count: number): void {
  const fixture = new Fixture(count);
  const { stream, reader } = fixture;
  const { pack } = reader;
  const minId = new StreamId();
  const trim = { minId, isApproximate: true, limit: 0, mayDelete: null };
  let sum = 0;
  bench.add(`stream ${name}: append and trim to length, x${BATCH}`, () => {
    for (let i = 0; i < BATCH; i++) fixture.append();
    trimStream(stream, reader, { ...trim, maxLength: count });
  });
  bench.add(`stream ${name}: find, x${BATCH}`, () => {
    for (let i = 0; i < BATCH; i++) reader.open(stream).find(fixture.draw());
  });
  bench.add(`stream ${name}: read ${RANGE} entries, x${RANGE}`, () => {
    reader.open(stream).range(fixture.draw(), MAX, false);
    for (let i = 0; i < RANGE && reader.next(); i++) {
      for (let k = 0; k < reader.fields; k++) {
        reader.field();
        sum += pack.to;
        reader.value();
        sum += pack.to;
      }
    }
    if (sum < 0) throw new Error('nothing was read');
  });
  bench.add(`stream ${name}: read ${RANGE} entries backwards, x${RANGE}`, () => {
    reader.open(stream).range(new StreamId(), fixture.draw(), true);
    for (let i = 0; i < RANGE && reader.next(); i++) sum += reader.fields;
  });
}

/** A tree as of pending entries: deliveries at its end, acknowledgements at its beginning. */
function pendingTasks(bench: Bench, count: number): void {
  const arena = Arena.create(count * 64 + (1 << 22), ID_TREE_STRUCT_WORDS * 4);
  const tree = new IdTree(arena, 4, 4).attach(arena.userOffset / 4);
  tree.init();
  let last = 0;
  let first = 0;
  const add = (): void => {
    tree.lookFor(0, last, 0, 0).insert();
    last += 1;
  };
  for (let i = 0; i < count; i++) add();
  bench.add(`pending ${count}: add at the end, remove at the beginning, x${BATCH}`, () => {
    for (let i = 0; i < BATCH; i++) {
      add();
      tree.lookFor(0, first, 0, 0).remove();
      first += 1;
    }
  });
  bench.add(`pending ${count}: find, x${BATCH}`, () => {
    for (let i = 0; i < BATCH; i++) {
      tree.lookFor(0, first + ((Math.imul(i, STRIDE) >>> 0) % count), 0, 0).find();
    }
  });
}

/** Tasks on streams and pending lists that stay in the cache and on others. */
export default function streamBench(bench: Bench): void {
  streamTasks(bench, '1k', 1 << 10);
  streamTasks(bench, '1M', 1 << 20);
  pendingTasks(bench, 1 << 10);
  pendingTasks(bench, 1 << 20);
}
