/**
 * Nodes of a stream: blocks with up to some hundred entries each, which leave out the field names
 * that all of them share.
 *
 * LAYOUT of a node
 *   word 0  bytes in use, header included   word 1  entries   word 2  entries that are deleted
 *   word 3  byte of the block where the first entry begins
 *   word 4  byte of the block where an entry begins that was found by walking, 0 = none
 *   20      listpack elements (structures/listpack.ts), without a listpack's own header:
 *     master entry: number of fields, the fields, 0
 *     entries, each: flags, ms and sequence less those of the node's ID, then
 *       without SAME_FIELDS: number of fields, field, value, field, value, ...
 *       with SAME_FIELDS: the values of the master entry's fields
 *       number of the entry's elements before this one, so that it can be read backwards
 *
 * The node's ID, that of its first entry, is its key in the index. These are the elements of
 * Redis's nodes (t_stream.c), which begin with two more: entries, deleted ones. Those are words
 * here, so that counting never moves what follows.
 *
 *   Example: the entry f=v with the node's own ID: 01 01 81 66 02 00 01 for the master entry, then
 *   02 01 00 01 00 01 81 76 02 04 01.
 */
import { copyBytes } from '../base/bytes.ts';
import type { Arena, Ref } from '../memory/arena.ts';
import { integerBytes, Listpack } from './listpack.ts';
import type { StreamId } from './stream-id.ts';

export const NODE_USED = 0;
export const NODE_ENTRIES = 1;
export const NODE_DELETED = 2;
export const NODE_FIRST = 3;
export const NODE_MARK = 4;
export const NODE_HEADER_BYTES = 20;

/** Flags of an entry. */
export const ENTRY_DELETED = 1;
export const ENTRY_SAME_FIELDS = 2;

/** Elements of an entry beside fields and values: flags, ms, sequence. */
export const ENTRY_HEAD_ELEMENTS = 3;

/** Largest node, and most bytes of an entry's fields and values. */
export const NODE_BYTES_MAX = 1 << 30;

/** Most bytes that `headToRedis` writes. */
export const REDIS_HEAD_MAX = 6 + 2 * 6;

/** Header and end byte of Redis's form of a listpack. */
const REDIS_HEADER = 6;
const REDIS_END = 0xff;
const COUNT_UNKNOWN = 0xffff;

/** Bytes of a count with its back length. */
function countBytes(n: number): number {
  return integerBytes(n) + 1;
}

/** Bytes of a node in Redis's form. O(1). */
export function redisNodeBytes(u32: Uint32Array, node: Ref): number {
  const at = node * 2;
  const counts = countBytes(u32[at + NODE_ENTRIES]!) + countBytes(u32[at + NODE_DELETED]!);
  return u32[at + NODE_USED]! - NODE_HEADER_BYTES + REDIS_HEADER + 1 + counts;
}

/** Reads and checks the form of nodes of one arena. */
export class StreamNodes {
  readonly #arena: Arena;
  readonly #pack: Listpack;

  constructor(arena: Arena) {
    this.#arena = arena;
    this.#pack = new Listpack(arena.u8);
  }

  /**
   * Writes what stands in Redis's form of a node before the elements that are the same in both, at
   * `at` of `out`; returns the end. O(elements), up to 65535.
   */
  headToRedis(node: Ref, out: Uint8Array, at: number): number {
    const { u32 } = this.#arena;
    const total = redisNodeBytes(u32, node);
    const start = node * 8 + NODE_HEADER_BYTES;
    const end = node * 8 + u32[node * 2 + NODE_USED]!;
    let elements = 2;
    for (let p = start; p < end && elements < COUNT_UNKNOWN; p = this.#pack.next(p)) elements += 1;
    for (let i = 0; i < 4; i++) out[at + i] = (total >>> (8 * i)) & 0xff;
    out[at + 4] = elements & 0xff;
    out[at + 5] = elements >>> 8;
    const counts = new Listpack(out);
    const to = counts.putWords(at + REDIS_HEADER, 0, u32[node * 2 + NODE_ENTRIES]!);
    return counts.putWords(to, 0, u32[node * 2 + NODE_DELETED]!);
  }

  /** Writes a node in Redis's form at `at` of `out`; returns the end. O(bytes). */
  toRedis(node: Ref, out: Uint8Array, at: number): number {
    const { u8, u32 } = this.#arena;
    const start = node * 8 + NODE_HEADER_BYTES;
    const end = node * 8 + u32[node * 2 + NODE_USED]!;
    const to = this.headToRedis(node, out, at);
    copyBytes(out, to, u8, start, end);
    out[to + end - start] = REDIS_END;
    return to + end - start + 1;
  }

  /**
   * A node from untrusted bytes buf[from, to) in Redis's form: 0 when the arena is full, -1 when
   * they are no node. It is in no stream yet. O(bytes).
   */
  fromRedis(buf: Uint8Array, from: number, to: number): number {
    const { u32 } = this.#arena;
    // A pack of all elements first, which Listpack checks; the counts are cut out of it then.
    const block = this.#arena.alloc(NODE_HEADER_BYTES + to - from);
    if (block === 0) return 0;
    const packStart = block * 8 + NODE_HEADER_BYTES;
    const packEnd = this.#pack.fromRedis(buf, from, to, packStart);
    const start = packEnd < 0 ? -1 : this.#takeCounts(block, packStart + 2, packEnd);
    if (start < 0) {
      this.#arena.free(block);
      return -1;
    }
    this.#arena.u8.copyWithin(packStart, start, packEnd);
    u32[block * 2 + NODE_USED] = NODE_HEADER_BYTES + packEnd - start;
    u32[block * 2 + NODE_MARK] = 0;
    if (!this.#validate(block)) {
      this.#arena.free(block);
      return -1;
    }
    return this.#arena.realloc(block, u32[block * 2 + NODE_USED]!);
  }

  /** Reads both counts at [at, end) into a node's header; where they end, -1 = they are none. */
  #takeCounts(block: Ref, at: number, end: number): number {
    const { u32 } = this.#arena;
    let p = at;
    for (const word of [NODE_ENTRIES, NODE_DELETED]) {
      const count = p < end ? this.#pack.integerAt(p) : Number.NaN;
      if (!(count >= 0 && count <= NODE_BYTES_MAX)) return -1;
      u32[block * 2 + word] = count;
      p = this.#pack.next(p);
    }
    return p;
  }

  /** The integer at `at` from 0 to `max`, or -1. */
  #small(at: number, end: number, max: number): number {
    if (at >= end) return -1;
    const n = this.#pack.integerAt(at);
    return n >= 0 && n <= max ? n : -1;
  }

  /** Whether a node's elements are a master entry and entries, as many as its counts say. */
  #validate(node: Ref): boolean {
    const { u32 } = this.#arena;
    const pack = this.#pack;
    const end = node * 8 + u32[node * 2 + NODE_USED]!;
    let at = node * 8 + NODE_HEADER_BYTES;
    const fields = this.#small(at, end, end);
    if (fields < 0) return false;
    at = this.#skip(pack.next(at), end, fields);
    if (at < 0 || this.#small(at, end, 0) !== 0) return false;
    at = pack.next(at);
    u32[node * 2 + NODE_FIRST] = at - node * 8;
    let entries = 0;
    let deleted = 0;
    while (at < end) {
      const flags = this.#small(at, end, ENTRY_DELETED | ENTRY_SAME_FIELDS);
      // Readers take the byte for the flags: there is no longer form of them.
      if (flags < 0 || this.#arena.u8[at] !== flags) return false;
      if ((flags & ENTRY_DELETED) === 0) entries += 1;
      else deleted += 1;
      at = this.#validEntry(at, end, (flags & ENTRY_SAME_FIELDS) !== 0 ? fields : -1);
      if (at < 0) return false;
    }
    return entries === u32[node * 2 + NODE_ENTRIES]! && deleted === u32[node * 2 + NODE_DELETED]!;
  }

  /**
   * Whether the IDs of a node's entries, which `fromRedis` has taken, ascend from `id` on, which is
   * its own. `last` is the last one then. O(elements).
   */
  isOrdered(node: Ref, id: StreamId, last: StreamId): boolean {
    const { u32 } = this.#arena;
    const pack = this.#pack;
    const end = node * 8 + u32[node * 2 + NODE_USED]!;
    const masterFields = pack.integerAt(node * 8 + NODE_HEADER_BYTES);
    const first = node * 8 + u32[node * 2 + NODE_FIRST]!;
    for (let at = first; at < end; ) {
      const isSame = (pack.integerAt(at) & ENTRY_SAME_FIELDS) !== 0;
      let p = pack.next(at);
      const { msHi, msLo, seqHi, seqLo } = last;
      last.copy(id);
      for (let part = 0; part < 2; part++) {
        pack.readWords(p);
        last.add(part, pack.intHigh, pack.intLow);
        p = pack.next(p);
      }
      if (at === first ? last.compare(id) !== 0 : !last.isAfter(msHi, msLo, seqHi, seqLo)) {
        return false;
      }
      const left = isSame ? masterFields : 1 + 2 * pack.integerAt(p);
      for (let i = left + 1; i > 0; i--) p = pack.next(p);
      at = p;
    }
    return first < end;
  }

  /** End of the entry at `at` with `fields` of the master's or (-1) its own; -1 = it is none. */
  #validEntry(at: number, end: number, fields: number): number {
    const pack = this.#pack;
    let p = pack.next(at);
    for (let i = 0; i < 2; i++) {
      if (p >= end || Number.isNaN(pack.integerAt(p))) return -1;
      p = pack.next(p);
    }
    let own = ENTRY_HEAD_ELEMENTS + fields;
    let values = fields;
    if (fields < 0) {
      const count = this.#small(p, end, end);
      if (count < 0) return -1;
      p = pack.next(p);
      own = ENTRY_HEAD_ELEMENTS + 1 + count * 2;
      values = count * 2;
    }
    p = this.#skip(p, end, values);
    if (p < 0 || this.#small(p, end, own) !== own) return -1;
    return pack.next(p);
  }

  /** Position behind `count` elements, -1 when they do not lie before `end`. */
  #skip(at: number, end: number, count: number): number {
    let p = at;
    for (let i = 0; i < count; i++) {
      if (p >= end) return -1;
      p = this.#pack.next(p);
    }
    return p;
  }
}
