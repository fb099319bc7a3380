import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { HalfSipHash } from '../../src/base/half-sip-hash.ts';
import { ActiveExpire } from '../../src/keyspace/active-expire.ts';
import { ENCODING_HASHTABLE, TYPE_HASH } from '../../src/keyspace/entry.ts';
import { shardHeaderBytes } from '../../src/keyspace/entry-blocks.ts';
import {
  FIELD_KEEP_TTL,
  FIELD_NO_TTL,
  HASH_ADDED,
  HASH_FULL,
  HASH_UPDATED,
} from '../../src/keyspace/hash-field.ts';
import { Key } from '../../src/keyspace/key.ts';
import { NO_TTL, Shard } from '../../src/keyspace/shard.ts';
import { ThreadState } from '../../src/keyspace/thread-state.ts';
import { Arena, type Ref } from '../../src/memory/arena.ts';

const MIB = 1 << 20;
const DB = 1;
const START_MS = 1_800_000_000_000;
const PACK_FIELDS = 12;

interface Field {
  value: string;
  expireMs: number;
}

/** Hashes of one shard beside Maps. */
class HashModel {
  readonly arena: Arena;
  readonly shard: Shard;
  readonly state = new ThreadState();
  readonly expire: ActiveExpire;
  /**
   * Expired fields stay until somebody frees them; a hash of such only does not exist for users.
   */
  readonly hashes = new Map<number, Map<string, Field>>();
  failures = 0;
  readonly #hasher = new HalfSipHash(0x01234567, 0x89abcdef);
  readonly #key = new Key();
  readonly #baseBytes: number;
  readonly #hogs: Ref[] = [];

  constructor(arenaBytes: number) {
    this.arena = Arena.create(arenaBytes, shardHeaderBytes(3));
    Shard.format(this.arena, 3);
    this.state.setTime(START_MS);
    this.state.limits.hashMaxListpackEntries = PACK_FIELDS;
    this.shard = new Shard(0, this.arena, this.#hasher, this.state);
    this.expire = new ActiveExpire(this.shard);
    this.#baseBytes = this.arena.usedBytes();
  }

  #locate(id: number): Key {
    const bytes = Buffer.from(`key:${id}`);
    this.#key.locate(this.#hasher, bytes, 0, bytes.length, 1);
    return this.#key;
  }

  #isLive(field: Field | undefined): field is Field {
    return field !== undefined && (field.expireMs === 0 || field.expireMs > this.state.nowMs);
  }

  set(id: number, name: string, value: string, ttlMs: number): void {
    const { shard } = this;
    const key = this.#locate(id);
    const ref = shard.find(DB, key);
    const [n, v] = [Buffer.from(name), Buffer.from(value)];
    const expireMs = ttlMs > 0 ? this.state.nowMs + ttlMs : ttlMs;
    const status = shard.hashes.set(DB, key, ref, n, 0, n.length, v, 0, v.length, expireMs);
    const fields = this.hashes.get(id) ?? new Map<string, Field>();
    const old = fields.get(name);
    if (status === HASH_FULL) {
      this.failures += 1;
      return;
    }
    expect(status).toBe(this.#isLive(old) ? HASH_UPDATED : HASH_ADDED);
    const kept = this.#isLive(old) ? old.expireMs : 0;
    fields.set(name, { value, expireMs: expireMs === FIELD_KEEP_TTL ? kept : expireMs });
    this.hashes.set(id, fields);
    expect(shard.find(DB, this.#locate(id))).toBe(shard.hashes.ref);
  }

  remove(id: number, name: string): void {
    const { shard } = this;
    const key = this.#locate(id);
    const ref = shard.find(DB, key);
    if (ref === 0) return;
    const n = Buffer.from(name);
    const fields = this.hashes.get(id)!;
    const isLive = this.#isLive(fields.get(name));
    expect(shard.hashes.remove(DB, key, ref, n, 0, n.length)).toBe(isLive);
    fields.delete(name);
    this.#forgetEmpty(id);
    expect(shard.hashes.ref).toBe(shard.find(DB, this.#locate(id)));
  }

  setExpiry(id: number, name: string, ttlMs: number): void {
    const { shard } = this;
    const key = this.#locate(id);
    const ref = shard.find(DB, key);
    const field = this.hashes.get(id)?.get(name);
    if (ref === 0 || !this.#isLive(field)) return;
    const n = Buffer.from(name);
    const expireMs = ttlMs > 0 ? this.state.nowMs + ttlMs : FIELD_NO_TTL;
    if (shard.hashes.setExpiry(DB, key, ref, n, 0, n.length, expireMs)) field.expireMs = expireMs;
    else this.failures += 1;
    expect(shard.hashes.ref).toBe(shard.find(DB, this.#locate(id)));
  }

  /** Copies a hash to a key that has none, as COPY does. */
  copy(from: number, to: number): void {
    const { shard } = this;
    const ref = shard.find(DB, this.#locate(from));
    if (ref === 0 || shard.find(DB, this.#locate(to)) !== 0) return;
    let copy = 0;
    if (shard.isRooted(ref)) {
      const root = shard.hashes.copyRoot(shard.rootOf(ref), shard);
      if (root !== 0) {
        copy = shard.createRooted(
          DB,
          this.#locate(to),
          TYPE_HASH,
          ENCODING_HASHTABLE,
          root,
          NO_TTL,
        );
        if (copy === 0) while (!shard.hashes.freeRootSlice(root, 100));
      }
    } else {
      const [at, length] = [shard.valueOffset(ref), shard.valueLength(ref)];
      const bytes = this.arena.u8.slice(at, at + length);
      const key = this.#locate(to);
      copy = shard.createValue(DB, key, TYPE_HASH, shard.encodingOf(ref), length, NO_TTL);
      if (copy !== 0) this.arena.u8.set(bytes, shard.valueOffset(copy));
    }
    if (copy === 0) {
      this.failures += 1;
      return;
    }
    shard.hashes.noteCopy(DB, this.#locate(to), copy);
    const fields = [...this.hashes.get(from)!].map(
      ([name, field]) => [name, { ...field }] as const,
    );
    this.hashes.set(to, new Map(fields));
  }

  delete(id: number): void {
    expect(this.shard.delete(DB, this.#locate(id))).toBe(this.hashes.delete(id));
  }

  #forgetEmpty(id: number): void {
    if (this.hashes.get(id)?.size === 0) this.hashes.delete(id);
  }

  /** Runs the expire cycle until nothing is due: then all that has expired is gone. */
  cycle(): void {
    for (let i = 0; i < 200; i++) this.expire.slice();
    while (!this.expire.slice());
    for (const [id, fields] of this.hashes) {
      for (const [name, field] of fields) if (!this.#isLive(field)) fields.delete(name);
      this.#forgetEmpty(id);
    }
    for (const id of this.hashes.keys()) {
      const ref = this.shard.find(DB, this.#locate(id));
      expect(this.shard.hashes.size(ref)).toBe(this.hashes.get(id)!.size);
    }
  }

  advance(ms: number): void {
    this.state.setTime(this.state.nowMs + ms);
  }

  hog(left: number): void {
    for (const bytes of [4096, 512, 64, 16]) {
      for (;;) {
        const ref = this.arena.alloc(bytes);
        if (ref === 0) break;
        this.#hogs.push(ref);
      }
    }
    for (let i = 0; i < left; i++) this.unhog();
  }

  unhog(): void {
    const ref = this.#hogs.pop();
    if (ref !== undefined) this.arena.free(ref);
  }

  check(): void {
    const { shard } = this;
    shard.checkInvariants();
    expect(shard.size(DB)).toBe(this.hashes.size);
    for (const [id, fields] of this.hashes) {
      const ref = shard.find(DB, this.#locate(id));
      expect(ref).not.toBe(0);
      const live = [...fields].filter(([, field]) => this.#isLive(field));
      expect(shard.hashes.liveSize(ref)).toBe(live.length);
      const seen = new Map<string, string>();
      shard.hashes.forEach(ref, (nameBuf, nameFrom, nameTo, buf, from, to) => {
        const name = Buffer.from(nameBuf.slice(nameFrom, nameTo)).toString();
        expect(seen.has(name)).toBe(false);
        seen.set(name, Buffer.from(buf.slice(from, to)).toString());
      });
      expect(seen).toEqual(new Map(live.map(([name, field]) => [name, field.value])));
      for (const [name, field] of fields) this.#checkField(ref, name, field);
      this.#checkRandom(ref, seen);
    }
  }

  #checkField(ref: Ref, name: string, field: Field): void {
    const { hashes } = this.shard;
    const n = Buffer.from(name);
    expect(hashes.find(ref, n, 0, n.length)).toBe(this.#isLive(field));
    if (!this.#isLive(field)) return;
    expect(hashes.found.expireMs).toBe(field.expireMs);
    const { buf, from, to } = hashes.found;
    expect(Buffer.from(buf.slice(from, to)).toString()).toBe(field.value);
  }

  #checkRandom(ref: Ref, seen: ReadonlyMap<string, string>): void {
    const below = (limit: number): number => Math.floor(Math.random() * limit);
    const isDrawn = this.shard.hashes.random(ref, below, (buf, from, to) => {
      expect(seen.has(Buffer.from(buf.slice(from, to)).toString())).toBe(true);
    });
    expect(isDrawn).toBe(seen.size > 0);
  }

  /** Deletes everything: the memory is what it was at the start. */
  drain(): void {
    while (this.#hogs.length > 0) this.unhog();
    for (const id of [...this.hashes.keys()]) this.delete(id);
    while (!this.shard.lazy.step(10));
    this.check();
    expect(this.shard.fieldExpires(DB)).toBe(0);
    expect(this.arena.usedBytes()).toBe(this.#baseBytes);
  }
}

const names = fc.oneof(
  fc.nat({ max: 25 }).map(String),
  fc.nat({ max: 15 }).map((n) => `field:${n}`),
  fc.constantFrom('', '-1', '9223372036854775807', 'y'.repeat(64), 'y'.repeat(65)),
);
const values = fc.oneof(
  { weight: 4, arbitrary: fc.integer().map(String) },
  { weight: 6, arbitrary: fc.nat({ max: 64 }).map((length) => 'v'.repeat(length)) },
  { weight: 1, arbitrary: fc.constantFrom(65, 254, 255, 256, 5000).map((n) => 'w'.repeat(n)) },
);
const ttls = fc.oneof(
  fc.constant(FIELD_NO_TTL),
  fc.constant(FIELD_KEEP_TTL),
  fc.integer({ min: 1, max: 3000 }),
);

type Step = readonly [name: string, id: number, field: string, value: string, ttl: number];

function steps(...extra: readonly string[]): fc.Arbitrary<Step[]> {
  const verbs = ['set', 'set', 'set', 'set', 'remove', 'expire', 'expire', 'advance', 'cycle'];
  const verb = fc.constantFrom(...verbs, 'copy', 'delete', ...extra);
  const id = fc.nat({ max: 4 });
  return fc.array(fc.tuple(verb, id, names, values, ttls), { minLength: 10, maxLength: 120 });
}

function play(model: HashModel, list: readonly Step[]): void {
  for (const [verb, id, field, value, ttl] of list) {
    if (verb === 'set') model.set(id, field, value, ttl);
    else if (verb === 'remove') model.remove(id, field);
    else if (verb === 'expire') model.setExpiry(id, field, Math.max(ttl, 0));
    else if (verb === 'advance') model.advance(Math.abs(ttl) + 1);
    else if (verb === 'cycle') model.cycle();
    else if (verb === 'copy') model.copy(id, (id + 1) % 5);
    else if (verb === 'delete' && value.length % 4 === 0) model.delete(id);
    else if (verb === 'hog') model.hog(field.length);
    else if (verb === 'unhog') model.unhog();
    model.check();
  }
  model.drain();
}

describe('hashes against Maps', () => {
  it('with enough memory', () => {
    fc.assert(
      fc.property(steps(), (list) => {
        const model = new HashModel(MIB);
        play(model, list);
        expect(model.failures).toBe(0);
      }),
      { numRuns: 150 },
    );
  });

  it('without', () => {
    let failures = 0;
    fc.assert(
      fc.property(steps('hog', 'hog', 'unhog'), (list) => {
        const model = new HashModel(128 * 1024);
        play(model, list);
        failures += model.failures;
      }),
      { numRuns: 150 },
    );
    expect(failures).toBeGreaterThan(20);
  });
});

describe('fields that expire', () => {
  it('leave their neighbours alone where a longer value takes the place of a TTL', () => {
    for (let length = 0; length < 32; length++) {
      for (let longer = 1; longer <= 7; longer++) {
        const model = new HashModel(MIB);
        for (let id = 0; id < 40; id++) model.set(id, 'f', 'v'.repeat(length), 1000);
        for (let id = 0; id < 40; id++)
          model.set(id, 'f', 'w'.repeat(length + longer), FIELD_NO_TTL);
        model.check();
        model.drain();
      }
    }
  });

  it('go by and by from a large hash, and the hash with the last one', () => {
    const model = new HashModel(16 * MIB);
    for (let i = 0; i < 20_000; i++) model.set(1, `field:${i}`, 'v', 1 + (i % 4000));
    model.set(2, 'stays', 'v', FIELD_NO_TTL);
    model.shard.checkInvariants();
    model.advance(2000);
    const most = Math.max(...Array.from({ length: 400 }, () => freedInSlice(model)));
    expect(most).toBeLessThan(6000);
    model.cycle();
    expect(model.hashes.get(1)!.size).toBe(10_000);
    model.shard.checkInvariants();
    model.advance(2000);
    for (let i = 0; i < 400; i++) model.expire.slice();
    model.cycle();
    expect([...model.hashes.keys()]).toEqual([2]);
    expect(model.expire.isDue(model.state.nowMs)).toBe(false);
    model.drain();
  });
});

/** Fields that one slice of the expire cycle frees of the hash of key 1. */
function freedInSlice(model: HashModel): number {
  const before = model.arena.usedBytes();
  model.expire.slice();
  return (before - model.arena.usedBytes()) / 24;
}
