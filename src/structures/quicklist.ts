/**
 * Quicklist: a list as a chain of nodes, each with a pack of elements.
 *
 * LAYOUT
 *   struct (6 u32 words, at the start of a block of the owner)
 *     0 first node   1 last node   2 elements   3 nodes
 *     4 a node that a search has found, 0 = none   5 index of its first element
 *   node (one block of 6 u32 words)
 *     0 previous node   1 next node   2 block of the pack   3 bytes of the pack   4 elements
 *     5 byte of its block where the pack begins: room for elements to come at the head
 *   pack: structures/listpack.ts
 *
 * A place in the list is a node and a position in its pack; the cursor of this object is one. An
 * element larger than a node may be has a node of its own.
 *
 * INVARIANT  no node is empty; the counts are the sums; the mark is a node, or none, and its index
 *            the sum of the elements before it.
 * Push and pop at the ends are O(bytes of a node); an index is found in O(nodes to the nearest of
 * both ends and the mark): who pages through a list, or comes back to a place, walks little.
 */
import type { Arena, Ref } from '../memory/arena.ts';
import { Listpack } from './listpack.ts';

export const QUICKLIST_STRUCT_WORDS = 6;

const FIRST = 0;
const LAST = 1;
const COUNT = 2;
const NODES = 3;
const MARK = 4;
const MARK_INDEX = 5;

/** A walk over fewer nodes is not worth a mark. */
const MARK_STEPS_MIN = 8;

const NODE_BYTES = 24;
/** Blocks that grow at the head double up to this: what a node has by default. */
const FRONT_BYTES_MAX = 8192;
const PREVIOUS = 0;
const NEXT = 1;
const PACK = 2;
const BYTES = 3;
const ELEMENTS = 4;
const OFFSET = 5;

/** Bytes of a node for list-max-listpack-size -1 .. -5. */
const NODE_BYTES_BY_FILL: readonly number[] = [0, 4096, 8192, 16384, 32768, 65536];
/** Most bytes of a node that is limited by its number of elements. */
const NODE_BYTES_SAFE = 8192;
/** What Redis's form of a pack has more: the thresholds are in its bytes. */
const REDIS_EXTRA_BYTES = 5;

/**
 * Whether a pack of `bytes` bytes and `count` elements is too large for a node by
 * `list-max-listpack-size`. `divisor` 2 asks for half of the limit.
 */
export function exceedsNode(fill: number, bytes: number, count: number, divisor: number): boolean {
  const size = bytes + REDIS_EXTRA_BYTES;
  if (fill < 0) {
    const limit = NODE_BYTES_BY_FILL[Math.min(-fill, NODE_BYTES_BY_FILL.length - 1)]!;
    return size > Math.floor(limit / divisor);
  }
  if (size > NODE_BYTES_SAFE) return true;
  return count > Math.floor(Math.max(fill, 1) / divisor);
}

/** A view of one list after the other. */
export class Quicklist {
  readonly #arena: Arena;
  readonly #u32: Uint32Array;
  readonly #u8: Uint8Array;
  readonly pack: Listpack;
  /** u32 index of the struct. */
  #base = 0;
  fill = -2;
  /** The cursor: node, and position of the element in the arena; node 0 = nowhere. */
  node: Ref = 0;
  at = 0;
  /** Index of the first element of the node that `seek` found, and the nodes it passed. */
  #soughtIndex = 0;
  #steps = 0;

  constructor(arena: Arena) {
    this.#arena = arena;
    this.#u32 = arena.u32;
    this.#u8 = arena.u8;
    this.pack = new Listpack(arena.u8);
  }

  /** Points this at the struct at u32 index `base`; nodes follow `fill` from here on. */
  attach(base: number, fill: number): this {
    this.#base = base;
    this.fill = fill;
    return this;
  }

  /** Makes an empty list. */
  init(): void {
    this.#u32.fill(0, this.#base, this.#base + QUICKLIST_STRUCT_WORDS);
  }

  get size(): number {
    return this.#u32[this.#base + COUNT]!;
  }

  get nodeCount(): number {
    return this.#u32[this.#base + NODES]!;
  }

  get first(): Ref {
    return this.#u32[this.#base + FIRST]!;
  }

  get last(): Ref {
    return this.#u32[this.#base + LAST]!;
  }

  nextNode(node: Ref): Ref {
    return this.#u32[node * 2 + NEXT]!;
  }

  /** Byte offset of a node's pack. */
  packStart(node: Ref): number {
    return this.#u32[node * 2 + PACK]! * 8 + this.#u32[node * 2 + OFFSET]!;
  }

  /** Byte offset of the end of a node's pack. */
  packEnd(node: Ref): number {
    return this.packStart(node) + this.#u32[node * 2 + BYTES]!;
  }

  elementsOf(node: Ref): number {
    return this.#u32[node * 2 + ELEMENTS]!;
  }

  #setBytes(node: Ref, bytes: number): void {
    this.#u32[node * 2 + BYTES] = bytes;
  }

  #addCount(node: Ref, delta: number): void {
    const u32 = this.#u32;
    const base = this.#base;
    u32[node * 2 + ELEMENTS] = u32[node * 2 + ELEMENTS]! + delta;
    u32[base + COUNT] = u32[base + COUNT]! + delta;
    const mark = u32[base + MARK]!;
    if (mark === 0 || mark === node || node === u32[base + LAST]!) return;
    if (node === u32[base + FIRST]!) u32[base + MARK_INDEX] = u32[base + MARK_INDEX]! + delta;
    else u32[base + MARK] = 0;
  }

  /** A node with an empty pack and room for `bytes`, in no list; 0 when the arena is full. */
  #newNode(bytes: number): Ref {
    const node = this.#arena.alloc(NODE_BYTES);
    if (node === 0) return 0;
    const block = this.#arena.alloc(bytes);
    if (block === 0) {
      this.#arena.free(node);
      return 0;
    }
    const u32 = this.#u32;
    u32.fill(0, node * 2, node * 2 + NODE_BYTES / 4);
    u32[node * 2 + PACK] = block;
    u32[node * 2 + BYTES] = this.pack.init(block * 8) - block * 8;
    return node;
  }

  /** Puts a node into the chain after `before` (0 = as the first). */
  #link(node: Ref, before: Ref): void {
    const u32 = this.#u32;
    const base = this.#base;
    const after = before === 0 ? u32[base + FIRST]! : u32[before * 2 + NEXT]!;
    u32[node * 2 + PREVIOUS] = before;
    u32[node * 2 + NEXT] = after;
    if (before === 0) u32[base + FIRST] = node;
    else u32[before * 2 + NEXT] = node;
    if (after === 0) u32[base + LAST] = node;
    else u32[after * 2 + PREVIOUS] = node;
    u32[base + NODES] = u32[base + NODES]! + 1;
  }

  /** Takes a node out of the chain and frees it. Its elements must be out of the counts. */
  #unlink(node: Ref): void {
    const u32 = this.#u32;
    const base = this.#base;
    const before = u32[node * 2 + PREVIOUS]!;
    const after = u32[node * 2 + NEXT]!;
    if (before === 0) u32[base + FIRST] = after;
    else u32[before * 2 + NEXT] = after;
    if (after === 0) u32[base + LAST] = before;
    else u32[after * 2 + PREVIOUS] = before;
    u32[base + NODES] = u32[base + NODES]! - 1;
    if (u32[base + MARK] === node) u32[base + MARK] = 0;
    this.#freeNode(node);
  }

  #freeNode(node: Ref): void {
    this.#arena.free(this.#u32[node * 2 + PACK]!);
    this.#arena.free(node);
  }

  /** Makes room for a pack of `bytes` bytes in a node. False when the arena is full. */
  #reserve(node: Ref, bytes: number): boolean {
    const block = this.#u32[node * 2 + PACK]!;
    const offset = this.#u32[node * 2 + OFFSET]!;
    const usable = this.#arena.usableBytes(block);
    if (offset + bytes <= usable) return true;
    if (bytes <= usable) {
      this.#u8.copyWithin(block * 8, this.packStart(node), this.packEnd(node));
      this.#u32[node * 2 + OFFSET] = 0;
      return true;
    }
    const moved = this.#arena.realloc(block, offset + bytes);
    if (moved === 0) return false;
    this.#u32[node * 2 + PACK] = moved;
    return true;
  }

  /** Takes the bytes of a pack over as the only node. False when the arena is full. */
  adopt(start: number, end: number): boolean {
    const node = this.#newNode(end - start);
    if (node === 0) return false;
    const to = this.packStart(node);
    this.#u8.copyWithin(to, start, end);
    this.#setBytes(node, end - start);
    this.#link(node, 0);
    this.#addCount(node, this.pack.count(to, to + end - start));
    return true;
  }

  /**
   * Adds a node at the tail with the pack that is the first `bytes` bytes of `block`, which belongs
   * to the list from then on. False when the arena is full: nothing has changed then.
   */
  appendBlock(block: Ref, bytes: number): boolean {
    const node = this.#arena.alloc(NODE_BYTES);
    if (node === 0) return false;
    const u32 = this.#u32;
    u32.fill(0, node * 2, node * 2 + NODE_BYTES / 4);
    u32[node * 2 + PACK] = block;
    this.#setBytes(node, bytes);
    this.#link(node, this.last);
    this.#addCount(node, this.pack.count(block * 8, block * 8 + bytes));
    return true;
  }

  /**
   * Takes the block of the pack out of a list of one node to which nothing was added at the head,
   * and leaves the list empty. The block is the caller's; the pack begins with it.
   */
  releaseBlock(): Ref {
    const node = this.first;
    const block = this.#u32[node * 2 + PACK]!;
    if (this.nodeCount !== 1 || this.#u32[node * 2 + OFFSET] !== 0) {
      throw new Error('quicklist: the pack does not begin with its block');
    }
    this.#arena.free(node);
    this.init();
    return block;
  }

  /** Adds an element at an end. False when the arena is full: nothing has changed then. */
  push(buf: Uint8Array, from: number, to: number, atHead: boolean): boolean {
    const node = atHead ? this.first : this.last;
    const bytes = this.pack.encodedBytes(buf, from, to);
    if (node !== 0 && this.#hasRoom(node, bytes)) {
      return atHead
        ? this.#prepend(node, bytes, buf, from, to)
        : this.#append(node, bytes, buf, from, to);
    }
    return this.#insertNode(atHead ? 0 : node, bytes, buf, from, to);
  }

  /**
   * Adds the element that was just measured at the head of a node, in the room before its pack:
   * nothing is moved but when that has to grow (LPUSH into nodes of 8 KiB: see the README).
   */
  #prepend(node: Ref, bytes: number, buf: Uint8Array, from: number, to: number): boolean {
    const at = node * 2;
    const u32 = this.#u32;
    if (u32[at + OFFSET]! < bytes && !this.#growFront(node, bytes)) return false;
    const old = u32[at + PACK]! * 8 + u32[at + OFFSET]!;
    const start = this.pack.prependMeasured(old, old + u32[at + BYTES]!, buf, from, to);
    const offset = start - u32[at + PACK]! * 8;
    u32[at + BYTES] = u32[at + BYTES]! + u32[at + OFFSET]! - offset;
    u32[at + OFFSET] = offset;
    this.#addCount(node, 1);
    return true;
  }

  /** Adds the element that was just measured at the tail of a node. */
  #append(node: Ref, bytes: number, buf: Uint8Array, from: number, to: number): boolean {
    const length = this.#u32[node * 2 + BYTES]!;
    if (!this.#reserve(node, length + bytes)) return false;
    const start = this.packStart(node);
    this.#setBytes(node, this.pack.appendMeasured(start, start + length, buf, from, to) - start);
    this.#addCount(node, 1);
    return true;
  }

  /** Moves a pack to the end of a block with room for `bytes` and more before it. */
  #growFront(node: Ref, bytes: number): boolean {
    const at = node * 2;
    const u32 = this.#u32;
    const length = u32[at + BYTES]!;
    const need = length + bytes;
    let block = this.#arena.alloc(Math.max(need, Math.min(need * 2, FRONT_BYTES_MAX)));
    if (block === 0) block = this.#arena.alloc(need);
    if (block === 0) return false;
    const offset = this.#arena.usableBytes(block) - length;
    const from = this.packStart(node);
    this.#u8.copyWithin(block * 8 + offset, from, from + length);
    this.#arena.free(u32[at + PACK]!);
    u32[at + PACK] = block;
    u32[at + OFFSET] = offset;
    return true;
  }

  /** Takes the element at an end out of a list that is not empty. O(1) at the head. */
  popEnd(atHead: boolean): void {
    const node = atHead ? this.first : this.last;
    const at = node * 2;
    const u32 = this.#u32;
    this.#addCount(node, -1);
    if (u32[at + ELEMENTS] === 0) {
      this.#unlink(node);
      return;
    }
    const start = this.packStart(node);
    const end = this.packEnd(node);
    if (atHead) {
      const dropped = this.pack.dropFirst(start, end) - start;
      u32[at + OFFSET] = u32[at + OFFSET]! + dropped;
      u32[at + BYTES] = u32[at + BYTES]! - dropped;
    } else {
      this.#setBytes(node, this.pack.remove(start, end, this.pack.last(start, end), 1) - start);
    }
  }

  #hasRoom(node: Ref, bytes: number): boolean {
    const at = node * 2;
    return !exceedsNode(
      this.fill,
      this.#u32[at + BYTES]! + bytes,
      this.#u32[at + ELEMENTS]! + 1,
      1,
    );
  }

  /** A node of its own for an element, after `before`. */
  #insertNode(before: Ref, bytes: number, buf: Uint8Array, from: number, to: number): boolean {
    const node = this.#newNode(bytes + 2);
    if (node === 0) return false;
    const start = this.packStart(node);
    const end = this.pack.insert(start, start + 2, start + 2, buf, from, to);
    this.#setBytes(node, end - start);
    this.#link(node, before);
    this.#addCount(node, 1);
    return true;
  }

  /** Inserts before position `at` of a node's pack, -1 = at its end. */
  #insertInto(
    node: Ref,
    at: number,
    bytes: number,
    buf: Uint8Array,
    from: number,
    to: number,
  ): boolean {
    const old = this.packStart(node);
    const length = this.#u32[node * 2 + BYTES]!;
    const place = at < 0 ? length : at - old;
    if (!this.#reserve(node, length + bytes)) return false;
    const start = this.packStart(node);
    const end = this.pack.insert(start, start + length, start + place, buf, from, to);
    this.#setBytes(node, end - start);
    this.#addCount(node, 1);
    return true;
  }

  // ---- the cursor

  /** Moves the cursor to element `index` (negative: from the tail). False when there is none. */
  seek(index: number): boolean {
    const size = this.size;
    const left = index < 0 ? index + size : index;
    this.node = 0;
    if (left < 0 || left >= size) return false;
    const u32 = this.#u32;
    const base = this.#base;
    const mark = u32[base + MARK]!;
    const markIndex = u32[base + MARK_INDEX]!;
    let node = u32[base + FIRST]!;
    let index0 = 0;
    let near = left;
    if (size - left < near) {
      node = u32[base + LAST]!;
      index0 = size - u32[node * 2 + ELEMENTS]!;
      near = size - left;
    }
    if (mark !== 0 && Math.abs(left - markIndex) < near) {
      node = mark;
      index0 = markIndex;
    }
    let steps = 0;
    for (; left < index0; steps++) {
      node = u32[node * 2 + PREVIOUS]!;
      index0 -= u32[node * 2 + ELEMENTS]!;
    }
    for (let end = index0 + u32[node * 2 + ELEMENTS]!; left >= end; steps++) {
      node = u32[node * 2 + NEXT]!;
      index0 = end;
      end += u32[node * 2 + ELEMENTS]!;
    }
    this.node = node;
    this.#soughtIndex = index0;
    this.#steps = steps;
    this.at = this.pack.seek(this.packStart(node), this.packEnd(node), left - index0);
    return true;
  }

  /**
   * Marks the place that `seek` has just found, where that took a walk: searches near it begin
   * there. Not under a shared hold. The middle of a million elements: 3.0 us without a mark, 0.3
   * with one (`bench/micro/quicklist.bench.ts`).
   */
  markPlace(stepsMin: number = MARK_STEPS_MIN): void {
    if (this.#steps < stepsMin) return;
    this.#u32[this.#base + MARK] = this.node;
    this.#u32[this.#base + MARK_INDEX] = this.#soughtIndex;
  }

  /** Moves the cursor to the next element. False at the end. */
  next(): boolean {
    this.at = this.pack.next(this.at);
    if (this.at < this.packEnd(this.node)) return true;
    return this.#enterNext();
  }

  #enterNext(): boolean {
    this.node = this.#u32[this.node * 2 + NEXT]!;
    if (this.node === 0) return false;
    this.at = this.pack.first(this.packStart(this.node));
    return true;
  }

  /** Moves the cursor to the element before. False at the start. */
  previous(): boolean {
    this.at = this.pack.previous(this.packStart(this.node), this.at);
    if (this.at >= 0) return true;
    this.node = this.#u32[this.node * 2 + PREVIOUS]!;
    if (this.node === 0) return false;
    this.at = this.pack.last(this.packStart(this.node), this.packEnd(this.node));
    return true;
  }

  /**
   * Takes the element under the cursor out; the cursor is at the one behind it then, or before it
   * with `goesBack`. False when there is none.
   */
  removeHere(goesBack: boolean): boolean {
    const node = this.node;
    const start = this.packStart(node);
    const end = this.pack.remove(start, this.packEnd(node), this.at, 1);
    this.#setBytes(node, end - start);
    this.#addCount(node, -1);
    const isEmpty = this.elementsOf(node) === 0;
    let goesOn = true;
    if (goesBack) goesOn = this.previous();
    else if (this.at >= end) goesOn = this.#enterNext();
    if (isEmpty) this.#unlink(node);
    return goesOn;
  }

  /**
   * Puts other bytes in the place of the element under the cursor. False when the arena is full.
   */
  replaceHere(buf: Uint8Array, from: number, to: number): boolean {
    const { node } = this;
    const place = this.at - this.packStart(node);
    const length = this.#u32[node * 2 + BYTES]!;
    const bytes = this.pack.encodedBytes(buf, from, to);
    const grown = length + bytes - this.pack.entryBytes(this.at);
    if (grown > length && exceedsNode(this.fill, grown, 1, 1) && this.elementsOf(node) > 1) {
      if (!this.insertHere(buf, from, to, false)) return false;
      this.removeHere(false);
      return true;
    }
    if (!this.#reserve(node, Math.max(grown, length))) return false;
    const start = this.packStart(node);
    const end = this.pack.replace(start, start + length, start + place, buf, from, to);
    this.#setBytes(node, end - start);
    return true;
  }

  /**
   * Inserts an element before or behind that under the cursor, which stays on its element. False
   * when the arena is full: nothing has changed then.
   */
  insertHere(buf: Uint8Array, from: number, to: number, isBehind: boolean): boolean {
    const { node } = this;
    const bytes = this.pack.encodedBytes(buf, from, to);
    const index = this.#indexHere();
    const place = isBehind ? index + 1 : index;
    if (this.#hasRoom(node, bytes)) {
      const at = isBehind ? this.pack.next(this.at) : this.at;
      if (!this.#insertInto(node, at, bytes, buf, from, to)) return false;
      this.#stand(node, isBehind ? index : index + 1);
      return true;
    }
    const elements = this.elementsOf(node);
    if (place === elements) {
      const after = this.#u32[node * 2 + NEXT]!;
      if (after !== 0 && this.#hasRoom(after, bytes)) {
        return this.#insertInto(after, this.packStart(after) + 2, bytes, buf, from, to);
      }
      return this.#insertNode(node, bytes, buf, from, to);
    }
    if (place === 0) {
      const before = this.#u32[node * 2 + PREVIOUS]!;
      if (before !== 0 && this.#hasRoom(before, bytes)) {
        return this.#insertInto(before, -1, bytes, buf, from, to);
      }
      return this.#insertNode(before, bytes, buf, from, to);
    }
    if (!this.#split(node, place)) return false;
    if (!this.#insertNode(node, bytes, buf, from, to)) return false;
    if (isBehind) this.#stand(node, index);
    else this.#stand(this.#u32[this.#u32[node * 2 + NEXT]! * 2 + NEXT]!, 0);
    return true;
  }

  #indexHere(): number {
    let index = 0;
    const { pack } = this;
    for (let at = pack.first(this.packStart(this.node)); at < this.at; at = pack.next(at)) index++;
    return index;
  }

  #stand(node: Ref, index: number): void {
    this.node = node;
    this.at = this.pack.seek(this.packStart(node), this.packEnd(node), index);
  }

  /** Moves the elements from `index` on, at least one, into a node behind. */
  #split(node: Ref, index: number): boolean {
    const { pack } = this;
    this.#u32[this.#base + MARK] = 0;
    const start = this.packStart(node);
    const end = this.packEnd(node);
    const at = pack.seek(start, end, index);
    const tail = this.#newNode(end - at + 2);
    if (tail === 0) return false;
    const moved = this.elementsOf(node) - index;
    const to = this.packStart(tail);
    this.#u8.copyWithin(to + 2, at, end);
    pack.setCount(to, moved);
    this.#setBytes(tail, end - at + 2);
    pack.setCount(start, index);
    this.#setBytes(node, at - start);
    this.#link(tail, node);
    this.#addCount(node, -moved);
    this.#addCount(tail, moved);
    return true;
  }

  /** Takes `count` elements out from element `index` on. O(nodes). */
  removeRange(index: number, count: number): void {
    let left = Math.min(count, this.size - index);
    if (left <= 0 || !this.seek(index)) return;
    let { node } = this;
    let from = this.#indexHere();
    while (left > 0) {
      const next = this.#u32[node * 2 + NEXT]!;
      const elements = this.elementsOf(node);
      const removed = Math.min(left, elements - from);
      this.#addCount(node, -removed);
      if (removed === elements) {
        this.#unlink(node);
      } else {
        const start = this.packStart(node);
        const at = this.pack.seek(start, this.packEnd(node), from);
        this.#setBytes(node, this.pack.remove(start, this.packEnd(node), at, removed) - start);
      }
      left -= removed;
      node = next;
      from = 0;
    }
  }

  /** Frees nodes with about `units` elements from the first on. True when none is left. */
  freeSlice(units: number): boolean {
    const u32 = this.#u32;
    for (let left = units; left > 0; ) {
      const node = this.first;
      if (node === 0) return true;
      left -= Math.max(1, this.elementsOf(node) >>> 4);
      u32[this.#base + FIRST] = u32[node * 2 + NEXT]!;
      this.#freeNode(node);
    }
    return this.first === 0;
  }

  /**
   * Moves the blocks of up to `nodesMax` nodes from element `index` on out of sparse slabs, with
   * `relocate`, which returns a block's ref from then on. Returns the index to go on with, -1 at
   * the end. The mark is there then, so that the next call walks little.
   */
  relocateNodes(index: number, nodesMax: number, relocate: (block: Ref) => Ref): number {
    if (!this.seek(index)) return -1;
    let node = this.node;
    let first = this.#soughtIndex;
    for (let left = nodesMax; left > 0; left--) {
      node = this.#relocateNode(node, relocate);
      first += this.elementsOf(node);
      node = this.nextNode(node);
      if (node === 0) return -1;
    }
    this.#u32[this.#base + MARK] = node;
    this.#u32[this.#base + MARK_INDEX] = first;
    return first;
  }

  #relocateNode(node: Ref, relocate: (block: Ref) => Ref): Ref {
    const u32 = this.#u32;
    const base = this.#base;
    const moved = relocate(node);
    const at = moved * 2;
    u32[at + PACK] = relocate(u32[at + PACK]!);
    if (moved === node) return node;
    const before = u32[at + PREVIOUS]!;
    const after = u32[at + NEXT]!;
    u32[before === 0 ? base + FIRST : before * 2 + NEXT] = moved;
    u32[after === 0 ? base + LAST : after * 2 + PREVIOUS] = moved;
    if (u32[base + MARK] === node) u32[base + MARK] = moved;
    return moved;
  }

  /** Bytes of nodes and packs. O(nodes). */
  memoryBytes(): number {
    let bytes = 0;
    for (let node = this.first; node !== 0; node = this.nextNode(node)) {
      bytes += NODE_BYTES + this.#arena.usableBytes(this.#u32[node * 2 + PACK]!);
    }
    return bytes;
  }

  /** Throws when a property in the head of this file does not hold. O(n). */
  checkInvariants(): void {
    let nodes = 0;
    let elements = 0;
    let before = 0;
    const mark = this.#u32[this.#base + MARK]!;
    let isMarkMet = mark === 0;
    for (let node = this.first; node !== 0; node = this.nextNode(node)) {
      nodes += 1;
      if (node === mark) isMarkMet = elements === this.#u32[this.#base + MARK_INDEX];
      if (this.#u32[node * 2 + PREVIOUS] !== before) throw new Error('quicklist: a broken chain');
      before = node;
      const start = this.packStart(node);
      this.pack.checkInvariants(start, this.packEnd(node));
      const count = this.pack.count(start, this.packEnd(node));
      if (count === 0 || count !== this.elementsOf(node)) {
        throw new Error('quicklist: the count of a node is wrong');
      }
      elements += count;
    }
    if (!isMarkMet) throw new Error('quicklist: the mark is wrong');
    if (before !== this.last) throw new Error('quicklist: the last node is not the last');
    if (nodes !== this.nodeCount || elements !== this.size) {
      throw new Error('quicklist: the counts of the list are wrong');
    }
  }
}
