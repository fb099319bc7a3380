/**
 * A dict beside a Map of the same keys, both changed by the same operations and compared in both
 * directions.
 */
import { expect } from 'vitest';
import { HalfSipHash } from '../../src/base/half-sip-hash.ts';
import { Arena, type Ref } from '../../src/memory/arena.ts';
import { createItem, ITEM_FLAG } from '../../src/structures/compact-item.ts';
import {
  DICT_STRUCT_WORDS,
  Dict,
  LAYOUT_COMPACT,
  LAYOUT_ENTRY,
} from '../../src/structures/dict.ts';
import { ENTRY_KEY_LENGTH_LONG } from '../../src/structures/entry-key.ts';

/**
 * Which hashes keys get: real ones, or few different ones, so that chains are deep and tags equal.
 */
export type Hashing = 'real' | 'one bucket' | 'four buckets' | 'one tag' | 'one hash';

const MASKS: Record<Hashing, readonly [lo: number, hi: number]> = {
  real: [0xffffffff, 0xffffffff],
  'one bucket': [0, 0xffffffff],
  'four buckets': [0x80000001, 0xffffffff],
  'one tag': [0xffffffff, 0],
  'one hash': [0, 0],
};

class MaskedHash extends HalfSipHash {
  readonly #mask: readonly [number, number];

  constructor(hashing: Hashing) {
    super(0x01234567, 0x89abcdef);
    this.#mask = MASKS[hashing];
  }

  override hash(buf: Uint8Array, start: number, end: number): void {
    super.hash(buf, start, end);
    this.lo = (this.lo & this.#mask[0]) >>> 0;
    this.hi = (this.hi & this.#mask[1]) >>> 0;
  }
}

interface Scan {
  cursor: number;
  /** Keys present ever since the scan began, and not returned yet. */
  readonly due: Set<string>;
}

export class DictModel {
  readonly arena: Arena;
  readonly dict: Dict;
  readonly hasher: HalfSipHash;
  readonly items = new Map<string, Ref>();
  /** How often memory ran out: a test that is about that asks for it. */
  failures = 0;
  pauses = 0;
  readonly #keys: readonly Uint8Array[];
  readonly #layout: number;
  readonly #baseBytes: number;
  readonly #hogs: Ref[] = [];
  #scan: Scan | null = null;

  constructor(
    keys: readonly Uint8Array[],
    hashing: Hashing,
    arenaBytes: number,
    layout: number = LAYOUT_ENTRY,
  ) {
    this.#keys = keys;
    this.#layout = layout;
    this.arena = Arena.create(arenaBytes, DICT_STRUCT_WORDS * 4);
    this.hasher = new MaskedHash(hashing);
    const base = this.arena.userOffset / 4;
    this.dict = new Dict(this.arena, base + DICT_STRUCT_WORDS, this.hasher, layout);
    this.dict.attach(base);
    this.dict.init();
    this.#baseBytes = this.arena.usedBytes();
  }

  key(choice: number): Uint8Array {
    return this.#keys[choice % this.#keys.length]!;
  }

  #name(key: Uint8Array): string {
    return Buffer.from(key).toString('latin1');
  }

  #find(key: Uint8Array): Ref {
    // Not at the start of its buffer, and with other bytes behind it.
    const buf = new Uint8Array(key.length + 7).fill(0xa5);
    buf.set(key, 3);
    this.hasher.hash(buf, 3, 3 + key.length);
    return this.dict.find(buf, 3, 3 + key.length, this.hasher.lo, this.hasher.hi);
  }

  #makeBlock(key: Uint8Array): Ref {
    if (this.#layout === LAYOUT_COMPACT) return this.#makeItem(key);
    const isLong = key.length >= ENTRY_KEY_LENGTH_LONG;
    const header = isLong ? 4 : 1 + (key.length % 5);
    const ref = this.arena.alloc(header * 4 + key.length);
    if (ref === 0) return 0;
    const short = isLong ? ENTRY_KEY_LENGTH_LONG : key.length;
    this.arena.u32[ref * 2] = (0xabc00000 | (header << 16) | short) >>> 0;
    if (isLong) this.arena.u32[ref * 2 + header - 1] = key.length;
    this.arena.u8.set(key, ref * 8 + header * 4);
    return ref;
  }

  #makeItem(key: Uint8Array): Ref {
    const { arena } = this;
    const item = createItem(arena, key, 0, key.length, key.length % 7, key.length % 3 === 0);
    // The owner's flag is no part of the key.
    if (item !== 0 && key.length % 2 === 0) arena.u8[item * 8] = arena.u8[item * 8]! | ITEM_FLAG;
    return item;
  }

  insert(choice: number): void {
    const key = this.key(choice);
    const name = this.#name(key);
    expect(this.#find(key)).toBe(this.items.get(name) ?? 0);
    if (this.items.has(name)) return;
    const ref = this.#makeBlock(key);
    if (ref === 0) {
      this.failures += 1;
      return;
    }
    this.hasher.hash(key, 0, key.length);
    const { lo, hi } = this.hasher;
    if (this.dict.insert(ref, lo, hi)) {
      this.items.set(name, ref);
      return;
    }
    this.failures += 1;
    this.arena.free(ref);
    expect(this.#find(key)).toBe(0);
  }

  remove(choice: number): void {
    const key = this.key(choice);
    const name = this.#name(key);
    const ref = this.#find(key);
    expect(ref).toBe(this.items.get(name) ?? 0);
    if (ref === 0) return;
    this.dict.removeFound();
    this.arena.free(ref);
    this.items.delete(name);
    this.#scan?.due.delete(name);
    expect(this.#find(key)).toBe(0);
  }

  replace(choice: number): void {
    const key = this.key(choice);
    const block = this.#makeBlock(key);
    const ref = this.#find(key);
    if (block === 0) return;
    if (ref === 0) {
      this.arena.free(block);
      return;
    }
    this.dict.replaceFound(block);
    this.arena.free(ref);
    this.items.set(this.#name(key), block);
    expect(this.#find(key)).toBe(block);
  }

  rehashStep(): void {
    const wasResizing = this.dict.isResizing;
    const didStep = this.dict.rehashStep();
    if (!wasResizing || this.pauses > 0) expect(didStep).toBe(false);
    else if (!didStep) this.failures += 1;
  }

  pause(): void {
    this.dict.pauseResize();
    this.pauses += 1;
  }

  resume(): void {
    if (this.pauses === 0) {
      expect(() => this.dict.resumeResize()).toThrow('without a pause');
      return;
    }
    this.dict.resumeResize();
    this.pauses -= 1;
  }

  #nameOf(ref: Ref): string {
    const at = this.dict.keyOffset(ref);
    return this.#name(this.arena.u8.slice(at, at + this.dict.keyLength(ref)));
  }

  /**
   * Goes on with a scan. What it returns is there; at its end all that was there throughout has
   * been returned.
   */
  scan(steps: number): void {
    this.#scan ??= { cursor: 0, due: new Set(this.items.keys()) };
    const scan = this.#scan;
    for (let i = 0; i < steps; i++) {
      scan.cursor = this.dict.scan(scan.cursor, (ref) => {
        const name = this.#nameOf(ref);
        expect(this.items.get(name)).toBe(ref);
        scan.due.delete(name);
      });
      if (scan.cursor !== 0) continue;
      expect([...scan.due]).toEqual([]);
      this.#scan = null;
      return;
    }
  }

  finishScan(): void {
    while (this.#scan !== null) this.scan(1);
  }

  /** Draws an item, and takes it out as if it had been looked up. */
  random(thenRemove: boolean): void {
    const item = this.dict.randomItem((below) => Math.floor(Math.random() * below));
    if (this.items.size === 0) {
      expect(item).toBe(0);
      return;
    }
    const name = this.#nameOf(item);
    expect(this.items.get(name)).toBe(item);
    if (!thenRemove) return;
    this.dict.removeFound();
    this.arena.free(item);
    this.items.delete(name);
    this.#scan?.due.delete(name);
  }

  /** Visits all units under a pause: each item once. */
  walk(): void {
    this.dict.pauseResize();
    const seen: Ref[] = [];
    for (let unit = 0; unit < this.dict.unitCount; unit++) {
      this.dict.visitUnit(unit, (ref) => seen.push(ref));
    }
    this.dict.resumeResize();
    expect(seen.sort()).toEqual([...this.items.values()].sort());
  }

  /** Frees the whole dict unit by unit. */
  dismantle(): void {
    if (this.pauses > 0) return;
    const seen: Ref[] = [];
    const free = (ref: Ref) => {
      seen.push(ref);
      this.arena.free(ref);
    };
    while (!this.dict.dismantleUnit(free));
    expect(seen.sort()).toEqual([...this.items.values()].sort());
    this.items.clear();
    this.#scan = null;
    expect(this.arena.usedBytes()).toBe(this.#baseBytes + this.#hogBytes());
  }

  #hogBytes(): number {
    return this.#hogs.reduce((sum, ref) => sum + this.arena.usableBytes(ref), 0);
  }

  /** Takes all memory but some blocks of 64 bytes. */
  hog(left: number): void {
    for (const bytes of [4096, 256, 64, 16]) {
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

  unhogAll(): void {
    while (this.#hogs.length > 0) this.unhog();
  }

  check(): void {
    this.dict.checkInvariants();
    expect(this.dict.size).toBe(this.items.size);
    const { bucketCount } = this.dict;
    if (this.items.size === 0 && this.pauses === 0) expect(bucketCount).toBe(0);
    else expect(Math.log2(Math.max(1, bucketCount)) % 1).toBe(0);
  }

  checkAll(): void {
    for (const key of this.#keys)
      expect(this.#find(key)).toBe(this.items.get(this.#name(key)) ?? 0);
    this.walk();
    this.arena.checkInvariants();
  }

  /** Removes everything: the memory is what it was at the start. */
  drain(): void {
    this.unhogAll();
    for (let i = 0; i < this.#keys.length; i++) this.remove(i);
    while (this.pauses > 0) this.resume();
    this.check();
    expect(this.arena.usedBytes()).toBe(this.#baseBytes);
    this.arena.checkInvariants();
  }
}
