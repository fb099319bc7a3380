/**
 * StreamProducers: which entries of a stream idempotent producers have added, so that an entry that
 * is sent once more is found (XADD with IDMP).
 *
 * LAYOUT
 *   block of a stream (u32 words), at STREAM_PRODUCERS of its root (stream-value.ts)
 *     0..1   f64: iids ever added           2..3  f64: duplicates ever found
 *     4      seconds that an iid is kept    5     most iids of a producer
 *     6      iids of all producers          7     granules of the blocks of producers and iids
 *     8..15  IdTree of producers: key = hash of the pid (2 words) and place among those of one
 *            hash, from 0 on; payload = block
 *   producer
 *     0..7   IdTree of its iids, by the hash of the iid in the same way
 *     8      the oldest iid, 9 the newest   10    length of the pid, whose bytes follow
 *   iid
 *     0..3   ID of its entry    4 the next newer iid    5 length, whose bytes follow
 *
 * A stream has a block from the first time on that it needs one. An iid goes when its producer has
 * too many, or some time after its entry was added, which its ID says: by the next entries of the
 * same producer or its neighbour in the tree, a few each. What is there too long is not found.
 *
 * INVARIANT  no producer is without iids; the chain of a producer has the iids of its tree, in the
 *            order in which they came.
 * Finding, adding and removing are O(log n). The hash is keyed: nobody can choose what collides.
 */
import { copyBytes, equalBytes } from '../base/bytes.ts';
import type { Arena, Ref } from '../memory/arena.ts';
import { ID_TREE_FULL, IdTree } from '../structures/id-tree.ts';
import { ID_TREE_STRUCT_WORDS } from '../structures/id-tree-layout.ts';
import { StreamId } from '../structures/stream-id.ts';
import type { Shard } from './shard.ts';

const ADDED = 0;
const DUPLICATES = 2;
const DURATION = 4;
const MAXSIZE = 5;
const IIDS = 6;
const GRANULES = 7;
const PRODUCERS = 8;
const BLOCK_WORDS = PRODUCERS + ID_TREE_STRUCT_WORDS;

const OWN = 0;
const OLDEST = ID_TREE_STRUCT_WORDS;
const NEWEST = OLDEST + 1;
const PID_LENGTH = NEWEST + 1;

const NEWER = 4;
const IID_LENGTH = 5;

const KEY_WORDS = 3;
/** Word of a tree's record with the block. */
const REF = KEY_WORDS;
/** Producers with more iids than these keep the blocks of their iids where they are. */
const IIDS_MOVED_MAX = 256;
/** Iids too old that go when another one comes. */
const EXPIRED_AT_ONCE = 8;

/** Limits of what XCFGSET takes. */
export const IDMP_DURATION_MAX = 86_400;
export const IDMP_MAXSIZE_MAX = 10_000;

/** Some bytes, borrowed. */
export class ByteRange {
  buf: Uint8Array = new Uint8Array(0);
  from = 0;
  to = 0;

  set(buf: Uint8Array, from: number, to: number): this {
    this.buf = buf;
    this.from = from;
    this.to = to;
    return this;
  }
}

/** One iid of a stream. */
export interface ProducerIid {
  readonly pid: ByteRange;
  /** It is the first of its producer, which has `iids`. */
  isFirst: boolean;
  iids: number;
  readonly iid: ByteRange;
  readonly id: StreamId;
}

/** What XINFO STREAM shows of idempotent producers. */
export interface ProducerFigures {
  /** Seconds and number of iids that are remembered of each producer. */
  durationSeconds: number;
  idsMax: number;
  /** Producers, and iids of all of them. */
  producers: number;
  ids: number;
  /** In the stream's whole life. */
  added: number;
  duplicates: number;
}

export class StreamProducers {
  readonly #shard: Shard;
  readonly #arena: Arena;
  readonly #u32: Uint32Array;
  readonly #f64: Float64Array;
  readonly #producers: IdTree;
  readonly #own: IdTree;
  readonly #id = new StreamId();
  readonly #name = new ByteRange();
  /** u32 index of the root's word. */
  #word = 0;
  /** The producer and iid that `record` has added, and the newest iid before it; 0 = none. */
  #lastProducer: Ref = 0;
  #last: Ref = 0;
  #before: Ref = 0;
  /** Where a name that `#find` has not found belongs among those of its hash. */
  #place = 0;

  constructor(shard: Shard) {
    this.#shard = shard;
    this.#arena = shard.arena;
    this.#u32 = shard.u32;
    this.#f64 = shard.arena.f64;
    this.#producers = new IdTree(shard.arena, KEY_WORDS, 1);
    this.#own = new IdTree(shard.arena, KEY_WORDS, 1);
  }

  /** Opens what the root's word at u32 index `word` refers to. */
  attach(word: number): this {
    this.#word = word;
    return this;
  }

  get #block(): Ref {
    return this.#u32[this.#word]!;
  }

  /** Whether the stream has more than every stream. */
  get isThere(): boolean {
    return this.#block !== 0;
  }

  /** Seconds that iids are kept. */
  get durationSeconds(): number {
    const block = this.#block;
    if (block === 0) return this.#shard.limits.streamIdmpDuration;
    return this.#u32[block * 2 + DURATION]!;
  }

  /** Most iids of a producer. */
  get maxsize(): number {
    const block = this.#block;
    if (block === 0) return this.#shard.limits.streamIdmpMaxsize;
    return this.#u32[block * 2 + MAXSIZE]!;
  }

  /** Iids ever added, and duplicates ever found. */
  get added(): number {
    const block = this.#block;
    return block === 0 ? 0 : this.#f64[block + (ADDED >>> 1)]!;
  }

  get duplicates(): number {
    const block = this.#block;
    return block === 0 ? 0 : this.#f64[block + (DUPLICATES >>> 1)]!;
  }

  /** Sets both counters of a stream that has a block. */
  setCounters(added: number, duplicates: number): void {
    this.#f64[this.#block + (ADDED >>> 1)] = added;
    this.#f64[this.#block + (DUPLICATES >>> 1)] = duplicates;
  }

  /** Makes the block where there is none. False: the arena is full. */
  #make(durationSeconds: number, maxsize: number): boolean {
    if (this.#block !== 0) return true;
    const block = this.#arena.alloc(BLOCK_WORDS * 4);
    if (block === 0) return false;
    const u32 = this.#u32;
    u32.fill(0, block * 2, block * 2 + BLOCK_WORDS);
    u32[block * 2 + DURATION] = durationSeconds;
    u32[block * 2 + MAXSIZE] = maxsize;
    u32[this.#word] = block;
    return true;
  }

  /**
   * Sets how long and how many iids are kept; where that changes, all are forgotten. False when the
   * arena is full: nothing has changed then. O(1), O(iids) where they are forgotten.
   */
  configure(durationSeconds: number, maxsize: number): boolean {
    if (durationSeconds === this.durationSeconds && maxsize === this.maxsize) return true;
    if (!this.#make(durationSeconds, maxsize)) return false;
    this.#clearSlice(Number.POSITIVE_INFINITY);
    const u32 = this.#u32;
    u32[this.#block * 2 + DURATION] = durationSeconds;
    u32[this.#block * 2 + MAXSIZE] = maxsize;
    return true;
  }

  // ---- blocks with names

  #count(word: number, delta: number): void {
    const at = this.#block * 2 + word;
    this.#u32[at] = this.#u32[at]! + delta;
  }

  /** A block whose name is `name`, behind the word `lengthWord`; 0 = the arena is full. */
  #alloc(lengthWord: number, name: ByteRange): Ref {
    const { buf, from, to } = name;
    const ref = this.#arena.alloc((lengthWord + 1) * 4 + to - from);
    if (ref === 0) return 0;
    const u32 = this.#u32;
    u32.fill(0, ref * 2, ref * 2 + lengthWord);
    u32[ref * 2 + lengthWord] = to - from;
    copyBytes(this.#arena.u8, ref * 8 + (lengthWord + 1) * 4, buf, from, to);
    this.#count(GRANULES, this.#arena.usableBytes(ref) >>> 3);
    return ref;
  }

  #free(ref: Ref): void {
    this.#count(GRANULES, -(this.#arena.usableBytes(ref) >>> 3));
    this.#arena.free(ref);
  }

  #isNamed(ref: Ref, lengthWord: number, { buf, from, to }: ByteRange): boolean {
    const length = this.#u32[ref * 2 + lengthWord]!;
    const at = ref * 8 + (lengthWord + 1) * 4;
    return length === to - from && equalBytes(this.#arena.u8, at, buf, from, length);
  }

  /** Moves a tree to the first record with the hash of a name; false where there is none. */
  #seekHash(tree: IdTree, name: ByteRange): boolean {
    const { hasher } = this.#shard;
    hasher.hash(name.buf, name.from, name.to);
    tree.needle[0] = hasher.lo;
    tree.needle[1] = hasher.hi;
    tree.needle[2] = 0;
    return tree.seek() && this.#hasHash(tree);
  }

  /** Whether the record that a tree is at has the hash of its needle. */
  #hasHash({ at, needle }: IdTree): boolean {
    const u32 = this.#u32;
    return u32[at] === needle[0] && u32[at + 1] === needle[1];
  }

  /** The block of a name in a tree, which is at its record then, or 0. */
  #find(tree: IdTree, lengthWord: number, name: ByteRange): Ref {
    const u32 = this.#u32;
    this.#place = 0;
    let goesOn = this.#seekHash(tree, name);
    for (; goesOn; goesOn = tree.next() && this.#hasHash(tree)) {
      const ref = u32[tree.at + REF]!;
      if (this.#isNamed(ref, lengthWord, name)) return ref;
      this.#place = u32[tree.at + 2]! + 1;
    }
    return 0;
  }

  /** Removes a block from a tree by its name. */
  #unlist(tree: IdTree, lengthWord: number, ref: Ref): void {
    if (this.#find(tree, lengthWord, this.#nameOf(ref, lengthWord, this.#name)) !== ref) {
      throw new Error(DAMAGED);
    }
    tree.needle[2] = this.#u32[tree.at + 2]!;
    tree.remove();
  }

  /** Points `own` at the iids of a producer. */
  #ownOf(producer: Ref): IdTree {
    return this.#own.attach(producer * 2 + OWN);
  }

  #all(): IdTree {
    return this.#producers.attach(this.#block * 2 + PRODUCERS);
  }

  // ---- iids

  /** The latest ms of an ID that is too old now; negative: none is. */
  #oldMs(nowMs: number): number {
    return nowMs - this.durationSeconds * 1000;
  }

  /** Whether a producer has added an entry with an iid; its ID is in `id` then. O(log n). */
  lookup(pid: ByteRange, iid: ByteRange, nowMs: number, id: StreamId): boolean {
    if (this.#block === 0) return false;
    const producer = this.#find(this.#all(), PID_LENGTH, pid);
    if (producer === 0) return false;
    const found = this.#find(this.#ownOf(producer), IID_LENGTH, iid);
    if (found === 0) return false;
    return id.load(this.#u32, found * 2).ms > this.#oldMs(nowMs);
  }

  /** Counts a duplicate that `lookup` has found. */
  noteDuplicate(): void {
    const at = this.#block + (DUPLICATES >>> 1);
    this.#f64[at] = this.#f64[at]! + 1;
  }

  /**
   * Remembers that a producer has added the entry `id` with an iid that `lookup` has just not
   * found. False when the arena is full: but for what was too old, nothing has changed then.
   */
  record(pid: ByteRange, iid: ByteRange, id: StreamId, nowMs: number): boolean {
    this.#last = 0;
    const { limits } = this.#shard;
    if (!this.#make(limits.streamIdmpDuration, limits.streamIdmpMaxsize)) return false;
    const producers = this.#all();
    let producer = this.#find(producers, PID_LENGTH, pid);
    const isNew = producer === 0;
    if (isNew) producer = this.#list(producers, PID_LENGTH, pid);
    if (producer === 0) return false;
    if (!isNew) {
      const own = this.#ownOf(producer);
      const old = this.#find(own, IID_LENGTH, iid);
      if (old !== 0) this.#drop(producer, old);
      while (own.size >= this.maxsize) this.#dropOldest(producer);
    }
    if (!this.#append(producer, iid, id)) {
      if (this.#ownOf(producer).size === 0) this.#dropProducer(producer);
      return false;
    }
    this.#f64[this.#block + (ADDED >>> 1)] = this.added + 1;
    this.#sweep(producer, nowMs);
    return true;
  }

  /** Adds a block of a name that `#find` has just not found in the tree; 0 = the arena is full. */
  #list(tree: IdTree, lengthWord: number, name: ByteRange): Ref {
    const ref = this.#alloc(lengthWord, name);
    if (ref === 0) return 0;
    tree.needle[2] = this.#place;
    const at = tree.insert();
    if (at === ID_TREE_FULL) {
      this.#free(ref);
      return 0;
    }
    this.#u32[at] = ref;
    return ref;
  }

  #append(producer: Ref, iid: ByteRange, id: StreamId): boolean {
    const u32 = this.#u32;
    const own = this.#ownOf(producer);
    if (this.#find(own, IID_LENGTH, iid) !== 0) throw new Error(DAMAGED);
    const ref = this.#list(own, IID_LENGTH, iid);
    if (ref === 0) return false;
    id.store(u32, ref * 2);
    const before = u32[producer * 2 + NEWEST]!;
    u32[before === 0 ? producer * 2 + OLDEST : before * 2 + NEWER] = ref;
    u32[producer * 2 + NEWEST] = ref;
    this.#count(IIDS, 1);
    this.#lastProducer = producer;
    this.#last = ref;
    this.#before = before;
    return true;
  }

  /** Forgets what `record` has just added: its entry could not be added. */
  undoRecord(): void {
    const u32 = this.#u32;
    const producer = this.#lastProducer;
    // Where it is alone by now, what was before it has gone as too old.
    const before = u32[producer * 2 + OLDEST] === this.#last ? 0 : this.#before;
    this.#unlist(this.#ownOf(producer), IID_LENGTH, this.#last);
    this.#free(this.#last);
    this.#count(IIDS, -1);
    u32[producer * 2 + NEWEST] = before;
    u32[before === 0 ? producer * 2 + OLDEST : before * 2 + NEWER] = 0;
    if (before === 0) this.#dropProducer(producer);
    this.#f64[this.#block + (ADDED >>> 1)] = this.added - 1;
  }

  /** Drops an iid of a producer, one of the oldest most often. O(older ones). */
  #drop(producer: Ref, iid: Ref): void {
    const u32 = this.#u32;
    let before = 0;
    for (let ref = u32[producer * 2 + OLDEST]!; ref !== iid; ref = u32[ref * 2 + NEWER]!) {
      before = ref;
    }
    if (before === 0) {
      this.#dropOldest(producer);
      return;
    }
    const newer = u32[iid * 2 + NEWER]!;
    this.#unlist(this.#ownOf(producer), IID_LENGTH, iid);
    u32[before * 2 + NEWER] = newer;
    if (newer === 0) u32[producer * 2 + NEWEST] = before;
    this.#free(iid);
    this.#count(IIDS, -1);
  }

  #dropOldest(producer: Ref): void {
    const u32 = this.#u32;
    const ref = u32[producer * 2 + OLDEST]!;
    const newer = u32[ref * 2 + NEWER]!;
    this.#unlist(this.#ownOf(producer), IID_LENGTH, ref);
    u32[producer * 2 + OLDEST] = newer;
    if (newer === 0) u32[producer * 2 + NEWEST] = 0;
    this.#free(ref);
    this.#count(IIDS, -1);
  }

  #dropProducer(producer: Ref): void {
    this.#unlist(this.#all(), PID_LENGTH, producer);
    this.#free(producer);
  }

  /** Drops up to `most` iids of a producer that are too old. */
  #expire(producer: Ref, nowMs: number, most: number): void {
    const u32 = this.#u32;
    const oldMs = this.#oldMs(nowMs);
    for (let left = most; left > 0; left--) {
      const ref = u32[producer * 2 + OLDEST]!;
      if (ref === 0 || this.#id.load(u32, ref * 2).ms > oldMs) return;
      this.#dropOldest(producer);
    }
  }

  /** Drops some that are too old, of a producer that has a newer one and of the next producer. */
  #sweep(producer: Ref, nowMs: number): void {
    this.#expire(producer, nowMs, EXPIRED_AT_ONCE);
    const tree = this.#all();
    if (this.#u32[producer * 2 + OLDEST] === 0) {
      this.#dropProducer(producer);
      return;
    }
    if (tree.size < 2) return;
    this.#find(tree, PID_LENGTH, this.#nameOf(producer, PID_LENGTH, this.#name));
    if (!tree.next()) tree.seekFirst();
    const next = this.#u32[tree.at + REF]!;
    this.#expire(next, nowMs, EXPIRED_AT_ONCE);
    if (this.#u32[next * 2 + OLDEST] === 0) this.#dropProducer(next);
  }

  // ---- all of them

  /**
   * Every iid, the oldest of a producer first. The object is one and the same, and lives until the
   * next step; nothing may change meanwhile. O(n).
   */
  *all(): Generator<ProducerIid, void> {
    if (this.#block === 0) return;
    const u32 = this.#u32;
    const one: ProducerIid = {
      pid: new ByteRange(),
      isFirst: true,
      iids: 0,
      iid: new ByteRange(),
      id: new StreamId(),
    };
    const tree = this.#all();
    for (let goesOn = tree.seekFirst(); goesOn; goesOn = tree.next()) {
      const producer = u32[tree.at + REF]!;
      one.iids = this.#ownOf(producer).size;
      one.isFirst = true;
      this.#nameOf(producer, PID_LENGTH, one.pid);
      for (let ref = u32[producer * 2 + OLDEST]!; ref !== 0; ref = u32[ref * 2 + NEWER]!) {
        this.#nameOf(ref, IID_LENGTH, one.iid);
        one.id.load(u32, ref * 2);
        yield one;
        one.isFirst = false;
      }
    }
  }

  #nameOf(ref: Ref, lengthWord: number, range: ByteRange): ByteRange {
    const at = ref * 8 + (lengthWord + 1) * 4;
    return range.set(this.#arena.u8, at, at + this.#u32[ref * 2 + lengthWord]!);
  }

  /** Number of iids, those included that are too old. O(1). */
  get iidCount(): number {
    return this.#block === 0 ? 0 : this.#u32[this.#block * 2 + IIDS]!;
  }

  /** Number of producers, those included all of whose iids are too old. O(1). */
  get producerCount(): number {
    return this.#block === 0 ? 0 : this.#all().size;
  }

  /** Sets what XINFO STREAM shows. O(producers + iids that are too old). */
  figures(nowMs: number, out: ProducerFigures): ProducerFigures {
    out.durationSeconds = this.durationSeconds;
    out.idsMax = this.maxsize;
    out.added = this.added;
    out.duplicates = this.duplicates;
    out.producers = 0;
    out.ids = 0;
    if (this.#block === 0) return out;
    const u32 = this.#u32;
    const oldMs = this.#oldMs(nowMs);
    const tree = this.#all();
    for (let goesOn = tree.seekFirst(); goesOn; goesOn = tree.next()) {
      const producer = u32[tree.at + REF]!;
      let { size } = this.#ownOf(producer);
      let ref = u32[producer * 2 + OLDEST]!;
      for (; ref !== 0 && this.#id.load(u32, ref * 2).ms <= oldMs; size--) {
        ref = u32[ref * 2 + NEWER]!;
      }
      if (size !== 0) out.producers += 1;
      out.ids += size;
    }
    return out;
  }

  /** Frees about `units` iids, and producers that have none left; true when there are none. */
  #clearSlice(units: number): boolean {
    const u32 = this.#u32;
    const tree = this.#all();
    let left = units;
    while (tree.seekFirst()) {
      const producer = u32[tree.at + REF]!;
      for (; u32[producer * 2 + OLDEST] !== 0; left--) {
        if (left <= 0) return false;
        this.#dropOldest(producer);
      }
      this.#dropProducer(producer);
    }
    return true;
  }

  /** Frees about `units` iids of a stream that nobody uses any more. True when all is gone. */
  freeSlice(units: number): boolean {
    if (this.#block === 0) return true;
    if (!this.#clearSlice(units)) return false;
    this.#arena.free(this.#block);
    this.#u32[this.#word] = 0;
    return true;
  }

  /**
   * Begins with a stream that has no block, as one that was written somewhere: `add` follows for
   * every iid. False: the arena is full.
   */
  begin(durationSeconds: number, maxsize: number, added: number, duplicates: number): boolean {
    if (!this.#make(durationSeconds, maxsize)) return false;
    this.setCounters(added, duplicates);
    return true;
  }

  /** Adds an iid behind the others of its producer: IDMP_ADDED, IDMP_FULL or IDMP_PRESENT. */
  add(pid: ByteRange, iid: ByteRange, id: StreamId): number {
    const producers = this.#all();
    let producer = this.#find(producers, PID_LENGTH, pid);
    if (producer === 0) producer = this.#list(producers, PID_LENGTH, pid);
    else if (this.#find(this.#ownOf(producer), IID_LENGTH, iid) !== 0) return IDMP_PRESENT;
    if (producer === 0) return IDMP_FULL;
    if (this.#append(producer, iid, id)) return IDMP_ADDED;
    if (this.#u32[producer * 2 + OLDEST] === 0) this.#dropProducer(producer);
    return IDMP_FULL;
  }

  /** Copies everything to a stream that has no block. False: its arena is full. O(n log n). */
  copyTo(target: StreamProducers): boolean {
    if (this.#block === 0) return true;
    const { durationSeconds, maxsize, added, duplicates } = this;
    if (!target.begin(durationSeconds, maxsize, added, duplicates)) return false;
    for (const { pid, iid, id } of this.all()) {
      if (target.add(pid, iid, id) !== IDMP_ADDED) return false;
    }
    return true;
  }

  // ---- defragmenting

  /** Moves the stream's block. O(1). */
  relocateBlock(relocate: (block: Ref) => Ref): void {
    if (this.#block !== 0) this.#u32[this.#word] = relocate(this.#block);
  }

  /** The tree of producers, null where there are none. */
  get tree(): IdTree | null {
    return this.#block === 0 ? null : this.#all();
  }

  /**
   * Moves the producer whose record in `tree` is at u32 index `at`, and its iids unless they are
   * more than some hundreds. O(iids moved * log n).
   */
  relocateProducer(at: number, relocate: (block: Ref) => Ref): void {
    const u32 = this.#u32;
    const producer = relocate(u32[at + REF]!);
    u32[at + REF] = producer;
    const own = this.#ownOf(producer);
    if (own.size > IIDS_MOVED_MAX) return;
    own.needle.fill(0);
    while (own.relocateLeaf(relocate, pass));
    let linkedAt = producer * 2 + OLDEST;
    for (let ref = u32[linkedAt]!; ref !== 0; ref = u32[linkedAt]!) {
      this.#find(own, IID_LENGTH, this.#nameOf(ref, IID_LENGTH, this.#name));
      const moved = relocate(ref);
      u32[own.at + REF] = moved;
      u32[linkedAt] = moved;
      u32[producer * 2 + NEWEST] = moved;
      linkedAt = moved * 2 + NEWER;
    }
  }

  /** Bytes of all blocks. O(producers). */
  memoryBytes(): number {
    const block = this.#block;
    if (block === 0) return 0;
    const u32 = this.#u32;
    const tree = this.#all();
    let bytes = this.#arena.usableBytes(block) + u32[block * 2 + GRANULES]! * 8;
    bytes += tree.memoryBytes();
    for (let goesOn = tree.seekFirst(); goesOn; goesOn = tree.next()) {
      bytes += this.#ownOf(u32[tree.at + REF]!).memoryBytes();
    }
    return bytes;
  }

  /** Throws when something is damaged. O(n). */
  checkInvariants(): void {
    const block = this.#block;
    if (block === 0) return;
    const u32 = this.#u32;
    const tree = this.#all();
    tree.checkInvariants();
    let iids = 0;
    let granules = 0;
    for (let goesOn = tree.seekFirst(); goesOn; goesOn = tree.next()) {
      const producer = u32[tree.at + REF]!;
      granules += this.#arena.usableBytes(producer) >>> 3;
      const own = this.#ownOf(producer);
      own.checkInvariants();
      let chained = 0;
      let newest = 0;
      for (let ref = u32[producer * 2 + OLDEST]!; ref !== 0; ref = u32[ref * 2 + NEWER]!) {
        const iid = this.#nameOf(ref, IID_LENGTH, new ByteRange());
        if (this.#find(own, IID_LENGTH, iid) !== ref) throw new Error(DAMAGED);
        granules += this.#arena.usableBytes(ref) >>> 3;
        chained += 1;
        newest = ref;
      }
      if (chained === 0 || chained !== own.size) throw new Error(DAMAGED);
      if (u32[producer * 2 + NEWEST] !== newest) throw new Error(DAMAGED);
      iids += chained;
    }
    if (iids !== u32[block * 2 + IIDS]) throw new Error(DAMAGED);
    if (granules !== u32[block * 2 + GRANULES]) throw new Error(DAMAGED);
  }
}

/** Outcomes of `add`. */
export const IDMP_ADDED = 1;
export const IDMP_FULL = 0;
export const IDMP_PRESENT = -1;

const DAMAGED = 'stream: idempotent producers are damaged';

function pass(): void {
  // A record of a tree moves with its leaf.
}
