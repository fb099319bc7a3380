/**
 * Stream: a log of entries with fields and values, in the order of their IDs: an index of nodes.
 *
 * LAYOUT
 *   struct (24 u32 words, at an even index, in a block of the owner)
 *     0..7    IdTree of the nodes: key = ID of the node (4 words), payload = its block
 *     8..11   last ID that was given out        12..15  ID of the first entry, 0-0 = none
 *     16..19  greatest ID that XDEL took out    20..21  f64: entries ever added
 *     22      entries                           23      granules of all nodes' blocks
 *   node: stream-node.ts
 *
 * An entry is appended to the last node, unless it has its number of entries or bytes. What is
 * deleted is flagged; a node whose entries are all deleted goes. The last node has room to grow; it
 * is cut to its size when the next begins.
 *
 * INVARIANT  no node is without live entries; IDs ascend; `entries` and `granules` are the sums.
 * Appending is O(bytes of the entry), finding O(log nodes + entries of a node).
 */
import { copyBytes } from '../base/bytes.ts';
import type { Arena, Ref } from '../memory/arena.ts';
import { ID_TREE_FULL, IdTree } from './id-tree.ts';
import { ID_TREE_STRUCT_WORDS } from './id-tree-layout.ts';
import { Listpack } from './listpack.ts';
import { ID_WORDS, StreamId } from './stream-id.ts';
import {
  ENTRY_HEAD_ELEMENTS,
  ENTRY_SAME_FIELDS,
  NODE_BYTES_MAX,
  NODE_DELETED,
  NODE_ENTRIES,
  NODE_FIRST,
  NODE_HEADER_BYTES,
  NODE_MARK,
  NODE_USED,
  redisNodeBytes,
} from './stream-node.ts';
import { StreamReader } from './stream-reader.ts';

export const STREAM_LAST = ID_TREE_STRUCT_WORDS;
export const STREAM_FIRST = STREAM_LAST + ID_WORDS;
export const STREAM_MAX_DELETED = STREAM_FIRST + ID_WORDS;
export const STREAM_ADDED = STREAM_MAX_DELETED + ID_WORDS;
export const STREAM_LENGTH = STREAM_ADDED + 2;
export const STREAM_GRANULES = STREAM_LENGTH + 1;
export const STREAM_STRUCT_WORDS = STREAM_GRANULES + 1;

/** A node's record in the index: 4 words of ID, its block. */
export const NODE_PAYLOAD_WORDS = 1;

/** Outcomes of `append`. */
export const APPEND_DONE = 0;
export const APPEND_FULL = 1;
export const APPEND_TOO_LARGE = 2;

/** Most that an element takes beyond its bytes: encoding and back length. */
const ELEMENT_EXTRA_MAX = 10;
/** Flags, both parts of the ID, two counts. */
const ENTRY_EXTRA_MAX = 2 + 10 + 10 + 5 + 5;
/** Blocks of the last node double up to this, and grow by it beyond. */
const GROW_BYTES_MAX = 4096;

/** Where fields and values lie: argument i is buf[offset[i], offset[i] + length[i]). */
export interface EntryArguments {
  readonly buf: Uint8Array;
  readonly offset: Int32Array | Uint32Array;
  readonly length: Int32Array | Uint32Array;
}

/** A view of one stream after the other. */
export class Stream {
  readonly tree: IdTree;
  readonly u32: Uint32Array;
  readonly arena: Arena;
  base = 0;
  readonly #f64: Float64Array;
  readonly #u8: Uint8Array;
  readonly #pack: Listpack;
  readonly #reader: StreamReader;
  readonly #id = new StreamId();
  readonly #end = new StreamId();

  constructor(arena: Arena) {
    this.arena = arena;
    this.u32 = arena.u32;
    this.#u8 = arena.u8;
    this.#f64 = arena.f64;
    this.#pack = new Listpack(arena.u8);
    this.tree = new IdTree(arena, ID_WORDS, NODE_PAYLOAD_WORDS);
    this.#reader = new StreamReader(arena);
  }

  /** Points this at the struct at u32 index `base`. */
  attach(base: number): this {
    this.base = base;
    this.tree.attach(base);
    return this;
  }

  /** Makes an empty stream. */
  init(): void {
    this.u32.fill(0, this.base, this.base + STREAM_STRUCT_WORDS);
  }

  get length(): number {
    return this.u32[this.base + STREAM_LENGTH]!;
  }

  get nodeCount(): number {
    return this.tree.size;
  }

  get entriesAdded(): number {
    return this.#f64[(this.base + STREAM_ADDED) >>> 1]!;
  }

  set entriesAdded(count: number) {
    this.#f64[(this.base + STREAM_ADDED) >>> 1] = count;
  }

  /** Copies the last ID that was given out into `id`. */
  lastId(id: StreamId): StreamId {
    return id.load(this.u32, this.base + STREAM_LAST);
  }

  setLastId(id: StreamId): void {
    id.store(this.u32, this.base + STREAM_LAST);
  }

  /** Copies the ID of the first entry into `id`, 0-0 where there is none. */
  firstId(id: StreamId): StreamId {
    return id.load(this.u32, this.base + STREAM_FIRST);
  }

  maxDeletedId(id: StreamId): StreamId {
    return id.load(this.u32, this.base + STREAM_MAX_DELETED);
  }

  setMaxDeletedId(id: StreamId): void {
    id.store(this.u32, this.base + STREAM_MAX_DELETED);
  }

  #addGranules(delta: number): void {
    const at = this.base + STREAM_GRANULES;
    this.u32[at] = this.u32[at]! + delta;
  }

  #granules(node: Ref): number {
    return this.arena.usableBytes(node) >>> 3;
  }

  // ---- appending

  /**
   * Appends an entry with an ID greater than the last. Fields and values are `pairs` times two
   * arguments from `first` on. `bytesMax` and `entriesMax` are the limits of a node, 0 = none.
   * Nothing has changed where it is not APPEND_DONE.
   */
  append(
    id: StreamId,
    args: EntryArguments,
    first: number,
    pairs: number,
    bytesMax: number,
    entriesMax: number,
  ): number {
    let total = 0;
    for (let i = 0; i < pairs * 2; i++) total += args.length[first + i]!;
    if (total > NODE_BYTES_MAX) return APPEND_TOO_LARGE;
    const { u32, tree } = this;
    let node = 0;
    if (tree.seekLast()) {
      node = u32[tree.at + ID_WORDS]!;
      this.#id.load(u32, tree.at);
      if (!this.#hasRoom(node, total, bytesMax, entriesMax)) node = 0;
    }
    const room = total + pairs * 2 * ELEMENT_EXTRA_MAX + ENTRY_EXTRA_MAX;
    if (node === 0) {
      node = this.#begin(id, args, first, pairs, room);
      this.#id.copy(id);
    } else {
      node = this.#reserve(node, room);
    }
    if (node === 0) return APPEND_FULL;
    this.#write(node, id, args, first, pairs);
    this.#count(id);
    return APPEND_DONE;
  }

  #count(id: StreamId): void {
    const { u32, base } = this;
    const length = u32[base + STREAM_LENGTH]!;
    if (length === 0) id.store(u32, base + STREAM_FIRST);
    u32[base + STREAM_LENGTH] = length + 1;
    id.store(u32, base + STREAM_LAST);
    this.entriesAdded += 1;
  }

  #hasRoom(node: Ref, total: number, bytesMax: number, entriesMax: number): boolean {
    const { u32 } = this;
    const limit = bytesMax === 0 || bytesMax > NODE_BYTES_MAX ? NODE_BYTES_MAX : bytesMax;
    if (redisNodeBytes(u32, node) + total >= limit) return false;
    const all = u32[node * 2 + NODE_ENTRIES]! + u32[node * 2 + NODE_DELETED]!;
    return entriesMax === 0 || all < entriesMax;
  }

  /** Makes room for `room` more bytes in the last node. Its ref from then on; 0 = full. */
  #reserve(node: Ref, room: number): Ref {
    const { u32, arena, tree } = this;
    const need = u32[node * 2 + NODE_USED]! + room;
    const usable = arena.usableBytes(node);
    if (need <= usable) return node;
    const moved = arena.realloc(node, Math.max(need, usable + Math.min(usable, GROW_BYTES_MAX)));
    if (moved === 0) return 0;
    u32[tree.at + ID_WORDS] = moved;
    this.#addGranules(this.#granules(moved) - (usable >>> 3));
    return moved;
  }

  /** Begins a node with the fields of its first entry, which takes `room` bytes. 0 = full. */
  #begin(id: StreamId, args: EntryArguments, first: number, pairs: number, room: number): Ref {
    const { u32, tree } = this;
    let fields = 0;
    for (let i = 0; i < pairs; i++) fields += args.length[first + i * 2]! + ELEMENT_EXTRA_MAX;
    const need = NODE_HEADER_BYTES + 16 + fields + room;
    const before = this.trimLast();
    // The node before tells how large this one will be: it need not grow step by step.
    let node = before > need ? this.arena.alloc(before) : 0;
    if (node === 0) node = this.arena.alloc(need);
    if (node === 0) return 0;
    const at = tree.lookFor(id.msHi, id.msLo, id.seqHi, id.seqLo).insert();
    if (at === ID_TREE_FULL) {
      this.arena.free(node);
      return 0;
    }
    u32[at] = node;
    this.#addGranules(this.#granules(node));
    const pack = this.#pack;
    let to = pack.putWords(node * 8 + NODE_HEADER_BYTES, 0, pairs);
    for (let i = 0; i < pairs; i++) {
      const field = first + i * 2;
      const from = args.offset[field]!;
      to = pack.put(to, args.buf, from, from + args.length[field]!);
    }
    to = pack.putWords(to, 0, 0);
    u32[node * 2 + NODE_USED] = to - node * 8;
    u32[node * 2 + NODE_ENTRIES] = 0;
    u32[node * 2 + NODE_DELETED] = 0;
    u32[node * 2 + NODE_FIRST] = to - node * 8;
    u32[node * 2 + NODE_MARK] = 0;
    return node;
  }

  /** Cuts the block of the last node to what it uses, and returns that: the next one begins. */
  trimLast(): number {
    const { u32, tree, arena } = this;
    if (!tree.seekLast()) return 0;
    const node = u32[tree.at + ID_WORDS]!;
    const used = u32[node * 2 + NODE_USED]!;
    const before = this.#granules(node);
    const moved = arena.realloc(node, used);
    u32[tree.at + ID_WORDS] = moved;
    this.#addGranules(this.#granules(moved) - before);
    return used;
  }

  /** Whether the fields are those of the node's master entry. */
  #hasSameFields(node: Ref, args: EntryArguments, first: number, pairs: number): boolean {
    const pack = this.#pack;
    let at = node * 8 + NODE_HEADER_BYTES;
    if (pack.integerAt(at) !== pairs) return false;
    for (let i = 0; i < pairs; i++) {
      at = pack.next(at);
      const field = first + i * 2;
      const from = args.offset[field]!;
      if (!pack.equals(at, args.buf, from, from + args.length[field]!)) return false;
    }
    return true;
  }

  /** Writes an entry at the end of a node, whose ID is in `#id` and which has the room. */
  #write(node: Ref, id: StreamId, args: EntryArguments, first: number, pairs: number): void {
    const { u32 } = this;
    const pack = this.#pack;
    const master = this.#id;
    const isSame = this.#hasSameFields(node, args, first, pairs);
    let to = node * 8 + u32[node * 2 + NODE_USED]!;
    to = pack.putWords(to, 0, isSame ? ENTRY_SAME_FIELDS : 0);
    to = putDifference(pack, to, id.msHi, id.msLo, master.msHi, master.msLo);
    to = putDifference(pack, to, id.seqHi, id.seqLo, master.seqHi, master.seqLo);
    if (!isSame) to = pack.putWords(to, 0, pairs);
    for (let i = first + (isSame ? 1 : 0); i < first + pairs * 2; i += isSame ? 2 : 1) {
      const from = args.offset[i]!;
      to = pack.put(to, args.buf, from, from + args.length[i]!);
    }
    const elements = ENTRY_HEAD_ELEMENTS + (isSame ? pairs : 1 + pairs * 2);
    to = pack.putWords(to, 0, elements);
    u32[node * 2 + NODE_USED] = to - node * 8;
    u32[node * 2 + NODE_ENTRIES] = u32[node * 2 + NODE_ENTRIES]! + 1;
  }

  /**
   * Appends a node that `StreamNodes.fromRedis` has made, with an ID greater than all entries'. The
   * stream's IDs and counts but its length are the caller's to set. False: the arena is full.
   */
  adoptNode(id: StreamId, node: Ref): boolean {
    const { u32, base } = this;
    const at = this.tree.lookFor(id.msHi, id.msLo, id.seqHi, id.seqLo).insert();
    if (at === ID_TREE_FULL) return false;
    if (at < 0) throw new Error('stream: two nodes of one ID');
    u32[at] = node;
    this.#addGranules(this.#granules(node));
    u32[base + STREAM_LENGTH] = u32[base + STREAM_LENGTH]! + u32[node * 2 + NODE_ENTRIES]!;
    return true;
  }

  // ---- deleting

  /**
   * Deletes the entry that `reader`, which reads this stream, is at; it can go on reading. The
   * first ID is not seen to: `settleFirst` does. O(1), O(log n) with the last entry of a node.
   */
  deleteAt(reader: StreamReader): void {
    const { u32, base } = this;
    const { node } = reader;
    reader.flagDeleted();
    u32[base + STREAM_LENGTH] = u32[base + STREAM_LENGTH]! - 1;
    u32[node * 2 + NODE_DELETED] = u32[node * 2 + NODE_DELETED]! + 1;
    const left = u32[node * 2 + NODE_ENTRIES]! - 1;
    u32[node * 2 + NODE_ENTRIES] = left;
    if (left !== 0) return;
    reader.leaveNode();
    this.dropNode(node, reader.nodeId);
  }

  /** Deletes a node with all entries that it still has. O(log nodes). */
  dropNode(node: Ref, id: StreamId): void {
    const { u32, base } = this;
    u32[base + STREAM_LENGTH] = u32[base + STREAM_LENGTH]! - u32[node * 2 + NODE_ENTRIES]!;
    this.tree.lookFor(id.msHi, id.msLo, id.seqHi, id.seqLo);
    if (!this.tree.remove()) throw new Error('stream: a node is not in the index');
    this.#addGranules(-this.#granules(node));
    this.arena.free(node);
  }

  /** Deletes the entry of an ID; false when there is none. O(log nodes + entries of a node). */
  delete(id: StreamId): boolean {
    const reader = this.#reader.open(this);
    if (!reader.find(id)) return false;
    this.deleteAt(reader);
    if (this.firstId(this.#id).compare(id) === 0) this.settleFirst();
    return true;
  }

  /** Finds the first entry anew, after some were deleted. O(entries of a node). */
  settleFirst(): void {
    const { u32, base } = this;
    const first = this.#id.setMin();
    if (u32[base + STREAM_LENGTH] !== 0) {
      const reader = this.#reader.open(this);
      reader.range(this.#id.setMin(), this.#end.setMax(), false);
      if (!reader.next()) throw new Error('stream: no entry where there should be some');
      first.copy(reader.id);
    }
    first.store(u32, base + STREAM_FIRST);
  }

  // ---- the whole

  /** Frees about `units` nodes of a stream that nobody uses any more. True when it is gone. */
  freeSlice(units: number): boolean {
    const { u32, arena } = this;
    return this.tree.freeSlice(units, (at) => arena.free(u32[at + ID_WORDS]!));
  }

  /** Copies a stream into an empty one, in this arena or another. False: that is full. O(n). */
  copyTo(target: Stream): boolean {
    const { u32, tree } = this;
    const words = this.base + STREAM_LAST;
    for (let goesOn = tree.seekFirst(); goesOn; goesOn = tree.next()) {
      const node = u32[tree.at + ID_WORDS]!;
      const bytes = u32[node * 2 + NODE_USED]!;
      const copy = target.arena.alloc(bytes);
      if (copy === 0) return false;
      copyBytes(target.arena.u8, copy * 8, this.#u8, node * 8, node * 8 + bytes);
      if (target.adoptNode(this.#id.load(u32, tree.at), copy)) continue;
      target.arena.free(copy);
      return false;
    }
    const end = this.base + STREAM_GRANULES;
    target.u32.set(u32.subarray(words, end), target.base + STREAM_LAST);
    return true;
  }

  /** Bytes of nodes and index. O(1). */
  memoryBytes(): number {
    return this.u32[this.base + STREAM_GRANULES]! * 8 + this.tree.memoryBytes();
  }

  /** Throws when the stream is damaged. O(n). */
  checkInvariants(): void {
    const { u32, base, tree } = this;
    tree.checkInvariants();
    const reader = this.#reader.open(this);
    let length = 0;
    let granules = 0;
    for (let goesOn = tree.seekFirst(); goesOn; goesOn = tree.next()) {
      const node = u32[tree.at + ID_WORDS]!;
      granules += this.#granules(node);
      length += u32[node * 2 + NODE_ENTRIES]!;
      if (u32[node * 2 + NODE_ENTRIES] === 0) throw new Error('stream: a node without entries');
    }
    if (length !== this.length) throw new Error('stream: the number of entries is wrong');
    if (granules !== u32[base + STREAM_GRANULES]) throw new Error('stream: the memory is wrong');
    reader.checkAll(this);
    const first = this.firstId(new StreamId());
    reader.open(this).range(new StreamId(), new StreamId().setMax(), false);
    if (reader.next() ? reader.id.compare(first) !== 0 : !first.isZero) {
      throw new Error('stream: the first entry is another one');
    }
  }
}

/** Writes the difference of two unsigned 64-bit numbers as an element. */
function putDifference(
  pack: Listpack,
  at: number,
  hi: number,
  lo: number,
  minusHi: number,
  minusLo: number,
): number {
  const borrow = lo < minusLo ? 1 : 0;
  return pack.putWords(at, (hi - minusHi - borrow) >>> 0, (lo - minusLo) >>> 0);
}
