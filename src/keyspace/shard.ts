/**
 * Shard: one partition of the keyspace, as one thread sees it. All state is in the shard's arena;
 * every thread has its own Shard object over the same memory, and uses it only while it holds the
 * shard's lock word.
 *
 * LAYOUT of the arena's user header (u32 words from `arena.userOffset`)
 *   0 magic   1 databases   2 lazy-free list ref   3 blocks waiting in it
 *   4..7 watch table        8 list of roots to free   9 their number
 *   10 not 0: RESTORE does not look at checksums
 *   11 epoch bit of new entries       12 entry that is written into a snapshot in slices
 *   13 database + 1, 14, 15 hash of a key whose writers wait for the snapshot
 *   16.. interest filter (512 words)
 *   528..531 wait table, 12 reserved
 *   544.. one database struct of 64 words each:
 *     0..15 dict   16 keys with a TTL   17 hint table ref (0 = the 16 hints inside)   18 hint count
 *     19 next hint   20 cycle position   21 lowest hint seen by the running cycle
 *     22 hashes that have fields with a time of expiry   23 STREAMS_ bits   24..31 reserved
 *     32..47 hints inside
 *
 * Statuses: refs are 0 for "absent" in lookups and for "arena full" in anything that allocates;
 * after 0 nothing changed.
 */
import type { HalfSipHash } from '../base/half-sip-hash.ts';
import type { Arena, Ref } from '../memory/arena.ts';
import { Dict } from '../structures/dict.ts';
import * as entry from './entry.ts';
import { DATABASE_WORDS, EntryBlocks, WAITS, withSpare } from './entry-blocks.ts';
import { ExpiryHints } from './expiry-hints.ts';
import { HashValues } from './hash-value.ts';
import { InterestFilter } from './interest-filter.ts';
import type { Key } from './key.ts';
import { LazyFree } from './lazy-free.ts';
import { ListBuilder } from './list-builder.ts';
import { ListValues } from './list-value.ts';
import { noteModified } from './peek.ts';
import { SetValues } from './set-value.ts';
import { checkShard } from './shard-check.ts';
import { StreamValues } from './stream-value.ts';
import { entryOfHash, noteAllWaiters, swapDatabases } from './swap.ts';
import type { ThreadState } from './thread-state.ts';
import { freshAccessWord, lfuTouched, TOUCH_LFU, TOUCH_LRM, TOUCH_LRU } from './thread-state.ts';
import type { ValueLimits } from './value-limits.ts';
import { WaitTable } from './wait-table.ts';
import { tellInterested } from './watch-ops.ts';
import { WatchTable } from './watch-table.ts';
import { ZsetValues } from './zset-value.ts';

/** Beyond this share of the arena, what waits to be freed is freed before large commands run. */
const SHORT_SHARE = 0.5;
const MAGIC = 0x54534844;
const DATABASES = 1;
const LAZY = 2;
const LAZY_ROOTS = 8;
const WATCH = 4;
const FILTER = 16;
const HINTS = 17;

const HAS_TTL = entry.HAS_TTL;
const REMOTE = entry.REMOTE;
const ROOTED = entry.ROOTED;
const TYPE_SHIFT = entry.TYPE_SHIFT;
const ENCODING_SHIFT = entry.ENCODING_SHIFT;
const INLINE_BYTES_MAX = entry.INLINE_BYTES_MAX;

/** `expireMs` of createString: no TTL. */
export const NO_TTL = 0;
/** `expireMs` of createString: keep the TTL that the replaced key has. */
export const KEEP_TTL = -1;

export class Shard extends EntryBlocks {
  readonly index: number;
  readonly limits: ValueLimits;
  readonly hasher: HalfSipHash;
  readonly databases: number;
  readonly watch: WatchTable;
  /** Keys that blocked clients wait for. */
  readonly waits: WaitTable;
  readonly interest: InterestFilter;
  readonly lazy: LazyFree;
  readonly lists: ListValues;
  readonly listBuilder: ListBuilder;
  readonly hashes: HashValues;
  readonly sets: SetValues;
  /** A second view: of sets that are being built, and for lookups while `sets` walks. */
  readonly setBuilder: SetValues;
  readonly zsets: ZsetValues;
  readonly streams: StreamValues;
  /** The same for sorted sets. */
  readonly zsetBuilder: ZsetValues;
  /** Type of the live value that createValue or createRooted has replaced last; -1 = none. */
  replacedType = -1;
  readonly #dicts: Dict[] = [];
  readonly #hints: ExpiryHints[] = [];
  readonly #base: number;

  /** Formats a fresh arena as an empty shard. Called once, before any thread attaches. */
  static format(arena: Arena, databases: number): void {
    const base = arena.userOffset / 4;
    arena.u32[base] = MAGIC;
    arena.u32[base + DATABASES] = databases;
  }

  /** Attaches this thread to a formatted shard. */
  constructor(index: number, arena: Arena, hasher: HalfSipHash, state: ThreadState) {
    super(arena, state);
    this.index = index;
    this.limits = state.limits;
    this.hasher = hasher;
    this.#base = arena.userOffset / 4;
    if (this.u32[this.#base] !== MAGIC) throw new Error('shard: the arena is not formatted');
    this.databases = this.u32[this.#base + DATABASES]!;
    this.watch = new WatchTable(arena, this.#base + WATCH);
    this.waits = new WaitTable(arena, this.#base + WAITS);
    this.interest = new InterestFilter(arena.buffer, arena.userOffset + FILTER * 4);
    for (let db = 0; db < this.databases; db++) {
      const at = this.databaseWord(db);
      this.#dicts.push(new Dict(arena, at, hasher));
      this.#dicts[db]!.growth = state.tableGrowth;
      this.#hints.push(new ExpiryHints(arena, at + HINTS));
    }
    this.lists = new ListValues(this);
    this.listBuilder = new ListBuilder(this);
    this.hashes = new HashValues(this);
    this.sets = new SetValues(this);
    this.setBuilder = new SetValues(this);
    this.zsets = new ZsetValues(this);
    this.zsetBuilder = new ZsetValues(this);
    this.streams = new StreamValues(this);
    this.lazy = new LazyFree(this, this.#base + LAZY, this.#base + LAZY_ROOTS);
  }

  dict(db: number): Dict {
    return this.#dicts[db]!;
  }

  hints(db: number): ExpiryHints {
    return this.#hints[db]!;
  }

  /**
   * Keys in a database, expired ones that nobody has freed yet included. Any thread may read it
   * without the lock.
   */
  size(db: number): number {
    return this.#dicts[db]!.size;
  }

  /** Has the active expire cycle look at a hash by `ms`, when a field of it expires. */
  noteFieldExpiry(db: number, key: Key, ms: number): void {
    this.#hints[db]!.note(key.lo, ms, this.#dicts[db]!.bucketCount);
  }

  // ---- lookups

  /**
   * The live entry of a key or 0; counts a hit or a miss and the access. Expired entries are freed
   * on the way.
   */
  findRead(db: number, key: Key): Ref {
    const ref = this.find(db, key);
    if (ref === 0) {
      this.state.keyMissed(db, key);
      return 0;
    }
    this.state.keyspaceHits += 1;
    if (this.state.touchMode === TOUCH_LRU) {
      if (!this.state.isReadOnly) this.u32[ref * 2 + 1] = this.state.lruClock;
    } else if (this.state.touchMode === TOUCH_LFU) this.#touchLfu(ref);
    return ref;
  }

  #touchLfu(ref: Ref): void {
    if (!this.state.isReadOnly)
      this.setAccessWord(ref, lfuTouched(this.accessWord(ref), this.state));
  }

  /**
   * The live entry of a key or 0, without counting. After a non-zero answer the key's slot is known
   * (see below).
   */
  find(db: number, key: Key): Ref {
    const dict = this.#dicts[db]!;
    const ref = dict.find(key.buf, key.start, key.end, key.lo, key.hi);
    if (ref === 0) return 0;
    if ((this.u32[ref * 2]! & HAS_TTL) === 0 || this.expireMs(ref) > this.state.nowMs) return ref;
    this.#meetExpired(db, key, ref);
    return 0;
  }

  /** Like `find`, and marks the access: what a command does that reads and changes a key. */
  findWrite(db: number, key: Key): Ref {
    const ref = this.find(db, key);
    if (ref !== 0) {
      if (this.state.touchMode === TOUCH_LRU) this.u32[ref * 2 + 1] = this.state.lruClock;
      else if (this.state.touchMode === TOUCH_LFU) this.#touchLfu(ref);
    }
    return ref;
  }

  /**
   * Frees an expired entry that a lookup has met, unless lookups have to leave such where they are.
   * One that is being written to a snapshot stays, too; for the log it is gone, as for the command.
   */
  #meetExpired(db: number, key: Key, ref: Ref): void {
    const { state } = this;
    if (state.isReadOnly || state.keepsExpired) return;
    if (ref !== this.emittedRef) this.#deleteExpired(db, key, ref);
    else state.expirySink?.keyExpired(db, key.buf, key.start, key.end);
  }

  /** What expires is recorded by itself: it is no change by the command that met it. */
  #deleteExpired(db: number, key: Key, ref: Ref): void {
    const { dirty } = this.state;
    this.state.keyExpired(db, key);
    this.state.isExpiring = true;
    this.#removeFound(db, key, ref);
    this.state.isExpiring = false;
    this.state.dirty = dirty;
  }

  /** Says that a key changed: transactions that watch it will not run. Mutators call it. */
  touched(db: number, key: Key): void {
    this.state.dirty += 1;
    if (this.state.isTracked) this.state.changeSink?.keyChanged(key);
    if (this.interest.has(key.lo)) tellInterested(this, db, key);
    if (this.state.policyTouchMode === TOUCH_LRM) noteModified(this, db, key);
  }

  // ---- mutations

  /**
   * Makes (or replaces, whatever its type was) a key with a string value of `valueLength` bytes,
   * which the caller then writes at `valueOffset` of the returned entry. `expireMs` is a unix time
   * in ms, NO_TTL or KEEP_TTL. The bytes to be written must not come from the key's own old value.
   * Returns 0 when the arena is full: nothing has changed then.
   */
  createString(db: number, key: Key, valueLength: number, encoding: number, expireMs: number): Ref {
    return this.createValue(db, key, entry.TYPE_STRING, encoding, valueLength, expireMs);
  }

  /** The same for a value of any type that is bytes: strings and small collections. */
  createValue(
    db: number,
    key: Key,
    type: number,
    encoding: number,
    valueLength: number,
    expireMs: number,
  ): Ref {
    const kind = (type << TYPE_SHIFT) | (encoding << ENCODING_SHIFT);
    const old = this.#dicts[db]!.find(key.buf, key.start, key.end, key.lo, key.hi);
    if (old === 0) return this.#makeValue(db, key, 0, valueLength, kind, expireMs);
    const isDead = this.isExpired(old);
    this.replacedType = isDead ? -1 : this.typeOf(old);
    // As in Redis, overwriting a key is one more access to it, not a new key.
    const isCounted = this.state.policyTouchMode === TOUCH_LFU && !isDead;
    const frequency = isCounted ? this.accessWord(old) : 0;
    if (expireMs === KEEP_TTL) expireMs = isDead ? NO_TTL : this.expireMs(old);
    const hasTtl = expireMs !== NO_TTL;
    const keyLength = key.end - key.start;
    let ref = old;
    if (this.canReuse(old, entry.entryBytes(keyLength, hasTtl, valueLength), hasTtl)) {
      const at = old * 2;
      const word = entry.headWord(keyLength, hasTtl, type, encoding, 0);
      this.u32[at] = (word | this.u32[this.epochWord]!) >>> 0;
      this.u32[at + 1] = freshAccessWord(this.state);
      this.u32[at + 2] = valueLength;
      if (hasTtl) this.#writeExpire(db, key.lo, old, expireMs);
      this.touched(db, key);
    } else {
      ref = this.#makeValue(db, key, old, valueLength, kind, expireMs);
    }
    if (isDead && ref !== 0) this.state.keyRevived(db, key);
    if (isCounted && ref !== 0) this.setAccessWord(ref, frequency);
    return ref;
  }

  /**
   * Makes an entry of `kind` (type and encoding bits) in the place of `old` (0 = none; then there
   * is no TTL to keep); `valueLength` is the root's ref where `kind` has ROOTED. 0 when the arena
   * is full.
   */
  #makeValue(
    db: number,
    key: Key,
    old: Ref,
    valueLength: number,
    kind: number,
    expireMs: number,
  ): Ref {
    const hasTtl = expireMs > NO_TTL;
    const ref =
      (kind & ROOTED) !== 0
        ? this.#allocRooted(key, valueLength, kind, hasTtl)
        : this.#allocValue(key, valueLength, kind, hasTtl);
    if (ref === 0 || !this.#link(db, key, old, ref)) return 0;
    if (hasTtl) {
      this.addExpires(db, 1);
      this.#writeExpire(db, key.lo, ref, expireMs);
    }
    if (old === 0) {
      this.replacedType = -1;
      this.state.keyMade(db, key);
    }
    return ref;
  }

  /**
   * Makes (or replaces) a key whose value is the structure at `root`, which belongs to the key from
   * then on. 0 when the arena is full: nothing has changed then, and the root is still the
   * caller's.
   */
  createRooted(
    db: number,
    key: Key,
    type: number,
    encoding: number,
    root: Ref,
    expireMs: number,
  ): Ref {
    const kind = ((type << TYPE_SHIFT) | (encoding << ENCODING_SHIFT) | ROOTED) >>> 0;
    const old = this.#dicts[db]!.find(key.buf, key.start, key.end, key.lo, key.hi);
    if (old === 0) return this.#makeValue(db, key, 0, root, kind, Math.max(expireMs, NO_TTL));
    const isDead = this.isExpired(old);
    this.replacedType = isDead ? -1 : this.typeOf(old);
    const isCounted = this.state.policyTouchMode === TOUCH_LFU && !isDead;
    const frequency = isCounted ? this.accessWord(old) : 0;
    if (expireMs === KEEP_TTL) expireMs = isDead ? NO_TTL : this.expireMs(old);
    const ref = this.#makeValue(db, key, old, root, kind, expireMs);
    if (isDead && ref !== 0) this.state.keyRevived(db, key);
    if (isCounted && ref !== 0) this.setAccessWord(ref, frequency);
    return ref;
  }

  /**
   * Puts the structure at `root` in the place of the bytes that are the value of the entry that
   * `find` just returned; type, TTL and access word stay. Returns the entry's ref from now on.
   * Never fails: without memory for a smaller block the old one stays. O(key).
   */
  convertToRooted(db: number, key: Key, ref: Ref, encoding: number, root: Ref): Ref {
    const at = ref * 2;
    const word = this.u32[at]!;
    if ((word & REMOTE) !== 0) this.arena.free(this.remoteRef(this.keyEnd(ref)));
    this.u32[at] =
      ((word & ~(REMOTE | (15 << ENCODING_SHIFT))) | (encoding << ENCODING_SHIFT) | ROOTED) >>> 0;
    this.u32[at + 2] = root;
    const moved = this.arena.realloc(ref, this.keyEnd(ref) - ref * 8);
    if (moved !== ref && moved !== 0) this.#dicts[db]!.replaceFound(moved);
    this.touched(db, key);
    return moved === 0 ? ref : moved;
  }

  /**
   * The other way: gives the rooted entry that `find` just returned a value of `length` bytes,
   * which the caller then writes; the root is the caller's to free. Returns the entry's ref from
   * now on, or 0 when the arena is full: nothing has changed then. O(key).
   */
  convertToValue(db: number, key: Key, ref: Ref, encoding: number, length: number): Ref {
    const word = this.u32[ref * 2]!;
    const kind = (word & (15 << TYPE_SHIFT)) | (encoding << ENCODING_SHIFT);
    const hasTtl = (word & HAS_TTL) !== 0;
    const moved = this.#allocValue(key, length, kind, hasTtl);
    if (moved === 0) return 0;
    this.keepEpoch(moved, word);
    this.u32[moved * 2 + 1] = this.u32[ref * 2 + 1]!;
    if (hasTtl) this.storeExpire(moved, this.expireMs(ref));
    this.#dicts[db]!.replaceFound(moved);
    this.arena.free(ref);
    this.touched(db, key);
    return moved;
  }

  /**
   * Changes the length of the value (bytes of a collection) of the entry that `find` just returned:
   * keeps min(old, new) bytes, takes no spare room but what the block has, and gives room back
   * where more than half would be unused. Returns the entry's ref from now on, or 0 when the arena
   * is full: nothing has changed then. O(1) where the block does.
   */
  resizeValue(db: number, key: Key, ref: Ref, length: number): Ref {
    const word = this.u32[ref * 2]!;
    const moved =
      (word & REMOTE) !== 0
        ? this.#refitRemote(ref, length)
        : this.#refitInline(db, key, ref, length);
    if (moved === 0) return 0;
    this.u32[moved * 2 + 2] = length;
    this.touched(db, key);
    return moved;
  }

  #refitRemote(ref: Ref, length: number): Ref {
    const slot = Math.ceil(this.keyEnd(ref) / 4);
    const value = this.u32[slot]!;
    const usable = this.arena.usableBytes(value);
    if (length <= usable && length * 2 > usable) return ref;
    const next = this.arena.realloc(value, Math.max(length, 1));
    if (next === 0) return length <= usable ? ref : 0;
    this.u32[slot] = next;
    return ref;
  }

  #refitInline(db: number, key: Key, ref: Ref, length: number): Ref {
    const bytes = this.keyEnd(ref) - ref * 8 + length;
    const usable = this.arena.usableBytes(ref);
    if (bytes <= usable && bytes * 2 > usable) return ref;
    if (bytes <= INLINE_BYTES_MAX) {
      const next = this.arena.realloc(ref, bytes);
      if (next === 0) return bytes <= usable ? ref : 0;
      if (next !== ref) this.#dicts[db]!.replaceFound(next);
      return next;
    }
    return this.#moveValue(db, key, ref, length, length);
  }

  /**
   * Allocates and fills header and key of an entry for a value of `valueLength` bytes (TTL words
   * unset). 0 when the arena is full.
   */
  #allocValue(key: Key, valueLength: number, kind: number, hasTtl: boolean): Ref {
    const keyLength = key.end - key.start;
    const bytes = entry.entryBytes(keyLength, hasTtl, valueLength);
    const isRemote = bytes > INLINE_BYTES_MAX && valueLength > 0;
    let value = 0;
    if (isRemote) {
      value = this.arena.alloc(valueLength);
      if (value === 0) return 0;
    }
    const ref = this.#allocEntry(
      key,
      isRemote ? entry.remoteEntryBytes(keyLength, hasTtl) : bytes,
      (entry.headWord(keyLength, hasTtl, 0, 0, isRemote ? REMOTE : 0) | kind) >>> 0,
    );
    if (ref === 0) {
      if (isRemote) this.arena.free(value);
      return 0;
    }
    this.u32[ref * 2 + 2] = valueLength;
    if (isRemote) {
      this.u32[Math.ceil((this.keyOffset(ref) + keyLength) / 4)] = value;
    }
    return ref;
  }

  /** The same for a value that is a structure. */
  #allocRooted(key: Key, root: Ref, kind: number, hasTtl: boolean): Ref {
    const keyLength = key.end - key.start;
    const word = (entry.headWord(keyLength, hasTtl, 0, 0, 0) | kind) >>> 0;
    const ref = this.#allocEntry(key, entry.entryBytes(keyLength, hasTtl, 0), word);
    if (ref !== 0) this.u32[ref * 2 + 2] = root;
    return ref;
  }

  /**
   * Allocates a block of `bytes` and writes word 0, the access word, a long key's length and the
   * key.
   */
  #allocEntry(key: Key, bytes: number, word: number): Ref {
    const ref = this.arena.alloc(bytes);
    if (ref === 0) return 0;
    const u8 = this.u8;
    const keyLength = key.end - key.start;
    const header = (word >>> 16) & 15;
    this.u32[ref * 2] = (word | this.u32[this.epochWord]!) >>> 0;
    this.u32[ref * 2 + 1] = freshAccessWord(this.state);
    if (keyLength >= 0xffff) this.u32[ref * 2 + header - 1] = keyLength;
    const buf = key.buf;
    let to = ref * 8 + header * 4;
    for (let i = key.start; i < key.end; i++) u8[to++] = buf[i]!;
    return ref;
  }

  /**
   * Puts a new entry in the place of `old` (0 = none) and frees that. On false the new entry is
   * freed.
   */
  #link(db: number, key: Key, old: Ref, ref: Ref): boolean {
    const dict = this.#dicts[db]!;
    if (old !== 0) {
      dict.replaceFound(ref);
      this.#uncount(db, old);
      this.freeEntry(old);
    } else if (!dict.insert(ref, key.lo, key.hi)) {
      // The root of a structure stays with the caller.
      this.u32[ref * 2] = (this.u32[ref * 2]! & ~ROOTED) >>> 0;
      this.freeEntry(ref);
      return false;
    }
    this.touched(db, key);
    return true;
  }

  /** Takes an entry that goes out of the counts of its database. */
  #uncount(db: number, ref: Ref): void {
    const word = this.u32[ref * 2]!;
    if ((word & HAS_TTL) !== 0) this.addExpires(db, -1);
    if ((word & (15 << TYPE_SHIFT)) !== 0 && this.hasFieldExpires(ref)) {
      this.addFieldExpires(db, -1);
    }
  }

  /**
   * Frees an entry block that no table refers to any more, and its value: a large structure slice
   * by slice, later.
   */
  freeEntry(ref: Ref): void {
    if ((this.u32[ref * 2]! & ROOTED) !== 0) this.lazy.addRoot(this.rootOf(ref));
    if ((this.u32[ref * 2]! & REMOTE) !== 0) {
      this.arena.free(this.remoteRef(this.keyOffset(ref) + this.keyLength(ref)));
    }
    this.arena.free(ref);
  }

  /**
   * Changes the length of the string that `find` just returned, keeping min(old, new) bytes; bytes
   * beyond the old length are undefined. The encoding becomes raw. Growing takes spare room, so
   * that appending n bytes one by one is O(n). Returns the entry's ref from now on, or 0 when the
   * arena is full.
   */
  resizeString(db: number, key: Key, ref: Ref, length: number): Ref {
    const word = this.u32[ref * 2]!;
    const moved =
      (word & REMOTE) !== 0
        ? this.#resizeRemote(ref, length)
        : this.#resizeInline(db, key, ref, length);
    if (moved === 0) return 0;
    this.u32[moved * 2 + 2] = length;
    this.setEncoding(moved, entry.ENCODING_RAW);
    this.touched(db, key);
    return moved;
  }

  #resizeRemote(ref: Ref, length: number): Ref {
    const slot = Math.ceil((this.keyOffset(ref) + this.keyLength(ref)) / 4);
    const value = this.u32[slot]!;
    if (length <= this.arena.usableBytes(value)) return ref;
    const grown = this.arena.realloc(value, withSpare(length));
    const next = grown !== 0 ? grown : this.arena.realloc(value, length);
    if (next === 0) return 0;
    this.u32[slot] = next;
    return ref;
  }

  #resizeInline(db: number, key: Key, ref: Ref, length: number): Ref {
    const oldLength = this.valueLength(ref);
    if (this.keyEnd(ref) - ref * 8 + length <= this.arena.usableBytes(ref)) return ref;
    const spare = length > oldLength ? withSpare(length) : length;
    const moved = this.#moveValue(db, key, ref, length, spare);
    return moved !== 0 ? moved : this.#moveValue(db, key, ref, length, length);
  }

  /** Moves an inline value into a new entry with room for `room` bytes of value. 0: arena full. */
  #moveValue(db: number, key: Key, ref: Ref, length: number, room: number): Ref {
    const word = this.u32[ref * 2]!;
    const hasTtl = (word & HAS_TTL) !== 0;
    const kind = word & ((15 << TYPE_SHIFT) | (15 << ENCODING_SHIFT));
    const moved = this.#allocValue(key, room, kind, hasTtl);
    if (moved === 0) return 0;
    this.keepEpoch(moved, word);
    this.u32[moved * 2 + 1] = this.u32[ref * 2 + 1]!;
    if (hasTtl) this.storeExpire(moved, this.expireMs(ref));
    const from = this.valueOffset(ref);
    const kept = Math.min(this.valueLength(ref), length);
    this.u8.copyWithin(this.valueOffset(moved), from, from + kept);
    this.#dicts[db]!.replaceFound(moved);
    this.freeEntry(ref);
    return moved;
  }

  /**
   * Gives the entry that `find` just returned another time of expiry. Returns its ref from now on;
   * 0: arena full.
   */
  setExpire(db: number, key: Key, ref: Ref, expireMs: number): Ref {
    const at = ref * 2;
    if ((this.u32[at]! & HAS_TTL) !== 0) {
      this.#writeExpire(db, key.lo, ref, expireMs);
      this.touched(db, key);
      return ref;
    }
    const oldHeader = ((this.u32[at]! >>> 16) & 15) * 4;
    const keyLength = this.keyLength(ref);
    const isRemote = (this.u32[at]! & REMOTE) !== 0;
    const tail = this.tailBytes(ref, keyLength, isRemote);
    const header = oldHeader + entry.TTL_WORDS * 4;
    const fits = header + tail <= this.arena.usableBytes(ref);
    const moved = fits ? ref : this.arena.alloc(header + tail);
    if (moved === 0) return 0;
    this.u8.copyWithin(moved * 8 + header, ref * 8 + oldHeader, ref * 8 + oldHeader + tail);
    const to = moved * 2;
    const word = this.u32[at]!;
    this.u32[to] = ((word & ~(15 << 16)) | HAS_TTL | ((header / 4) << 16)) >>> 0;
    this.u32[to + 1] = this.u32[at + 1]!;
    this.u32[to + 2] = this.u32[at + 2]!;
    if (keyLength >= 0xffff) this.u32[to + header / 4 - 1] = keyLength;
    if (moved !== ref) {
      this.#dicts[db]!.replaceFound(moved);
      this.arena.free(ref);
    }
    this.addExpires(db, 1);
    this.#writeExpire(db, key.lo, moved, expireMs);
    this.touched(db, key);
    return moved;
  }

  /** Takes the TTL off the entry that `find` just returned. False when it has none. In place. */
  removeExpire(db: number, key: Key, ref: Ref): boolean {
    const at = ref * 2;
    const word = this.u32[at]!;
    if ((word & HAS_TTL) === 0) return false;
    const oldHeader = ((word >>> 16) & 15) * 4;
    const header = oldHeader - entry.TTL_WORDS * 4;
    const keyLength = this.keyLength(ref);
    const tail = this.tailBytes(ref, keyLength, (word & REMOTE) !== 0);
    this.u8.copyWithin(ref * 8 + header, ref * 8 + oldHeader, ref * 8 + oldHeader + tail);
    this.u32[at] = ((word & ~(HAS_TTL | (15 << 16))) | ((header / 4) << 16)) >>> 0;
    if (keyLength >= 0xffff) this.u32[at + header / 4 - 1] = keyLength;
    this.addExpires(db, -1);
    this.touched(db, key);
    return true;
  }

  #writeExpire(db: number, lo: number, ref: Ref, expireMs: number): void {
    this.storeExpire(ref, expireMs);
    this.#hints[db]!.note(lo, expireMs, this.#dicts[db]!.bucketCount);
  }

  /** Deletes a key. False when there was none (or it had expired). O(1) for strings. */
  delete(db: number, key: Key): boolean {
    const ref = this.find(db, key);
    if (ref === 0) return false;
    this.#removeFound(db, key, ref);
    return true;
  }

  /** Deletes a key whose structure another key has taken over. */
  deleteMoved(db: number, key: Key): void {
    const ref = this.find(db, key);
    if (ref === 0) return;
    this.#uncount(db, ref);
    this.u32[ref * 2] = (this.u32[ref * 2]! & ~(ROOTED | HAS_TTL | (15 << TYPE_SHIFT))) >>> 0;
    this.#removeFound(db, key, ref);
  }

  #removeFound(db: number, key: Key, ref: Ref): void {
    const dict = this.#dicts[db]!;
    dict.removeFound();
    this.#uncount(db, ref);
    if (dict.size === 0) this.#hints[db]!.clear();
    this.touched(db, key); // first: the key may lie in the block
    this.freeEntry(ref);
  }

  /**
   * Deletes an entry met while walking a table (active expire cycle), by its own key: one that has
   * expired counts as such. `key` is scratch.
   */
  deleteEntry(db: number, ref: Ref, key: Key): void {
    const at = this.keyOffset(ref);
    key.locate(this.hasher, this.u8, at, at + this.keyLength(ref), 1);
    const dict = this.#dicts[db]!;
    if (ref === this.emittedRef) return;
    if (dict.find(key.buf, key.start, key.end, key.lo, key.hi) !== ref) return;
    if (this.isExpired(ref)) this.#deleteExpired(db, key, ref);
    else this.#removeFound(db, key, ref);
  }

  /** True while freed values wait that the arena may soon need the memory of. O(1). */
  get isShortOfRoom(): boolean {
    const { arena, lazy } = this;
    return !lazy.isEmpty && arena.usedBytes() > arena.capacityBytes() * SHORT_SHARE;
  }

  /** Empties a database; the lazy-free list frees its blocks. O(1). Returns the keys removed. */
  flush(db: number): number {
    const removed = this.size(db);
    if (removed === 0) return 0;
    if (!this.watch.isEmpty) {
      this.watch.touchDatabase(db, (lo, hi) => entryOfHash(this, db, lo, hi) !== 0);
    }
    this.lazy.detach(this.#dicts[db]!);
    this.addExpires(db, -this.expires(db));
    this.addFieldExpires(db, -this.fieldExpires(db));
    this.forgetNewerStreams(db);
    this.#hints[db]!.clear();
    this.state.dirty += removed;
    if (this.waits.sizeForGone !== 0) noteAllWaiters(this, db);
    return removed;
  }

  /** Exchanges two databases. O(1), and O(watched keys). */
  swap(a: number, b: number): void {
    if (a !== b) swapDatabases(this, a, b, DATABASE_WORDS);
  }

  /** Throws when an invariant of any database of this shard does not hold. O(n). */
  checkInvariants(): void {
    checkShard(this);
  }
}
