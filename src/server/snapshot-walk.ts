/**
 * SnapshotWalk: a shard worker's part of snapshots. It flips the epoch when main asks for it, walks
 * the shards that it owns in short holds, and writes what is old into snapshot frames: small
 * entries in batches, large ones in slices, one at a time in the whole server.
 *
 * A walk goes on after a snapshot was cancelled, without writing: it must have seen every entry
 * before the epoch may flip again.
 */
import { SnapshotEmitter } from '../durability/snapshot-emitter.ts';
import {
  FRAME_DATA_MAX,
  FRAME_END,
  FRAME_ENTRIES,
  FRAME_FIRST,
  FRAME_LAST,
  FRAME_PART,
  FRAME_START,
  type SnapshotStart,
} from '../durability/snapshot-frames.ts';
import { versionFor } from '../durability/snapshot-write.ts';
import type { Shard } from '../keyspace/shard.ts';
import { entryOfHash } from '../keyspace/swap.ts';
import type { Ref } from '../memory/arena.ts';
import { DICT_MARK_WORD, type Dict } from '../structures/dict.ts';
import type { DoorbellRinger } from '../sync/doorbell.ts';
import { giveToken, tryTakeToken } from '../sync/pause.ts';
import { addShared, clearBits, readShared, setBits, writeShared } from '../sync/shared-bits.ts';
import type { ShardLocks } from './shard-locks.ts';
import { MODE_SNAPSHOT, type SharedLayout } from './shared-layout.ts';
import { STAT, type ThreadStats } from './thread-stats.ts';

/** One hold of a shard while nobody else works, and while others do. */
const HOLD_MS_IDLE = 0.4;
const HOLD_MS_LOADED = 0.15;
/** Rest after a hold while others work: the walk takes a third of its thread. */
const REST_MS_LOADED = 0.3;
/** Commands per ms from which on the server counts as at work. */
const LOADED_COMMANDS_PER_MS = 1;
const LOAD_SAMPLE_MS = 2;
/** Full frames, a shard or a token that others have: look again after this. */
const RETRY_MS = 0.3;
/** While a snapshot runs, frames may wait for it. */
const POLL_MS = 1;
/** Bytes of a batch that make a frame, and most that a batch may have. */
const BATCH_BYTES = 1 << 15;
const BATCH_BYTES_MAX = FRAME_DATA_MAX / 2;
const PART_BYTES = 1 << 16;

/** What main asks for. */
export interface FlipRequest {
  readonly style: number;
  /** Microseconds to wait for each key: `rdb-key-save-delay`. */
  readonly keyDelayMicros: number;
  /** Puts the mark between two incremental files into the journal. */
  readonly cutsJournal: boolean;
}

/** The walk of one shard. */
interface ShardWalk {
  readonly shard: Shard;
  /** Databases as they were numbered at the flip: the one that is walked, and how far. */
  database: number;
  cursor: number;
  isDone: boolean;
}

/** A large value that is being written. */
interface LargeEntry {
  readonly shard: Shard;
  readonly ref: Ref;
  readonly db: number;
  readonly slices: Generator<undefined, void>;
  isStarted: boolean;
  isAllWritten: boolean;
  /** Bytes of the sink that are in frames. */
  flushed: number;
}

/** What a walk needs of its thread. */
export interface WalkParts {
  readonly layout: SharedLayout;
  readonly shards: readonly Shard[];
  readonly owned: readonly Shard[];
  readonly locks: ShardLocks;
  readonly ring: SharedArrayBuffer;
  readonly allStats: readonly ThreadStats[];
  /** Rings the snapshot thread. */
  readonly snapshotRinger: DoorbellRinger;
  readonly appendCut: () => void;
  /** Tells main that the epoch has flipped. */
  readonly onFlipped: (start: SnapshotStart) => void;
}

export class SnapshotWalk {
  readonly #parts: WalkParts;
  readonly #words: Int32Array;
  readonly #emitter: SnapshotEmitter;
  readonly #walks: ShardWalk[];
  readonly #all: number[];
  #id = 0;
  #left = 0;
  /** Index of the walk that goes on. */
  #at = 0;
  #request: FlipRequest | null = null;
  /** Database and entries of the batch in the emitter's sink. */
  #batchDb = 0;
  #batchEntries = 0;
  #large: LargeEntry | null = null;
  /** Large entries that the walk has met. */
  #met: Ref = 0;
  /** Old entries were left behind: their unit is looked at again. */
  #isUnitLeft = false;
  #mustEnd = false;
  #notBeforeMs = 0;
  #sampledMs = 0;
  #sampledCommands = 0;
  #isLoaded = false;

  constructor(parts: WalkParts) {
    this.#parts = parts;
    this.#words = parts.layout.words;
    this.#emitter = new SnapshotEmitter(parts.ring);
    this.#walks = parts.owned.map((shard) => ({ shard, database: 0, cursor: 0, isDone: true }));
    this.#all = parts.shards.map((shard) => shard.index);
    this.#id = this.#words[parts.layout.snapshotIdWord]!;
    for (const shard of parts.owned) {
      shard.lazy.gate = (dict, unit) => this.#mayFree(shard, dict, unit);
    }
  }

  /** Has the epoch flip as soon as it can. */
  requestFlip(request: FlipRequest): void {
    this.#request = request;
  }

  get #isEmitting(): boolean {
    return (this.#words[this.#parts.layout.durabilityModeWord]! & MODE_SNAPSHOT) !== 0;
  }

  /**
   * Does one hold's worth of work, holding nothing before and after. Returns how many ms the thread
   * may park: 0 = there is more to do at once, Infinity = nothing to do.
   */
  turn(): number {
    if (this.#request !== null) return this.#flip(this.#request);
    this.#beginWhenNew();
    if (this.#mustEnd) this.#end();
    if (this.#left === 0) return this.#isEmitting ? POLL_MS : Number.POSITIVE_INFINITY;
    const nowMs = performance.now();
    if (nowMs < this.#notBeforeMs && this.#isEmitting) {
      return Math.min(this.#notBeforeMs - nowMs, POLL_MS);
    }
    this.#sampleLoad(nowMs);
    const endMs = nowMs + (this.#isLoaded ? HOLD_MS_LOADED : HOLD_MS_IDLE);
    const isMoving = this.#large === null ? this.#turnWalk(endMs) : this.#turnLarge(endMs);
    if (!isMoving) return RETRY_MS;
    return this.#isLoaded ? REST_MS_LOADED : 0;
  }

  /** Begins anew where the epoch has flipped since the last look. */
  #beginWhenNew(): void {
    const id = this.#words[this.#parts.layout.snapshotIdWord]!;
    if (id === this.#id) return;
    this.#id = id;
    this.#left = this.#walks.length;
    this.#at = 0;
    this.#batchEntries = 0;
    this.#notBeforeMs = 0;
    this.#emitter.sink.clear();
    this.#emitter.setStyle(this.#words[this.#parts.layout.snapshotStyleWord]!);
    for (const walk of this.#walks) {
      walk.database = 0;
      walk.cursor = 0;
      walk.isDone = false;
    }
  }

  /** Whether clients keep the server busy. */
  #sampleLoad(nowMs: number): void {
    const elapsedMs = nowMs - this.#sampledMs;
    if (elapsedMs < LOAD_SAMPLE_MS) return;
    let commands = 0;
    for (const stats of this.#parts.allStats) commands += stats.counters[STAT.commands]!;
    this.#isLoaded = commands - this.#sampledCommands > elapsedMs * LOADED_COMMANDS_PER_MS;
    this.#sampledMs = nowMs;
    this.#sampledCommands = commands;
  }

  // ---- the flip

  #flip(request: FlipRequest): number {
    const { layout, locks, shards } = this.#parts;
    const words = this.#words;
    // Entries that the walk before has not seen would count as new ones.
    if (readShared(words, layout.snapshotLeftWord) !== 0) {
      this.#request = null;
      const waitMs = this.turn();
      this.#request = request;
      return Math.min(waitMs, RETRY_MS);
    }
    if (!locks.acquire(this.#all, this.#all.length, false)) return RETRY_MS;
    const start = this.#startFacts();
    const { sink, frames } = this.#emitter;
    const text = Buffer.from(JSON.stringify(start), 'latin1');
    sink.clear();
    sink.rawRange(text, 0, text.length);
    if (!frames.hasRoom(text.length) || !frames.append(FRAME_START, 0, 0, sink)) {
      locks.releaseAll();
      return RETRY_MS;
    }
    for (const shard of shards) {
      shard.flipEpoch(shard.databases);
      // What was flushed before is not part of the snapshot.
      shard.lazy.forTables((dict) => setMark(shard, dict, 0));
    }
    if (request.cutsJournal) this.#parts.appendCut();
    words[layout.snapshotStyleWord] = request.style;
    words[layout.snapshotDelayWord] = request.keyDelayMicros;
    writeShared(words, layout.snapshotLeftWord, shards.length);
    addShared(words, layout.snapshotIdWord, 1);
    setBits(words, layout.durabilityModeWord, MODE_SNAPSHOT);
    locks.releaseAll();
    locks.ringWorkers();
    this.#request = null;
    this.#parts.snapshotRinger.ring();
    this.#parts.onFlipped(start);
    return 0;
  }

  #startFacts(): SnapshotStart {
    const { shards } = this.#parts;
    const keys: number[] = [];
    const expires: number[] = [];
    let usedMemory = 0;
    for (const shard of shards) {
      usedMemory += shard.arena.usedBytes();
      for (let db = 0; db < shard.databases; db++) {
        keys[db] = (keys[db] ?? 0) + shard.size(db);
        expires[db] = (expires[db] ?? 0) + shard.expires(db);
      }
    }
    return {
      version: versionFor(shards),
      unixSeconds: Math.floor(Date.now() / 1000),
      usedMemory,
      keys,
      expires,
    };
  }

  // ---- the walk

  /** Goes on with one shard. False when nothing could be done now. */
  #turnWalk(endMs: number): boolean {
    const { locks } = this.#parts;
    for (let tries = this.#walks.length; tries > 0; tries--) {
      const walk = this.#walks[this.#at]!;
      const { index } = walk.shard;
      const mayHold = !walk.isDone && !locks.mustYield(index);
      const isHeld = mayHold && locks.acquire([index], 1, false);
      let isMoving = false;
      if (isHeld) {
        isMoving = this.#isEmitting ? this.#emitSome(walk, endMs) : this.#passQuietly(walk, endMs);
        locks.releaseAll();
        this.#parts.snapshotRinger.ring();
      }
      if (walk.isDone || !isMoving) this.#at = (this.#at + 1) % this.#walks.length;
      if (isMoving) return true;
    }
    return false;
  }

  /** Whether the shard is to be left to others now. */
  #isTime(shard: Shard, endMs: number): boolean {
    return performance.now() >= endMs || this.#parts.locks.mustYield(shard.index);
  }

  /** Marks entries as new without writing them. */
  #passQuietly(walk: ShardWalk, endMs: number): boolean {
    const { shard } = walk;
    this.#emitter.sink.clear();
    this.#batchEntries = 0;
    shard.emittedRef = 0;
    while (this.#nextUnit(walk, (ref) => shard.markNew(ref))) {
      if (performance.now() >= endMs) return true;
    }
    this.#shardDone(walk);
    return true;
  }

  /** Visits the old entries of the next unit. False when the shard has been walked. */
  #nextUnit(walk: ShardWalk, visit: (ref: Ref) => void): boolean {
    const { shard } = walk;
    for (; walk.database < shard.databases; walk.database++) {
      const db = databaseNow(shard, walk.database);
      if (db < 0) {
        // It was flushed, perhaps in the middle of the walk.
        walk.cursor = 0;
        continue;
      }
      const next = shard.dict(db).scan(walk.cursor, (ref) => {
        if (shard.isOld(ref)) visit(ref);
      });
      if (this.#isUnitLeft) return true;
      walk.cursor = next;
      if (next === 0) walk.database += 1;
      return true;
    }
    return false;
  }

  #emitSome(walk: ShardWalk, endMs: number): boolean {
    const { shard } = walk;
    const { frames } = this.#emitter;
    const delayMicros = this.#words[this.#parts.layout.snapshotDelayWord]!;
    const wanted = shard.takeWanted((db, lo, hi) => entryOfHash(shard, db, lo, hi));
    if (wanted !== 0 && shard.isOld(wanted)) {
      const db = this.#databaseOf(walk, wanted);
      if (db >= 0 && this.#beginLarge(shard, db, wanted)) return true;
    }
    let entries = this.#batchEntries;
    for (let isMoving = false; ; isMoving = true) {
      if (this.#batchEntries !== entries && delayMicros !== 0) {
        return this.#delay(delayMicros, this.#batchEntries - entries);
      }
      if (!frames.hasRoom(BATCH_BYTES_MAX) || !this.#flushWhen(BATCH_BYTES)) return isMoving;
      if (isMoving && this.#isTime(shard, endMs)) return true;
      entries = this.#batchEntries;
      this.#isUnitLeft = false;
      this.#met = 0;
      const isUnit = this.#nextUnit(walk, (ref) => this.#emit(shard, walk.database, ref));
      this.#isUnitLeft = false;
      if (!isUnit) return this.#finishShard(walk) || isMoving;
      if (this.#met !== 0 && this.#flushWhen(1)) {
        return this.#beginLarge(shard, walk.database, this.#met) || isMoving;
      }
    }
  }

  /** Database at the flip of an entry that its shard's tables have now; -1 = none has it. */
  #databaseOf(walk: ShardWalk, ref: Ref): number {
    const { shard } = walk;
    const at = shard.keyOffset(ref);
    const end = at + shard.keyLength(ref);
    shard.hasher.hash(shard.u8, at, end);
    const { lo, hi } = shard.hasher;
    for (let db = 0; db < shard.databases; db++) {
      if (shard.dict(db).find(shard.u8, at, end, lo, hi) === ref) return shard.databaseAtFlip(db);
    }
    return -1;
  }

  /** Puts an entry into the batch; leaves it where that cannot be. */
  #emit(shard: Shard, db: number, ref: Ref): void {
    const { sink } = this.#emitter;
    if (sink.length >= BATCH_BYTES_MAX || (db !== this.#batchDb && !this.#flushWhen(1))) {
      this.#isUnitLeft = true;
      return;
    }
    this.#batchDb = db;
    if (!this.#emitter.append(shard, ref)) {
      this.#met = ref;
      this.#isUnitLeft = true;
      return;
    }
    shard.markNew(ref);
    this.#batchEntries += 1;
  }

  /** Hands the batch on when it has `bytes`. False when the ring is too full. */
  #flushWhen(bytes: number): boolean {
    const { sink, frames } = this.#emitter;
    if (sink.length < bytes) return true;
    if (!frames.append(FRAME_ENTRIES, this.#batchDb, this.#batchEntries, sink)) return false;
    sink.clear();
    this.#batchEntries = 0;
    return true;
  }

  #delay(micros: number, entries: number): boolean {
    this.#flushWhen(1);
    const perEntry = micros > 0 ? micros : -1 / micros;
    this.#notBeforeMs = performance.now() + (perEntry * entries) / 1000;
    return true;
  }

  /** The tables have been walked: the shard is done when what was flushed has gone, too. */
  #finishShard(walk: ShardWalk): boolean {
    const { shard } = walk;
    let isLeft = false;
    shard.lazy.forTables((dict) => {
      if (markOf(shard, dict) !== 0) isLeft = true;
    });
    if (isLeft || !this.#flushWhen(1)) return false;
    this.#shardDone(walk);
    return true;
  }

  #shardDone(walk: ShardWalk): void {
    const { layout } = this.#parts;
    walk.isDone = true;
    this.#left -= 1;
    if (addShared(this.#words, layout.snapshotLeftWord, -1) !== 0) return;
    this.#mustEnd = true;
    this.#end();
  }

  /** Says that nothing follows. */
  #end(): void {
    const { layout, locks, snapshotRinger } = this.#parts;
    const { sink, frames } = this.#emitter;
    if (this.#isEmitting) {
      sink.clear();
      if (!frames.append(FRAME_END, 0, 0, sink)) return;
      clearBits(this.#words, layout.durabilityModeWord, MODE_SNAPSHOT);
    }
    this.#mustEnd = false;
    snapshotRinger.ring();
    locks.ringWorkers();
  }

  /** The gate of lazy freeing: old entries of a flushed table are written before they go. */
  #mayFree(shard: Shard, dict: Dict, unit: number): boolean {
    const db = markOf(shard, dict) - 1;
    if (db < 0 || !this.#isEmitting) return true;
    this.#beginWhenNew();
    if (this.#large !== null || !this.#emitter.frames.hasRoom(BATCH_BYTES_MAX)) return false;
    if (!this.#flushWhen(BATCH_BYTES)) return false;
    this.#isUnitLeft = false;
    this.#met = 0;
    dict.visitUnit(unit, (ref) => {
      if (shard.isOld(ref)) this.#emit(shard, db, ref);
    });
    const isFree = !this.#isUnitLeft;
    this.#isUnitLeft = false;
    if (this.#met !== 0 && this.#flushWhen(1)) this.#beginLarge(shard, db, this.#met);
    return isFree;
  }

  // ---- large values

  /** Takes the token of large values. False when it is elsewhere, or the batch cannot go now. */
  #beginLarge(shard: Shard, db: number, ref: Ref): boolean {
    const { layout } = this.#parts;
    if (this.#large !== null || !this.#flushWhen(1)) return false;
    if (!tryTakeToken(this.#words, layout.snapshotLargeWord)) return false;
    shard.emittedRef = ref;
    this.#emitter.sink.clear();
    this.#large = {
      shard,
      ref,
      db,
      slices: this.#emitter.slices(shard, ref),
      isStarted: false,
      isAllWritten: false,
      flushed: 0,
    };
    return true;
  }

  #turnLarge(endMs: number): boolean {
    const large = this.#large!;
    const { locks } = this.#parts;
    const { index } = large.shard;
    if (locks.mustYield(index) || !locks.acquire([index], 1, false)) return false;
    // Looked at under the lock: whoever changes the value has seen the end of the snapshot before.
    const isMoving = this.#isEmitting ? this.#emitSlices(large, endMs) : this.#dropLarge(large);
    locks.releaseAll();
    this.#parts.snapshotRinger.ring();
    return isMoving;
  }

  #dropLarge({ shard }: LargeEntry): boolean {
    shard.emittedRef = 0;
    this.#emitter.sink.clear();
    this.#large = null;
    giveToken(this.#words, this.#parts.layout.snapshotLargeWord);
    return true;
  }

  #emitSlices(large: LargeEntry, endMs: number): boolean {
    const { sink } = this.#emitter;
    for (let isMoving = false; ; isMoving = true) {
      const isFull = sink.length >= PART_BYTES || large.isAllWritten;
      if (isFull && !this.#flushLarge(large)) return isMoving;
      if (large.isAllWritten) return this.#largeDone(large);
      if (isMoving && this.#isTime(large.shard, endMs)) return true;
      large.isAllWritten = large.slices.next().done === true;
    }
  }

  /** Hands on what is in the sink. False when the ring is too full for all of it. */
  #flushLarge(large: LargeEntry): boolean {
    const { sink, frames } = this.#emitter;
    for (;;) {
      const to = Math.min(sink.length, large.flushed + FRAME_DATA_MAX);
      const isLast = large.isStarted && large.isAllWritten && to === sink.length;
      const kind = isLast ? FRAME_LAST : large.isStarted ? FRAME_PART : FRAME_FIRST;
      if (!frames.appendRange(kind, large.db, isLast ? 1 : 0, sink, large.flushed, to)) {
        return false;
      }
      large.isStarted = true;
      large.flushed = to;
      if (to === sink.length && (isLast || !large.isAllWritten)) break;
    }
    sink.clear();
    large.flushed = 0;
    return true;
  }

  #largeDone(large: LargeEntry): boolean {
    large.shard.markNew(large.ref);
    const delayMicros = this.#words[this.#parts.layout.snapshotDelayWord]!;
    if (delayMicros !== 0) this.#delay(delayMicros, 1);
    this.#dropLarge(large);
    // Writers of this key wait on any worker.
    this.#parts.locks.ringWorkers();
    return true;
  }
}

function markOf(shard: Shard, dict: Dict): number {
  return shard.u32[dict.base + DICT_MARK_WORD]!;
}

function setMark(shard: Shard, dict: Dict, mark: number): void {
  shard.u32[dict.base + DICT_MARK_WORD] = mark;
}

/** The database that was `database` when the epoch flipped; -1 = it was flushed. */
function databaseNow(shard: Shard, database: number): number {
  for (let db = 0; db < shard.databases; db++) {
    if (shard.databaseAtFlip(db) === database) return db;
  }
  return -1;
}
