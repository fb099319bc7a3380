/**
 * A shard beside Maps of the same keys, both changed by the same operations and compared in both
 * directions.
 */
import { expect } from 'vitest';
import { HalfSipHash } from '../../src/base/half-sip-hash.ts';
import { ActiveExpire } from '../../src/keyspace/active-expire.ts';
import { ENCODING_RAW } from '../../src/keyspace/entry.ts';
import { shardHeaderBytes } from '../../src/keyspace/entry-blocks.ts';
import { Key } from '../../src/keyspace/key.ts';
import { KEEP_TTL, NO_TTL, Shard } from '../../src/keyspace/shard.ts';
import { ThreadState } from '../../src/keyspace/thread-state.ts';
import { Arena, type Ref } from '../../src/memory/arena.ts';

export const START_MS = 1_800_000_000_000;
export const DATABASES = 3;

interface Item {
  value: Uint8Array;
  expireMs: number;
  encoding: number;
}

export class ShardModel {
  readonly arena: Arena;
  readonly shard: Shard;
  readonly state = new ThreadState();
  readonly expire: ActiveExpire;
  /** Per database, by key number; what has expired stays until it is looked at or freed. */
  databases: Map<number, Item>[] = Array.from({ length: DATABASES }, () => new Map());
  failures = 0;
  readonly #hasher = new HalfSipHash(0x01234567, 0x89abcdef);
  readonly #keys: readonly Uint8Array[];
  readonly #key = new Key();
  readonly #baseBytes: number;
  readonly #hogs: Ref[] = [];
  #fill = 0;

  constructor(keys: readonly Uint8Array[], arenaBytes: number) {
    this.#keys = keys;
    this.arena = Arena.create(arenaBytes, shardHeaderBytes(DATABASES));
    Shard.format(this.arena, DATABASES);
    this.state.setTime(START_MS);
    this.shard = new Shard(0, this.arena, this.#hasher, this.state);
    this.shard.lazy.keysAtOnce = 0;
    this.expire = new ActiveExpire(this.shard);
    this.#baseBytes = this.arena.usedBytes();
  }

  locate(id: number): Key {
    const bytes = this.#keys[id]!;
    this.#key.locate(this.#hasher, bytes, 0, bytes.length, 1);
    return this.#key;
  }

  isDead(item: Item): boolean {
    return item.expireMs !== NO_TTL && item.expireMs <= this.state.nowMs;
  }

  #live(db: number, id: number): Item | undefined {
    const item = this.databases[db]!.get(id);
    return item === undefined || this.isDead(item) ? undefined : item;
  }

  #write(ref: Ref, from: number, item: Item): void {
    const at = this.shard.valueOffset(ref);
    this.#fill += 1;
    item.value.fill(this.#fill & 0xff, from);
    this.shard.u8.fill(this.#fill & 0xff, at + from, at + item.value.length);
  }

  /** What the arena held before an operation that then found no room must be there after it. */
  #failed(db: number, id: number): void {
    this.failures += 1;
    this.#compare(db, id);
  }

  /** `ttlMs`: 0 = none, KEEP_TTL, else from now on. */
  create(db: number, id: number, length: number, ttlMs: number, encoding: number): void {
    const expireMs = ttlMs > 0 ? this.state.nowMs + ttlMs : ttlMs;
    const ref = this.shard.createString(db, this.locate(id), length, encoding, expireMs);
    if (ref === 0) {
      this.#failed(db, id);
      return;
    }
    const kept = this.#live(db, id)?.expireMs ?? NO_TTL;
    const item = {
      value: new Uint8Array(length),
      expireMs: ttlMs === KEEP_TTL ? kept : expireMs,
      encoding,
    };
    this.#write(ref, 0, item);
    this.databases[db]!.set(id, item);
  }

  /**
   * Finds what both say is there; drops from the model what the shard has just freed as expired.
   */
  #find(db: number, id: number): Ref {
    const item = this.#live(db, id);
    const ref = this.shard.find(db, this.locate(id));
    expect(ref !== 0).toBe(item !== undefined);
    if (item === undefined) this.databases[db]!.delete(id);
    return ref;
  }

  resize(db: number, id: number, length: number): void {
    const ref = this.#find(db, id);
    if (ref === 0) return;
    const item = this.databases[db]!.get(id)!;
    const moved = this.shard.resizeString(db, this.#key, ref, length);
    if (moved === 0) {
      this.#failed(db, id);
      return;
    }
    const value = new Uint8Array(length);
    const kept = Math.min(length, item.value.length);
    value.set(item.value.subarray(0, kept));
    item.value = value;
    item.encoding = ENCODING_RAW;
    this.#write(moved, kept, item);
  }

  setExpire(db: number, id: number, ttlMs: number): void {
    const ref = this.#find(db, id);
    if (ref === 0) return;
    const expireMs = this.state.nowMs + ttlMs;
    if (this.shard.setExpire(db, this.#key, ref, expireMs) === 0) {
      this.#failed(db, id);
      return;
    }
    this.databases[db]!.get(id)!.expireMs = expireMs;
  }

  removeExpire(db: number, id: number): void {
    const ref = this.#find(db, id);
    if (ref === 0) return;
    const item = this.databases[db]!.get(id)!;
    expect(this.shard.removeExpire(db, this.#key, ref)).toBe(item.expireMs !== NO_TTL);
    item.expireMs = NO_TTL;
  }

  delete(db: number, id: number): void {
    const wasLive = this.#live(db, id) !== undefined;
    expect(this.shard.delete(db, this.locate(id))).toBe(wasLive);
    this.databases[db]!.delete(id);
  }

  flush(db: number): void {
    expect(this.shard.flush(db)).toBe(this.databases[db]!.size);
    this.databases[db]!.clear();
  }

  swap(a: number, b: number): void {
    this.shard.swap(a, b);
    const databases = [...this.databases];
    databases[a] = this.databases[b]!;
    databases[b] = this.databases[a]!;
    this.databases = databases;
  }

  advance(ms: number): void {
    this.state.setTime(this.state.nowMs + ms);
  }

  /** Some slices of the active cycle: they free nothing but what has expired. */
  slice(count: number): void {
    for (let i = 0; i < count; i++) this.expire.slice();
    this.#forgetFreed();
  }

  /**
   * A complete pass: nothing that has expired is left. The first one ends a pass that began in the
   * past.
   */
  expireAll(): void {
    while (!this.expire.slice());
    while (!this.expire.slice());
    this.#forgetFreed();
    for (const items of this.databases) {
      for (const item of items.values()) expect(this.isDead(item)).toBe(false);
    }
  }

  /**
   * Takes expired keys out of the model that a cycle has freed, and expects all others to be there.
   */
  #forgetFreed(): void {
    for (const [db, items] of this.databases.entries()) {
      for (const [id, item] of items) {
        if (!this.isDead(item)) continue;
        const key = this.locate(id);
        const ref = this.shard.dict(db).find(key.buf, key.start, key.end, key.lo, key.hi);
        if (ref === 0) items.delete(id);
      }
    }
  }

  hog(left: number): void {
    for (const bytes of [4096, 512, 128, 16]) {
      for (let ref = this.arena.alloc(bytes); ref !== 0; ref = this.arena.alloc(bytes)) {
        this.#hogs.push(ref);
      }
    }
    for (let i = 0; i < left; i++) this.unhog();
  }

  unhog(): void {
    const ref = this.#hogs.pop();
    if (ref !== undefined) this.arena.free(ref);
  }

  /** Compares one key without changing anything, not even by expiry. */
  #compare(db: number, id: number): void {
    const item = this.databases[db]!.get(id);
    const key = this.locate(id);
    const { shard } = this;
    const ref = shard.dict(db).find(key.buf, key.start, key.end, key.lo, key.hi);
    if (item === undefined) {
      expect(ref).toBe(0);
      return;
    }
    expect(ref).not.toBe(0);
    const at = shard.valueOffset(ref);
    expect(shard.valueLength(ref)).toBe(item.value.length);
    expect(shard.expireMs(ref)).toBe(item.expireMs);
    expect(shard.encodingOf(ref)).toBe(item.encoding);
    expect(shard.isExpired(ref)).toBe(this.isDead(item));
    const value = shard.u8.subarray(at, at + item.value.length);
    expect(Buffer.compare(value, item.value)).toBe(0);
  }

  check(): void {
    this.shard.checkInvariants();
    for (const [db, items] of this.databases.entries()) {
      expect(this.shard.size(db)).toBe(items.size);
      const expires = [...items.values()].filter((item) => item.expireMs !== NO_TTL).length;
      expect(this.shard.expires(db)).toBe(expires);
      for (let id = 0; id < this.#keys.length; id++) this.#compare(db, id);
    }
  }

  /**
   * While a shard is only joined for reading, lookups change no byte of the arena, expired keys
   * included.
   */
  readOnlyLookups(): void {
    const before = Buffer.from(this.arena.u8);
    this.state.isReadOnly = true;
    for (let db = 0; db < DATABASES; db++) {
      for (let id = 0; id < this.#keys.length; id++) {
        const isLive = this.#live(db, id) !== undefined;
        expect(this.shard.findRead(db, this.locate(id)) !== 0).toBe(isLive);
        expect(this.shard.find(db, this.locate(id)) !== 0).toBe(isLive);
      }
    }
    this.state.isReadOnly = false;
    expect(before.compare(this.arena.u8)).toBe(0);
  }

  /** Deletes all keys one by one or by flushes: all memory is free then. */
  drain(byFlush: boolean): void {
    while (this.#hogs.length > 0) this.unhog();
    for (let db = 0; db < DATABASES; db++) {
      if (byFlush) this.flush(db);
      else for (let id = 0; id < this.#keys.length; id++) this.delete(db, id);
    }
    while (!this.shard.lazy.step(3));
    expect(this.shard.lazy.length).toBe(0);
    this.check();
    expect(this.arena.usedBytes()).toBe(this.#baseBytes);
  }
}
