/** Values that no key has yet: what loaders and builders make, until `link` stores it. */
import { copyBytes } from '../base/bytes.ts';
import type { Ref } from '../memory/arena.ts';
import { TYPE_HASH, TYPE_STREAM } from './entry.ts';
import type { Key } from './key.ts';
import type { Shard } from './shard.ts';
import { encodingFor } from './string-encoding.ts';

export interface Detached {
  /**
   * Stores the value as that of `key`, which is replaced; `expireMs` is a unix time or NO_TTL.
   * False when the arena is full: the value is dropped, nothing else has changed.
   */
  link(db: number, key: Key, expireMs: number): boolean;
  /** Frees it. */
  drop(): void;
}

/** A string whose bytes lie elsewhere, borrowed until it is linked. */
export class DetachedString implements Detached {
  readonly #shard: Shard;
  #buf: Uint8Array = new Uint8Array(0);
  #from = 0;
  #to = 0;

  constructor(shard: Shard) {
    this.#shard = shard;
  }

  /** Makes it the string buf[from, to). */
  set(buf: Uint8Array, from: number, to: number): this {
    this.#buf = buf;
    this.#from = from;
    this.#to = to;
    return this;
  }

  link(db: number, key: Key, expireMs: number): boolean {
    const shard = this.#shard;
    const encoding = encodingFor(this.#buf, this.#from, this.#to);
    const ref = shard.createString(db, key, this.#to - this.#from, encoding, expireMs);
    if (ref === 0) return false;
    copyBytes(shard.u8, shard.valueOffset(ref), this.#buf, this.#from, this.#to);
    return true;
  }

  drop(): void {
    this.#buf = new Uint8Array(0);
    this.#from = 0;
    this.#to = 0;
  }
}

/** A collection: bytes in a block of the arena, or a root. */
export class DetachedCollection implements Detached {
  readonly #shard: Shard;
  #type = 0;
  #encoding = 0;
  #block: Ref = 0;
  #length = 0;
  #root: Ref = 0;

  constructor(shard: Shard) {
    this.#shard = shard;
  }

  /** Makes it the first `length` bytes of `block`, which belongs to it from then on. */
  setBytes(type: number, encoding: number, block: Ref, length: number): this {
    this.#type = type;
    this.#encoding = encoding;
    this.#block = block;
    this.#length = length;
    this.#root = 0;
    return this;
  }

  /** Makes it the structure at `root`, which belongs to it from then on. */
  setRoot(type: number, encoding: number, root: Ref): this {
    this.setBytes(type, encoding, 0, 0);
    this.#root = root;
    return this;
  }

  link(db: number, key: Key, expireMs: number): boolean {
    const shard = this.#shard;
    let ref = 0;
    if (this.#root !== 0) {
      ref = shard.createRooted(db, key, this.#type, this.#encoding, this.#root, expireMs);
      if (ref !== 0) this.#root = 0;
    } else {
      ref = shard.createValue(db, key, this.#type, this.#encoding, this.#length, expireMs);
      const from = this.#block * 8;
      const to = ref === 0 ? 0 : shard.valueOffset(ref);
      if (ref !== 0) shard.u8.copyWithin(to, from, from + this.#length);
    }
    this.drop();
    if (ref === 0) return false;
    if (this.#type === TYPE_HASH) shard.hashes.noteCopy(db, key, ref);
    else if (this.#type === TYPE_STREAM) shard.streams.noteCopy(db, ref);
    return true;
  }

  drop(): void {
    if (this.#block !== 0) this.#shard.arena.free(this.#block);
    if (this.#root !== 0) this.#shard.lazy.addRoot(this.#root);
    this.#block = 0;
    this.#root = 0;
  }
}
