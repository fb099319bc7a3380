/**
 * What one thread knows while it runs commands: the time, and its own counters. Nothing here is
 * about single keys. The clock is set once a batch by the thread's loop, and by hand in tests.
 */
import type { GrowthLimit } from '../structures/dict-tags.ts';
import {
  EVENT_EVICTED,
  EVENT_EXPIRED,
  EVENT_GENERIC,
  EVENT_HASH,
  EVENT_KEY_MISS,
  EVENT_NEW,
  EventFields,
  type EventSink,
  NAME_DEL,
  NAME_EVICTED,
  NAME_EXPIRED,
  NAME_FIELD_EXPIRED,
  NAME_KEY_MISS,
  NAME_NEW,
} from './events.ts';
import type { Key } from './key.ts';
import { ValueLimits } from './value-limits.ts';

export const TOUCH_NONE = 0;
export const TOUCH_LRU = 1;
export const TOUCH_LFU = 2;
/** Only changes of a key are written, into the same clock as TOUCH_LRU. */
export const TOUCH_LRM = 3;

/** The mode of a maxmemory-policy; LRU's where the policy does not need another. */
export function touchModeOf(policy: string): number {
  if (policy.endsWith('-lfu')) return TOUCH_LFU;
  return policy.endsWith('-lrm') ? TOUCH_LRM : TOUCH_LRU;
}

/** Told of what expires or is evicted, before it is freed, by whoever holds its shard. */
export interface ExpirySink {
  /** A key, whose name is buf[from, to). */
  keyExpired(db: number, buf: Uint8Array, from: number, to: number): void;
  /** A key that is not expired, but has to make room for others. */
  keyEvicted(db: number, buf: Uint8Array, from: number, to: number): void;
  /** The field buf[from, to) of the hash at the key keyBuf[keyFrom, keyTo). */
  fieldExpired(
    db: number,
    keyBuf: Uint8Array,
    keyFrom: number,
    keyTo: number,
    buf: Uint8Array,
    from: number,
    to: number,
  ): void;
}

/** Index in `trackingWords`: clients that track keys; 0 = nobody hears of changes. */
export const TRACKING_CLIENTS = 1;

/** Told of changes, for clients that have cached what was there. */
export interface ChangeSink {
  /**
   * A key has changed or is gone: by the command that runs, or where `state.isExpiring` or
   * `state.isEvicting` say so. Its shard is held exclusively; `key` has its bytes.
   */
  keyChanged(key: Key): void;
  /** A database was emptied. All shards are held. */
  flushed(): void;
}

/** The clock and the counters of one thread. */
export class ThreadState {
  /** The thread's copy of the limits that the configuration sets. */
  readonly limits = new ValueLimits();
  /** Wall clock in ms at the start of the batch: all commands of a batch see one time. */
  nowMs = 0;
  /** `nowMs` in seconds, modulo 2^24: what entries store as time of last access. */
  lruClock = 0;
  /**
   * What a lookup writes into the entry: TOUCH_LRU, TOUCH_LFU by maxmemory-policy, TOUCH_NONE for
   * CLIENT NO-TOUCH; nothing for TOUCH_LRM.
   */
  touchMode = TOUCH_LRU;
  /** The mode of the server; `touchMode` returns to it after a client with NO-TOUCH. */
  policyTouchMode = TOUCH_LRU;
  lfuLogFactor = 10;
  lfuDecayMinutes = 1;
  /** True while a shard is only joined for reading: lookups then change nothing at all. */
  isReadOnly = false;
  /** True for a command that only reads during CLIENT PAUSE: expired keys are absent, but stay. */
  keepsExpired = false;
  /** Where expired keys are recorded; null in tests and tools. */
  expirySink: ExpirySink | null = null;
  /** Shared words, see TRACKING_CLIENTS. */
  trackingWords: Int32Array = new Int32Array(TRACKING_CLIENTS + 1);
  /** Asked where clients track keys; null in tests and tools. */
  changeSink: ChangeSink | null = null;
  /** A key that has expired, or is evicted, is being removed. */
  isExpiring = false;
  isEvicting = false;
  keyspaceHits = 0;
  keyspaceMisses = 0;
  expiredKeys = 0;
  evictedKeys = 0;
  /**
   * What is left below maxmemory for a larger table of keys: as in Redis, a table that would have
   * keys evicted grows later.
   */
  readonly tableGrowth: GrowthLimit = { bytes: Number.POSITIVE_INFINITY };
  /** Keys changed since start, for INFO's rdb_changes_since_last_save. */
  dirty = 0;
  /** FLUSHALLs run. */
  flushes = 0;

  /** Classes of events that somebody has asked for, as EVENT_ bits; 0 = none, or not now. */
  eventMask = 0;
  /** Events of hashes are to come with the fields they are about: `eventFields` is to be filled. */
  wantsFields = false;
  /** The fields of the event that is told next. */
  readonly eventFields = new EventFields();
  #eventSink: EventSink | null = null;
  readonly #expiredFields = new EventFields();
  /** The hash of `#expiredFields`: a copy, because its block may move. */
  readonly #expiredHash = new EventFields();

  /** While the append-only file is replayed: nothing expires by itself, `nowMs` stays 0. */
  isClockStopped = false;

  /**
   * Keys that somebody waits for and that the command which runs has changed, four numbers each:
   * shard, database, lo, hi. In order of the changes; keys may stand there twice.
   */
  readonly ready: number[] = [];

  /** Notes such a key. */
  noteReady(shard: number, db: number, lo: number, hi: number): void {
    this.ready.push(shard, db, lo, hi);
  }

  setTime(nowMs: number): void {
    this.nowMs = this.isClockStopped ? 0 : nowMs;
    this.lruClock = Math.floor(nowMs / 1000) & 0xffffff;
  }

  /** Has the classes `mask` of events told to `sink`; with fields or without. */
  listen(mask: number, wantsFields: boolean, sink: EventSink): void {
    this.eventMask = mask;
    this.wantsFields = wantsFields && (mask & EVENT_HASH) !== 0;
    this.#eventSink = sink;
  }

  /**
   * Tells that something has happened to a key whose shard is held: right after the change, where
   * Redis tells it. `kind` is one of the EVENT_ bits.
   */
  event(kind: number, name: Uint8Array, db: number, key: Key): void {
    if ((this.eventMask & kind) !== 0) this.#tell(name, db, key.buf, key.start, key.end);
  }

  #tell(name: Uint8Array, db: number, buf: Uint8Array, from: number, to: number): void {
    this.#eventSink!.keyEvent(name, db, buf, from, to, this.eventFields);
    this.eventFields.clear();
  }

  /** Counts and tells that a command which reads has not found a key. */
  keyMissed(db: number, key: Key): void {
    this.keyspaceMisses += 1;
    this.event(EVENT_KEY_MISS, NAME_KEY_MISS, db, key);
  }

  /** Counts and records a key that has expired, before its entry is freed. */
  keyExpired(db: number, key: Key): void {
    this.expiredKeys += 1;
    if (this.expirySink !== null) this.expirySink.keyExpired(db, key.buf, key.start, key.end);
    this.event(EVENT_EXPIRED, NAME_EXPIRED, db, key);
  }

  /** The same for a key that was made anew in its place. */
  keyRevived(db: number, key: Key): void {
    this.keyExpired(db, key);
    this.keyMade(db, key);
  }

  /** Whether changes of keys have to be told to the change sink: what each write asks. */
  get isTracked(): boolean {
    return this.trackingWords[TRACKING_CLIENTS] !== 0;
  }

  /** Says that a database was emptied, by a command that holds all shards. */
  flushed(): void {
    if (this.isTracked) this.changeSink?.flushed();
  }

  /** Tells of a new key. */
  keyMade(db: number, key: Key): void {
    this.event(EVENT_NEW, NAME_NEW, db, key);
  }

  /** Counts and records a key that makes room for others, before its entry is freed. */
  keyEvicted(db: number, key: Key): void {
    this.evictedKeys += 1;
    if (this.expirySink !== null) this.expirySink.keyEvicted(db, key.buf, key.start, key.end);
    this.event(EVENT_EVICTED, NAME_EVICTED, db, key);
  }

  /**
   * Records that the field buf[from, to) of the hash at `key` has expired. When those of this hash
   * are done, `fieldsExpired` tells of all of them at once.
   */
  fieldExpired(db: number, key: Key, buf: Uint8Array, from: number, to: number): void {
    const { expirySink } = this;
    if (expirySink !== null) {
      expirySink.fieldExpired(db, key.buf, key.start, key.end, buf, from, to);
    }
    if ((this.eventMask & (EVENT_HASH | EVENT_GENERIC)) === 0) return;
    if (this.#expiredHash.count === 0) this.#expiredHash.add(key.buf, key.start, key.end);
    if (this.wantsFields) this.#expiredFields.add(buf, from, to);
  }

  /**
   * Tells of the fields since the last call that have expired, all of one hash, and that the hash
   * is gone with them (`isGone`). Nothing to tell: no event.
   */
  fieldsExpired(db: number, isGone: boolean): void {
    if (this.#expiredHash.count === 0) return;
    const { buf, ends } = this.#expiredHash;
    const fields = this.#expiredFields;
    if ((this.eventMask & EVENT_HASH) !== 0) {
      this.#eventSink!.keyEvent(NAME_FIELD_EXPIRED, db, buf, 0, ends[0]!, fields);
    }
    if (isGone && (this.eventMask & EVENT_GENERIC) !== 0)
      this.#tell(NAME_DEL, db, buf, 0, ends[0]!);
    fields.clear();
    this.#expiredHash.clear();
  }
}

const LRU_CLOCK_MASK = 0xffffff;
/**
 * Threads look at the clock at different times: a word that is ahead of this thread's clock by less
 * than this was written now.
 */
const CLOCK_SKEW_SECONDS = 3600;
const CLOCK_SKEW_MINUTES = 60;

/** Seconds since an LRU clock word was written, up to 194 days. */
export function idleSeconds(word: number, state: ThreadState): number {
  const idle = (state.lruClock - word) & LRU_CLOCK_MASK;
  return idle > LRU_CLOCK_MASK - CLOCK_SKEW_SECONDS ? 0 : idle;
}

/** LFU counter of a new key: young keys need a chance to collect hits. */
export const LFU_INIT = 5;

/**
 * The LFU word (minutes << 8 | counter) after one access; logarithmic counter after Redis's LFU
 * description.
 */
export function lfuTouched(word: number, state: ThreadState): number {
  const minutes = Math.floor(state.nowMs / 60000) & 0xffff;
  let counter = lfuDecayed(word, state);
  if (counter < 255) {
    const base = counter > LFU_INIT ? counter - LFU_INIT : 0;
    if (Math.random() < 1 / (base * state.lfuLogFactor + 1)) counter += 1;
  }
  return (minutes << 8) | counter;
}

/** The LFU counter of a word, decayed by the time since its last decrement. */
export function lfuDecayed(word: number, state: ThreadState): number {
  const counter = word & 0xff;
  if (state.lfuDecayMinutes === 0) return counter;
  const minutes = Math.floor(state.nowMs / 60000) & 0xffff;
  const elapsed = (minutes - ((word >>> 8) & 0xffff)) & 0xffff;
  if (elapsed > 0xffff - CLOCK_SKEW_MINUTES) return counter;
  return Math.max(0, counter - Math.floor(elapsed / state.lfuDecayMinutes));
}

/** The access word of a key made now. */
export function freshAccessWord(state: ThreadState): number {
  if (state.policyTouchMode !== TOUCH_LFU) return state.lruClock;
  return ((Math.floor(state.nowMs / 60000) & 0xffff) << 8) | LFU_INIT;
}
