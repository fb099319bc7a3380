/**
 * TrackingTable: which clients have read which keys, for client-side caching. A reader adds itself
 * while it holds the key's shard, a writer takes the key out while it holds the shard exclusively:
 * so each change of a key finds exactly the clients that have read it before and were not told yet.
 *
 * A client is two words: `io << 24 | connection index`, and the generation of the connection. What
 * clients leave behind that are gone goes with the next change of the key, with its eviction from
 * the table, or when another client of the same connection index comes.
 *
 * LAYOUT of the control buffer (64-byte lines)
 *   line 0   words: magic, clients that track (the word that every writer reads), those of them
 *            that track what they read, keys, registry lock, generation of the prefixes, prefixes,
 *            first prefix (prefix-board.ts)
 *   line 1.. one line a stripe: spin lock, items
 *   then     filter: FILTER_SLOTS u16 counters of keys, by the upper bits of their hash
 * LAYOUT of a stripe: an arena of its own; its user header holds
 *   0..15 dict of the keys   16 first of the dicts that `clear` has left (0 = none)
 *   key entry: word 0 as dict.ts has it, 1 clients, 2 ref of their list (0 = the one client is in
 *   words 3 and 4), 5 length of a long key; then the key's bytes
 *   list: pairs of words, in order of the first
 *   left dict: 16 words of its struct, then the ref of the next
 *
 * A stripe is the upper 3 bits of a hash, so that the counters of the filter are changed under one
 * lock each. A counter that reaches its maximum sticks there until `clear`.
 *
 * OWNERSHIP  each stripe under its spin lock, held for well under a microsecond but in `clear`. The
 *            filter is read without: a key that was added by somebody who held its shard is seen
 *            by whoever holds it next, whatever others do to the counter meanwhile.
 * LIMITS     128 I/O threads, 2^24 connections each.
 */
import type { HalfSipHash } from '../base/half-sip-hash.ts';
import { Arena, type Ref } from '../memory/arena.ts';
import { DICT_STRUCT_WORDS, Dict } from '../structures/dict.ts';
import { ENTRY_KEY_LENGTH_LONG } from '../structures/entry-key.ts';
import { addShared } from '../sync/shared-bits.ts';
import { SpinLock } from '../sync/spin-lock.ts';
import { TRACKING_CLIENTS } from './thread-state.ts';

const MAGIC = 0x5454524b;
const LINE_WORDS = 16;
const READERS = 2;
const KEYS = 3;
const REGISTRY_LOCK = 4;
/** Words that prefix-board.ts owns. */
export const PREFIX_WORDS = 5;
const STRIPES = 8;
const STRIPE_SHIFT = 29;
const ITEMS = 1;
const FILTER_SLOTS = 1 << 20;
const FILTER_SHIFT = 12;
const FILTER_STRIPE_SLOTS = FILTER_SLOTS / STRIPES;
const FILTER_OFFSET = (1 + STRIPES) * LINE_WORDS * 4;
const COUNT_MAX = 0xffff;
/** Touched only when used. */
const STRIPE_BYTES = 512 * 1024 * 1024;

const LEFT = DICT_STRUCT_WORDS;
const STRIPE_HEADER_BYTES = (DICT_STRUCT_WORDS + 1) * 4;
const CLIENTS = 1;
const LIST = 2;
const CLIENT = 3;
const GENERATION = 4;
const HEADER_WORDS = 5;
const LONG_KEY_WORDS = 6;
const HEADER_SHIFT = 16;
const PAIR_BYTES = 8;
/** Clients that the first list has room for. */
const LIST_MIN = 4;

/** Answers of `add`. */
export const TRACK_KNOWN = 0;
export const TRACK_ADDED = 1;
/** No memory for it: the client must be told that it does not track the key. */
export const TRACK_FULL = 2;
export type TrackStatus = typeof TRACK_KNOWN | typeof TRACK_ADDED | typeof TRACK_FULL;

/** A key as its bytes and their hash. */
export interface HashedKey {
  readonly buf: Uint8Array;
  readonly start: number;
  readonly end: number;
  readonly lo: number;
  readonly hi: number;
}

/** A client as the table knows it: bits 24..31 the I/O thread, the others its connection. */
export function clientWord(io: number, conn: number): number {
  return ((io << 24) | conn) >>> 0;
}

interface Stripe {
  readonly arena: Arena;
  readonly dict: Dict;
  /** u32 index of the user header. */
  readonly base: number;
  readonly lock: SpinLock;
  /** Index in the control words of the number of items. */
  readonly items: number;
}

export class TrackingTable {
  /** The control buffer: TRACKING_CLIENTS and what prefix-board.ts keeps there. */
  readonly words: Int32Array;
  /**
   * What `take` and `takeAny` took: pairs of words. A client may be gone, or not track any more.
   * Valid until the next call.
   */
  taken: Uint32Array = new Uint32Array(64);
  /** Clients in it. */
  takenCount = 0;
  /** The key that `takeAny` took. */
  takenKey: Uint8Array = new Uint8Array(256);
  takenKeyLength = 0;
  readonly #hasher: HalfSipHash;
  readonly #onReaders: (isAny: boolean) => void;
  readonly #registry: SpinLock;
  readonly #filter: Uint16Array;
  readonly #stripes: Stripe[] = [];

  /** Makes the buffers: control, then the stripes. */
  static create(stripeBytes: number = STRIPE_BYTES): readonly SharedArrayBuffer[] {
    const control = new SharedArrayBuffer(FILTER_OFFSET + FILTER_SLOTS * 2);
    new Int32Array(control)[0] = MAGIC;
    const arenas = Array.from({ length: STRIPES }, () => {
      return Arena.create(stripeBytes, STRIPE_HEADER_BYTES).buffer;
    });
    return [control, ...arenas];
  }

  /**
   * Attaches to buffers made by `create`. Throws when they are not such buffers. `onReaders` is
   * told when the first client comes that tracks what it reads, and when the last one goes.
   */
  constructor(
    buffers: readonly SharedArrayBuffer[],
    hasher: HalfSipHash,
    onReaders: (isAny: boolean) => void = () => undefined,
  ) {
    this.#onReaders = onReaders;
    const [control, ...arenas] = buffers;
    if (control === undefined || arenas.length !== STRIPES) throw new Error('tracking table: size');
    this.words = new Int32Array(control, 0, FILTER_OFFSET / 4);
    if (this.words[0] !== MAGIC) throw new Error('tracking table: no table in this buffer');
    this.#hasher = hasher;
    this.#registry = new SpinLock(this.words, REGISTRY_LOCK);
    this.#filter = new Uint16Array(control, FILTER_OFFSET, FILTER_SLOTS);
    arenas.forEach((buffer, i) => {
      const arena = Arena.attach(buffer);
      const base = arena.userOffset / 4;
      const dict = new Dict(arena, base, hasher);
      const at = (1 + i) * LINE_WORDS;
      const lock = new SpinLock(this.words, at);
      this.#stripes.push({ arena, dict, base, lock, items: at + ITEMS });
    });
  }

  // ---- clients

  /**
   * A client begins to track. `isReader`: it tracks the keys that it reads.
   */
  enter(isReader: boolean): void {
    this.#registry.acquire();
    addShared(this.words, TRACKING_CLIENTS, 1);
    if (isReader && addShared(this.words, READERS, 1) === 1) this.#onReaders(true);
    this.#registry.release();
  }

  /** The opposite; with the last reader all keys go. */
  leave(isReader: boolean): void {
    this.#registry.acquire();
    addShared(this.words, TRACKING_CLIENTS, -1);
    if (isReader && addShared(this.words, READERS, -1) === 0) {
      this.#onReaders(false);
      this.clear();
    }
    this.#registry.release();
  }

  /** Clients that track. Any thread. */
  get clients(): number {
    return this.words[TRACKING_CLIENTS]!;
  }

  // ---- keys

  /** Keys in the table. Any thread. */
  get keys(): number {
    return this.words[KEYS]!;
  }

  /** Clients of all keys. Any thread; what changes meanwhile may be counted or not. */
  get items(): number {
    return this.#stripes.reduce((sum, { items }) => sum + this.words[items]!, 0);
  }

  /** Bytes of memory in use. Any thread. */
  get usedBytes(): number {
    return this.#stripes.reduce((sum, { arena }) => sum + arena.usedBytes(), 0);
  }

  /** False when no client has read a key with this hash: what each writer asks first. O(1). */
  has(lo: number): boolean {
    return this.#filter[lo >>> FILTER_SHIFT] !== 0;
  }

  #count(lo: number, delta: number): void {
    const filter = this.#filter;
    const slot = lo >>> FILTER_SHIFT;
    const count = filter[slot]!;
    if (count !== COUNT_MAX) filter[slot] = count + delta;
    addShared(this.words, KEYS, delta);
  }

  /** Adds a client to a key whose shard the caller holds. O(log clients), and a move of them. */
  add(key: HashedKey, client: number, generation: number): TrackStatus {
    const stripe = this.#stripes[key.lo >>> STRIPE_SHIFT]!;
    stripe.lock.acquire();
    const ref = stripe.dict.find(key.buf, key.start, key.end, key.lo, key.hi);
    const status =
      ref === 0
        ? this.#addKey(stripe, key, client, generation)
        : this.#addClient(stripe, ref, client, generation);
    if (status === TRACK_ADDED) this.#addItems(stripe, 1);
    stripe.lock.release();
    return status;
  }

  #addItems(stripe: Stripe, delta: number): void {
    this.words[stripe.items] = this.words[stripe.items]! + delta;
  }

  #addKey(stripe: Stripe, key: HashedKey, client: number, generation: number): TrackStatus {
    const { arena, dict } = stripe;
    const { u32, u8 } = arena;
    const length = key.end - key.start;
    const isLong = length >= ENTRY_KEY_LENGTH_LONG;
    const header = isLong ? LONG_KEY_WORDS : HEADER_WORDS;
    const ref = arena.alloc(header * 4 + length);
    if (ref === 0) return TRACK_FULL;
    const at = ref * 2;
    u32[at] = ((isLong ? ENTRY_KEY_LENGTH_LONG : length) | (header << HEADER_SHIFT)) >>> 0;
    u32[at + CLIENTS] = 1;
    u32[at + LIST] = 0;
    u32[at + CLIENT] = client;
    u32[at + GENERATION] = generation;
    if (isLong) u32[at + LONG_KEY_WORDS - 1] = length;
    let to = ref * 8 + header * 4;
    for (let i = key.start; i < key.end; i++) u8[to++] = key.buf[i]!;
    if (!dict.insert(ref, key.lo, key.hi)) {
      arena.free(ref);
      return TRACK_FULL;
    }
    this.#count(key.lo, 1);
    return TRACK_ADDED;
  }

  #addClient({ arena }: Stripe, ref: Ref, client: number, generation: number): TrackStatus {
    const { u32 } = arena;
    const at = ref * 2;
    const count = u32[at + CLIENTS]!;
    const list = u32[at + LIST]!;
    const first = list === 0 ? at + CLIENT : list * 2;
    let low = 0;
    for (let high = count; low < high; ) {
      const middle = (low + high) >>> 1;
      if (u32[first + middle * 2]! < client) low = middle + 1;
      else high = middle;
    }
    const place = first + low * 2;
    if (low < count && u32[place] === client) {
      // An earlier client of that connection index is gone.
      u32[place + 1] = generation;
      return TRACK_KNOWN;
    }
    const room = this.#roomForOneMore(arena, at, count, list);
    if (room === 0) return TRACK_FULL;
    const to = room * 2 + low * 2;
    u32.copyWithin(to + 2, to, room * 2 + count * 2);
    u32[to] = client;
    u32[to + 1] = generation;
    u32[at + CLIENTS] = count + 1;
    return TRACK_ADDED;
  }

  /** The list of an entry, with room for one more than `count`; 0 = no memory. */
  #roomForOneMore(arena: Arena, at: number, count: number, list: Ref): Ref {
    const { u32 } = arena;
    if (list === 0) {
      const made = arena.alloc(LIST_MIN * PAIR_BYTES);
      if (made === 0) return 0;
      u32[made * 2] = u32[at + CLIENT]!;
      u32[made * 2 + 1] = u32[at + GENERATION]!;
      u32[at + LIST] = made;
      return made;
    }
    if ((count + 1) * PAIR_BYTES <= arena.usableBytes(list)) return list;
    const grown = arena.realloc(list, count * 2 * PAIR_BYTES);
    if (grown !== 0) u32[at + LIST] = grown;
    return grown;
  }

  /**
   * Takes a key out whose shard the caller holds exclusively, with its clients into `taken`. False
   * when nobody has read it. O(clients).
   */
  take(key: HashedKey): boolean {
    const stripe = this.#stripes[key.lo >>> STRIPE_SHIFT]!;
    stripe.lock.acquire();
    const ref = stripe.dict.find(key.buf, key.start, key.end, key.lo, key.hi);
    if (ref !== 0) this.#takeFound(stripe, ref, key.lo);
    stripe.lock.release();
    return ref !== 0;
  }

  #takeFound(stripe: Stripe, ref: Ref, lo: number): void {
    const { arena, dict } = stripe;
    const { u32 } = arena;
    const at = ref * 2;
    const count = u32[at + CLIENTS]!;
    const first = u32[at + LIST] === 0 ? at + CLIENT : u32[at + LIST]! * 2;
    if (this.taken.length < count * 2) this.taken = new Uint32Array(count * 4);
    for (let i = 0; i < count * 2; i++) this.taken[i] = u32[first + i]!;
    this.takenCount = count;
    dict.removeFound();
    this.#freeEntry(arena, ref);
    this.#addItems(stripe, -count);
    this.#count(lo, -1);
  }

  #freeEntry(arena: Arena, ref: Ref): void {
    const list = arena.u32[ref * 2 + LIST]!;
    if (list !== 0) arena.free(list);
    arena.free(ref);
  }

  /**
   * Takes any key out, for room: into `takenKey` and `taken`. No shard needs to be held. False when
   * there is none. `random` returns integers below its argument. Expected O(1).
   */
  takeAny(random: (below: number) => number): boolean {
    const from = random(STRIPES);
    for (let i = 0; i < STRIPES; i++) {
      if (this.#takeAnyOf(this.#stripes[(from + i) % STRIPES]!, random)) return true;
    }
    return false;
  }

  #takeAnyOf(stripe: Stripe, random: (below: number) => number): boolean {
    const { arena, dict } = stripe;
    if (dict.size === 0) return false;
    stripe.lock.acquire();
    const ref = dict.randomItem(random);
    if (ref !== 0) {
      const length = dict.keyLength(ref);
      const at = dict.keyOffset(ref);
      if (this.takenKey.length < length) this.takenKey = new Uint8Array(length);
      this.takenKey.set(arena.u8.subarray(at, at + length));
      this.takenKeyLength = length;
      this.#hasher.hash(arena.u8, at, at + length);
      this.#takeFound(stripe, ref, this.#hasher.lo);
    }
    stripe.lock.release();
    return ref !== 0;
  }

  // ---- all of them

  /**
   * Forgets all keys; their memory is freed by `step`. Keys that are added meanwhile may stay or
   * go: who must be sure holds all shards, or lets nobody track. O(filter), some 50 us.
   */
  clear(): void {
    this.#stripes.forEach((stripe, i) => {
      stripe.lock.acquire();
      this.#clearStripe(stripe);
      this.#filter.fill(0, i * FILTER_STRIPE_SLOTS, (i + 1) * FILTER_STRIPE_SLOTS);
      stripe.lock.release();
    });
  }

  #clearStripe(stripe: Stripe): void {
    const { arena, dict, base } = stripe;
    const { u32 } = arena;
    addShared(this.words, KEYS, -dict.size);
    this.words[stripe.items] = 0;
    if (dict.size === 0) return;
    const left = arena.alloc((DICT_STRUCT_WORDS + 1) * 4);
    if (left === 0) {
      while (!dict.dismantleUnit((ref) => this.#freeEntry(arena, ref)));
      return;
    }
    u32.copyWithin(left * 2, base, base + DICT_STRUCT_WORDS);
    u32[left * 2 + DICT_STRUCT_WORDS] = u32[base + LEFT]!;
    u32[base + LEFT] = left;
    dict.init();
  }

  /**
   * Frees some of what `clear` has left: about `units` buckets a stripe. True when nothing is left.
   */
  step(units: number): boolean {
    let isDone = true;
    for (const stripe of this.#stripes) {
      if (stripe.arena.u32[stripe.base + LEFT] === 0) continue;
      stripe.lock.acquire();
      this.#stepStripe(stripe, units);
      stripe.lock.release();
      if (stripe.arena.u32[stripe.base + LEFT] !== 0) isDone = false;
    }
    return isDone;
  }

  #stepStripe({ arena, base }: Stripe, units: number): void {
    const { u32 } = arena;
    for (let n = 0; n < units && u32[base + LEFT] !== 0; n++) {
      const left = u32[base + LEFT]!;
      const dict = new Dict(arena, left * 2, this.#hasher);
      if (!dict.dismantleUnit((ref) => this.#freeEntry(arena, ref))) continue;
      u32[base + LEFT] = u32[left * 2 + DICT_STRUCT_WORDS]!;
      arena.free(left);
    }
  }

  /** A block in the memory of the table, for prefix-board.ts; 0 = none left. */
  allocBeside(bytes: number): Ref {
    const { arena, lock } = this.#stripes[0]!;
    lock.acquire();
    const ref = arena.alloc(bytes);
    lock.release();
    return ref;
  }

  freeBeside(ref: Ref): void {
    const { arena, lock } = this.#stripes[0]!;
    lock.acquire();
    arena.free(ref);
    lock.release();
  }

  /** The memory that `allocBeside` hands out of. */
  get memoryBeside(): Arena {
    return this.#stripes[0]!.arena;
  }

  /** Throws when an invariant does not hold. O(n). */
  checkInvariants(): void {
    const counts = new Uint32Array(FILTER_SLOTS);
    let keys = 0;
    for (const stripe of this.#stripes) {
      const { dict, arena } = stripe;
      dict.checkInvariants();
      keys += dict.size;
      let items = 0;
      for (let unit = 0; unit < dict.unitCount; unit++) {
        dict.visitUnit(unit, (ref) => {
          const at = dict.keyOffset(ref);
          this.#hasher.hash(arena.u8, at, at + dict.keyLength(ref));
          const { lo } = this.#hasher;
          if (this.#stripes[lo >>> STRIPE_SHIFT] !== stripe) throw new Error('tracking: stripe');
          counts[lo >>> FILTER_SHIFT]! += 1;
          items += checkEntry(arena, ref);
        });
      }
      if (items !== this.words[stripe.items]) throw new Error('tracking: item count');
    }
    if (keys !== this.keys) throw new Error('tracking: key count');
    for (let slot = 0; slot < FILTER_SLOTS; slot++) {
      const isSame = this.#filter[slot] === counts[slot] || this.#filter[slot] === COUNT_MAX;
      if (!isSame) throw new Error('tracking: filter count');
    }
  }
}

/** The clients of an entry, which are in order. */
function checkEntry({ u32 }: Arena, ref: Ref): number {
  const at = ref * 2;
  const count = u32[at + CLIENTS]!;
  const list = u32[at + LIST]!;
  if (list === 0 && count !== 1) throw new Error('tracking: no list');
  for (let i = 1; i < count; i++) {
    if (u32[list * 2 + i * 2 - 2]! >= u32[list * 2 + i * 2]!) throw new Error('tracking: order');
  }
  return count;
}
