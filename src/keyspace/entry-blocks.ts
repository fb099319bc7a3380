/**
 * EntryBlocks: what stands in an entry block (layout in entry.ts), read and set by its ref, and the
 * counts in the database structs. The part of a shard that knows nothing of tables.
 */
import type { Arena, Ref } from '../memory/arena.ts';
import { DICT_MARK_WORD } from '../structures/dict.ts';
import * as entry from './entry.ts';
import { FILTER_BYTES } from './interest-filter.ts';
import type { ThreadState } from './thread-state.ts';
import { ROOT_FIELD_EXPIRES } from './value-root.ts';

const SKIPS_CHECKSUM = 10;
const EPOCH_BIT = 11;
const EMITTED = 12;
const WANTED_DB = 13;
const WANTED_LO = 14;
const WANTED_HI = 15;
export const WAITS = 16 + FILTER_BYTES / 4;
const DATABASE_0 = WAITS + 16;
const EXPIRES = 16;
const FIELD_EXPIRES = 22;
const NEWER_STREAMS = 23;

export const DATABASE_WORDS = 64;

/** What a database may have that Redis 7.0 does not know; bits of `newerStreams`. */
export const STREAMS_WITH_PRODUCERS = 1;
export const STREAMS_WITH_RELEASED = 2;

/** Room in the arena's user header for `databases` databases. */
export function shardHeaderBytes(databases: number): number {
  return (DATABASE_0 + databases * DATABASE_WORDS) * 4;
}

const HAS_TTL = entry.HAS_TTL;
const REMOTE = entry.REMOTE;
const ROOTED = entry.ROOTED;
const EPOCH = entry.EPOCH;
const TYPE_SHIFT = entry.TYPE_SHIFT;
const ENCODING_SHIFT = entry.ENCODING_SHIFT;
const ENCODING_HASHTABLE = entry.ENCODING_HASHTABLE;
const ENCODING_LISTPACK_EX = entry.ENCODING_LISTPACK_EX;
const TYPE_HASH = entry.TYPE_HASH;

/** Growth of a string beyond its need, as Redis's sds does it: double, but at most 1 MiB more. */
const GROWTH_BYTES_MAX = 1024 * 1024;

/** Bytes to take for a string that has grown to `length`. */
export function withSpare(length: number): number {
  return length < GROWTH_BYTES_MAX ? length * 2 : length + GROWTH_BYTES_MAX;
}

export class EntryBlocks {
  readonly arena: Arena;
  readonly u8: Uint8Array;
  readonly u32: Uint32Array;
  readonly state: ThreadState;
  /** u32 index of the header word with the epoch bit of new entries. */
  protected readonly epochWord: number;

  constructor(arena: Arena, state: ThreadState) {
    this.epochWord = arena.userOffset / 4 + EPOCH_BIT;
    this.arena = arena;
    this.u8 = arena.u8;
    this.u32 = arena.u32;
    this.state = state;
  }

  typeOf(ref: Ref): number {
    return (this.u32[ref * 2]! >>> TYPE_SHIFT) & 15;
  }

  encodingOf(ref: Ref): number {
    return (this.u32[ref * 2]! >>> ENCODING_SHIFT) & 15;
  }

  setEncoding(ref: Ref, encoding: number): void {
    const at = ref * 2;
    this.u32[at] = (this.u32[at]! & ~(15 << ENCODING_SHIFT)) | (encoding << ENCODING_SHIFT);
  }

  keyLength(ref: Ref): number {
    const word = this.u32[ref * 2]!;
    const short = word & 0xffff;
    return short !== 0xffff ? short : this.u32[ref * 2 + ((word >>> 16) & 15) - 1]!;
  }

  keyOffset(ref: Ref): number {
    return ref * 8 + ((this.u32[ref * 2]! >>> 16) & 15) * 4;
  }

  /** Unix time in ms at which the entry expires; 0 = never. */
  expireMs(ref: Ref): number {
    const at = ref * 2;
    if ((this.u32[at]! & HAS_TTL) === 0) return 0;
    return this.u32[at + 3]! + this.u32[at + 4]! * 4294967296;
  }

  isExpired(ref: Ref): boolean {
    if ((this.u32[ref * 2]! & HAS_TTL) === 0) return false;
    return this.expireMs(ref) <= this.state.nowMs;
  }

  /** Writes the time of expiry of an entry that has the words for it. */
  storeExpire(ref: Ref, expireMs: number): void {
    const high = Math.floor(expireMs / 4294967296);
    this.u32[ref * 2 + 3] = expireMs - high * 4294967296;
    this.u32[ref * 2 + 4] = high;
  }

  /**
   * An inline string entry may be overwritten where the new one fits its block without wasting half
   * of it and the header keeps its shape: a SET over a value of about the same size allocates
   * nothing.
   */
  canReuse(old: Ref, bytes: number, hasTtl: boolean): boolean {
    const word = this.u32[old * 2]!;
    if ((word & (REMOTE | ROOTED)) !== 0) return false;
    if (((word & HAS_TTL) !== 0) !== hasTtl) return false;
    if ((word & (15 << TYPE_SHIFT)) !== 0 && this.hasFieldExpires(old)) return false;
    const usable = this.arena.usableBytes(old);
    return bytes <= usable && bytes * 2 > usable;
  }

  /** LRU clock or LFU word of an entry. */
  accessWord(ref: Ref): number {
    return this.u32[ref * 2 + 1]! & 0xffffff;
  }

  setAccessWord(ref: Ref, word: number): void {
    this.u32[ref * 2 + 1] = (this.u32[ref * 2 + 1]! & 0xff000000) | (word & 0xffffff);
  }

  /** True when the value is a structure of many blocks: `rootOf` then, not `valueOffset`. */
  isRooted(ref: Ref): boolean {
    return (this.u32[ref * 2]! & ROOTED) !== 0;
  }

  /** Root block of a rooted value. */
  rootOf(ref: Ref): Ref {
    return this.u32[ref * 2 + 2]!;
  }

  setRoot(ref: Ref, root: Ref): void {
    this.u32[ref * 2 + 2] = root;
  }

  /** Length in bytes of a value that is not rooted. */
  valueLength(ref: Ref): number {
    return this.u32[ref * 2 + 2]!;
  }

  /** Byte offset in the arena of a value that is not rooted. */
  valueOffset(ref: Ref): number {
    const word = this.u32[ref * 2]!;
    let keyLength = word & 0xffff;
    if (keyLength === 0xffff) keyLength = this.keyLength(ref);
    const end = ref * 8 + ((word >>> 16) & 15) * 4 + keyLength;
    if ((word & REMOTE) === 0) return end;
    return this.remoteRef(end) * 8;
  }

  protected remoteRef(keyEnd: number): Ref {
    return this.u32[Math.ceil(keyEnd / 4)]!;
  }

  /**
   * Bytes of the arena that an entry occupies, with its value unless that is rooted: MEMORY USAGE
   * without the index slot.
   */
  entryBytes(ref: Ref): number {
    let bytes = this.arena.usableBytes(ref);
    if ((this.u32[ref * 2]! & REMOTE) !== 0) {
      bytes += this.arena.usableBytes(this.remoteRef(this.keyOffset(ref) + this.keyLength(ref)));
    }
    return bytes;
  }

  /** Byte offset behind an entry's key. */
  protected keyEnd(ref: Ref): number {
    return this.keyOffset(ref) + this.keyLength(ref);
  }

  /**
   * Bytes of an entry behind its header: the key, and the value or (at the next multiple of 4) its
   * ref.
   */
  protected tailBytes(ref: Ref, keyLength: number, isRemote: boolean): number {
    if (isRemote) return ((keyLength + 3) & ~3) + 4;
    return keyLength + (this.isRooted(ref) ? 0 : this.valueLength(ref));
  }

  /** True for a hash that counts in `fieldExpires`. */
  hasFieldExpires(ref: Ref): boolean {
    if (this.typeOf(ref) !== TYPE_HASH) return false;
    const encoding = this.encodingOf(ref);
    if (encoding === ENCODING_LISTPACK_EX) return true;
    if (encoding !== ENCODING_HASHTABLE) return false;
    return this.u32[this.rootOf(ref) * 2 + ROOT_FIELD_EXPIRES] !== 0;
  }

  /** u32 index of a database's struct. */
  databaseWord(db: number): number {
    return this.arena.userOffset / 4 + DATABASE_0 + db * DATABASE_WORDS;
  }

  /** Whether RESTORE takes payloads whatever their checksum is: a switch of DEBUG. */
  get skipsChecksum(): boolean {
    return this.u32[this.arena.userOffset / 4 + SKIPS_CHECKSUM] !== 0;
  }

  set skipsChecksum(skips: boolean) {
    this.u32[this.arena.userOffset / 4 + SKIPS_CHECKSUM] = skips ? 1 : 0;
  }

  // ---- the epoch of snapshots

  /** From now on, what is there counts as old, and what is made as new. O(databases). */
  flipEpoch(databases: number): void {
    const { u32, epochWord } = this;
    u32[epochWord] = (u32[epochWord]! ^ EPOCH) >>> 0;
    u32[epochWord - EPOCH_BIT + WANTED_DB] = 0;
    this.emittedRef = 0;
    for (let db = 0; db < databases; db++) u32[this.databaseWord(db) + DICT_MARK_WORD] = db + 1;
  }

  /** True for an entry that was there when the epoch flipped, and is not marked since. */
  isOld(ref: Ref): boolean {
    return ((this.u32[ref * 2]! ^ this.u32[this.epochWord]!) & EPOCH) !== 0;
  }

  /** Makes an old entry count as a new one. */
  markNew(ref: Ref): void {
    const { u32 } = this;
    u32[ref * 2] = ((u32[ref * 2]! & ~EPOCH) | u32[this.epochWord]!) >>> 0;
  }

  /** Makes `ref` as old as an entry with word 0 `word` is: its value has only moved. */
  protected keepEpoch(ref: Ref, word: number): void {
    const { u32 } = this;
    u32[ref * 2] = ((u32[ref * 2]! & ~EPOCH) | (word & EPOCH)) >>> 0;
  }

  /**
   * The entry whose value its owner writes into a snapshot in slices, 0 = none: nobody changes,
   * moves or frees it or its value meanwhile.
   */
  get emittedRef(): Ref {
    return this.u32[this.epochWord - EPOCH_BIT + EMITTED]!;
  }

  set emittedRef(ref: Ref) {
    this.u32[this.epochWord - EPOCH_BIT + EMITTED] = ref;
  }

  /** Asks the owner to write the key of this hash in database `db` next. */
  wantEmitted(db: number, lo: number, hi: number): void {
    const at = this.epochWord - EPOCH_BIT;
    this.u32[at + WANTED_LO] = lo;
    this.u32[at + WANTED_HI] = hi;
    this.u32[at + WANTED_DB] = db + 1;
  }

  /** The entry that somebody waits for, 0 = none. Forgets it. */
  takeWanted(find: (db: number, lo: number, hi: number) => Ref): Ref {
    const at = this.epochWord - EPOCH_BIT;
    const db = this.u32[at + WANTED_DB]! - 1;
    if (db < 0) return 0;
    this.u32[at + WANTED_DB] = 0;
    return find(db, this.u32[at + WANTED_LO]!, this.u32[at + WANTED_HI]!);
  }

  /** Database that a database was when the epoch flipped; -1 = it was emptied since. */
  databaseAtFlip(db: number): number {
    return this.u32[this.databaseWord(db) + DICT_MARK_WORD]! - 1;
  }

  /** Keys with a TTL. */
  expires(db: number): number {
    return this.u32[this.databaseWord(db) + EXPIRES]!;
  }

  addExpires(db: number, delta: number): void {
    const at = this.databaseWord(db) + EXPIRES;
    this.u32[at] = this.u32[at]! + delta;
  }

  /** Hashes of a database that have fields with a time of expiry. */
  fieldExpires(db: number): number {
    return this.u32[this.databaseWord(db) + FIELD_EXPIRES]!;
  }

  addFieldExpires(db: number, delta: number): void {
    const at = this.databaseWord(db) + FIELD_EXPIRES;
    this.u32[at] = this.u32[at]! + delta;
  }

  /** STREAMS_ bits of what streams of a database have, or have had since it was flushed. */
  newerStreams(db: number): number {
    return this.u32[this.databaseWord(db) + NEWER_STREAMS]!;
  }

  /** Says that there may be such streams: to be called before there are. */
  noteNewerStreams(db: number, bits: number): void {
    const at = this.databaseWord(db) + NEWER_STREAMS;
    this.u32[at] = (this.u32[at]! | bits) >>> 0;
  }

  protected forgetNewerStreams(db: number): void {
    this.u32[this.databaseWord(db) + NEWER_STREAMS] = 0;
  }
}
