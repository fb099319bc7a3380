/**
 * PrefixBoard: the prefixes of keys that clients want to hear of (CLIENT TRACKING BCAST), and on
 * which I/O threads such clients are. In the memory of the tracking table; every thread keeps a
 * decoded copy, and renews it when the generation has moved.
 *
 * LAYOUT  words of the control buffer from PREFIX_WORDS on: generation, prefixes, ref of the first
 *         block, spin lock.
 *   block (u32 words): ref of the next (0 = none), length of the prefix, one count of clients for
 *   each I/O thread; then the bytes of the prefix
 *
 * OWNERSHIP  blocks and words under the lock, held while the list is walked: prefixes are few. The
 *            generation moves last and is read without: who holds a shard after a client has
 *            replied that it tracks sees the move.
 */
import type { Arena, Ref } from '../memory/arena.ts';
import { addShared } from '../sync/shared-bits.ts';
import { SpinLock } from '../sync/spin-lock.ts';
import { PREFIX_WORDS, type TrackingTable } from './tracking-table.ts';

const STAMP = PREFIX_WORDS;
const COUNT = PREFIX_WORDS + 1;
const FIRST = PREFIX_WORDS + 2;
const LOCK = PREFIX_WORDS + 3;
const NEXT = 0;
const LENGTH = 1;
const COUNTS = 2;

/** A prefix in a thread's copy. */
export interface TrackedPrefix {
  readonly bytes: Uint8Array;
  /** 1-based I/O threads with clients that track it. */
  readonly threads: readonly number[];
}

/** True when the key buf[start, end) begins with `prefix`. */
export function hasPrefix(
  prefix: Uint8Array,
  buf: Uint8Array,
  start: number,
  end: number,
): boolean {
  if (prefix.length > end - start) return false;
  for (let i = 0; i < prefix.length; i++) if (prefix[i] !== buf[start + i]) return false;
  return true;
}

export class PrefixBoard {
  readonly #table: TrackingTable;
  readonly #words: Int32Array;
  readonly #arena: Arena;
  readonly #lock: SpinLock;
  readonly #ioThreads: number;
  #seen = 0;
  #prefixes: readonly TrackedPrefix[] = [];

  constructor(table: TrackingTable, ioThreads: number) {
    this.#table = table;
    this.#words = table.words;
    this.#lock = new SpinLock(table.words, LOCK);
    this.#arena = table.memoryBeside;
    this.#ioThreads = ioThreads;
  }

  /** Different prefixes. Any thread. */
  get count(): number {
    return this.#words[COUNT]!;
  }

  /** Ends a change, which others then see. */
  #release(): void {
    addShared(this.#words, STAMP, 1);
    this.#lock.release();
  }

  #bytesAt(ref: Ref): number {
    return ref * 8 + (COUNTS + this.#ioThreads) * 4;
  }

  /** The block of a prefix and the one before it; [0, last] where it is not there. */
  #find(prefix: Uint8Array): readonly [Ref, Ref] {
    const { u32, u8 } = this.#arena;
    let before = 0;
    for (let ref = this.#words[FIRST]! >>> 0; ref !== 0; ref = u32[ref * 2 + NEXT]!) {
      const length = u32[ref * 2 + LENGTH]!;
      const at = this.#bytesAt(ref);
      if (length === prefix.length && hasPrefix(prefix, u8, at, at + length)) return [ref, before];
      before = ref;
    }
    return [0, before];
  }

  /** Adds a client of I/O thread `io` to a prefix. False when there is no memory. O(prefixes). */
  add(io: number, prefix: Uint8Array): boolean {
    this.#lock.acquire();
    const [found] = this.#find(prefix);
    const ref = found === 0 ? this.#make(prefix) : found;
    if (ref !== 0) this.#arena.u32[ref * 2 + COUNTS + io - 1]! += 1;
    this.#release();
    return ref !== 0;
  }

  #make(prefix: Uint8Array): Ref {
    const { u32, u8 } = this.#arena;
    const head = (COUNTS + this.#ioThreads) * 4;
    const ref = this.#table.allocBeside(head + prefix.length);
    if (ref === 0) return 0;
    u32.fill(0, ref * 2, ref * 2 + head / 4);
    u32[ref * 2 + NEXT] = this.#words[FIRST]!;
    u32[ref * 2 + LENGTH] = prefix.length;
    u8.set(prefix, ref * 8 + head);
    this.#words[FIRST] = ref;
    this.#words[COUNT] = this.#words[COUNT]! + 1;
    return ref;
  }

  /** Takes such a client away; the prefix goes with the last one. O(prefixes). */
  remove(io: number, prefix: Uint8Array): void {
    const { u32 } = this.#arena;
    this.#lock.acquire();
    const [ref, before] = this.#find(prefix);
    if (ref !== 0) {
      const from = ref * 2 + COUNTS;
      u32[from + io - 1]! -= 1;
      if (u32.subarray(from, from + this.#ioThreads).every((count) => count === 0)) {
        const next = u32[ref * 2 + NEXT]!;
        if (before === 0) this.#words[FIRST] = next;
        else u32[before * 2 + NEXT] = next;
        this.#table.freeBeside(ref);
        this.#words[COUNT] = this.#words[COUNT]! - 1;
      }
    }
    this.#release();
  }

  /** All prefixes now. One load where nothing has changed. */
  get prefixes(): readonly TrackedPrefix[] {
    if (this.#words[STAMP] !== this.#seen) this.#decode();
    return this.#prefixes;
  }

  #decode(): void {
    const { u32, u8 } = this.#arena;
    const prefixes: TrackedPrefix[] = [];
    this.#lock.acquire();
    this.#seen = this.#words[STAMP]!;
    for (let ref = this.#words[FIRST]! >>> 0; ref !== 0; ref = u32[ref * 2 + NEXT]!) {
      const at = this.#bytesAt(ref);
      const threads: number[] = [];
      for (let io = 1; io <= this.#ioThreads; io++) {
        if (u32[ref * 2 + COUNTS + io - 1] !== 0) threads.push(io);
      }
      prefixes.push({ bytes: u8.slice(at, at + u32[ref * 2 + LENGTH]!), threads });
    }
    this.#lock.release();
    this.#prefixes = prefixes;
  }
}
