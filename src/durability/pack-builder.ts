/**
 * PackBuilder: a pack (structures/listpack.ts) that grows in a block of its own, for values that
 * are being loaded: element by element, or at once from an untrusted listpack in Redis's form.
 */
import { hasDuplicateElements } from '../keyspace/pack-duplicates.ts';
import type { Shard } from '../keyspace/shard.ts';
import type { Ref } from '../memory/arena.ts';
import { Listpack, PACK_HEADER_BYTES, REDIS_EXTRA_BYTES } from '../structures/listpack.ts';

/** How loading a value, or a part of one, ends. */
export const LOAD_OK = 1;
/** The bytes are damaged. */
export const LOAD_BAD = 0;
/** The arena is full. */
export const LOAD_FULL = -1;
/** A collection without elements: there are no such keys, but Redis once wrote some. */
export const LOAD_EMPTY = 2;
export type LoadStatus = typeof LOAD_OK | typeof LOAD_BAD | typeof LOAD_FULL | typeof LOAD_EMPTY;

const INITIAL_BYTES = 64;

export class PackBuilder {
  readonly pack: Listpack;
  readonly #shard: Shard;
  /** The block; 0 = none. */
  #block: Ref = 0;
  /** Bytes in front of the pack, which belong to the owner. */
  #lead = 0;
  #bytes = 0;

  constructor(shard: Shard) {
    this.#shard = shard;
    this.pack = new Listpack(shard.u8);
  }

  /** Byte offset of the pack, until the next change. */
  get start(): number {
    return this.#block * 8 + this.#lead;
  }

  get end(): number {
    return this.start + this.#bytes;
  }

  /** Elements. */
  get count(): number {
    return this.pack.count(this.start, this.end);
  }

  /** Bytes of the block that are used, the lead included. */
  get length(): number {
    return this.#lead + this.#bytes;
  }

  /** Begins an empty pack behind `lead` bytes. False when the arena is full. */
  begin(lead: number): boolean {
    this.drop();
    this.#block = this.#shard.arena.alloc(INITIAL_BYTES);
    if (this.#block === 0) return false;
    this.#lead = lead;
    this.#bytes = this.pack.init(this.start) - this.start;
    return true;
  }

  /** Adds buf[from, to), which is not in this pack, at the end. False when the arena is full. */
  append(buf: Uint8Array, from: number, to: number): boolean {
    const { arena } = this.#shard;
    const bytes = this.#bytes + this.pack.encodedBytes(buf, from, to);
    const usable = arena.usableBytes(this.#block);
    if (this.#lead + bytes > usable) {
      const wanted = this.#lead + bytes;
      let moved = arena.realloc(this.#block, Math.max(wanted, usable + (usable >>> 1)));
      if (moved === 0) moved = arena.realloc(this.#block, wanted);
      if (moved === 0) return false;
      this.#block = moved;
    }
    this.pack.insert(this.start, this.end, this.end, buf, from, to);
    this.#bytes = bytes;
    return true;
  }

  /**
   * Begins with the untrusted bytes buf[from, to), a listpack in Redis's form, behind `lead` bytes.
   * Every byte is checked, and elements that are not stored the shortest way are stored so. O(n).
   */
  take(buf: Uint8Array, from: number, to: number, lead: number): LoadStatus {
    this.drop();
    if (to - from < REDIS_EXTRA_BYTES + PACK_HEADER_BYTES) return LOAD_BAD;
    const bytes = to - from - REDIS_EXTRA_BYTES;
    this.#block = this.#shard.arena.alloc(lead + bytes);
    if (this.#block === 0) return LOAD_FULL;
    this.#lead = lead;
    this.#bytes = bytes;
    const { pack, start } = this;
    if (pack.fromRedis(buf, from, to, start) < 0) {
      this.drop();
      return LOAD_BAD;
    }
    let count = 0;
    let isShortest = true;
    for (let at = pack.first(start); at < this.end; at = pack.next(at)) {
      count += 1;
      isShortest &&= pack.isShortest(at);
    }
    pack.setCount(start, count);
    return isShortest || this.#shorten() ? LOAD_OK : LOAD_FULL;
  }

  /** Stores every element the shortest way. False when the arena is full; the pack is gone then. */
  #shorten(): boolean {
    const { arena, u8 } = this.#shard;
    const old = new Listpack(u8);
    const block = this.#block;
    const { start, end } = this;
    this.#block = 0;
    let isDone = this.begin(this.#lead);
    for (let at = old.first(start); isDone && at < end; at = old.next(at)) {
      old.read(at);
      isDone = this.append(old.buf, old.from, old.to);
    }
    arena.free(block);
    if (!isDone) this.drop();
    return isDone;
  }

  /** Whether two of the elements 0, `stride`, 2 * `stride` ... are equal. O(n). */
  hasDuplicates(stride: number): boolean {
    return hasDuplicateElements(this.#shard.u8, this.pack, this.start, this.end, stride);
  }

  /** The block, which is the caller's from then on. */
  release(): Ref {
    const block = this.#block;
    this.#block = 0;
    return block;
  }

  /** Frees the block. */
  drop(): void {
    if (this.#block !== 0) this.#shard.arena.free(this.#block);
    this.#block = 0;
  }
}
