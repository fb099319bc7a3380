/**
 * Key: where the bytes of a key lie, their hash, and the shard that owns them. One object is reused
 * for every command.
 */
import type { HalfSipHash } from '../base/half-sip-hash.ts';

export class Key {
  /** Borrowed: valid as long as the arguments of the running command. */
  buf: Uint8Array = new Uint8Array(0);
  start = 0;
  end = 0;
  lo = 0;
  hi = 0;
  shardIndex = 0;

  /**
   * Points at bytes [start, end) of `buf`, hashes them and derives the shard out of `shardCount`.
   * O(length).
   */
  locate(
    hasher: HalfSipHash,
    buf: Uint8Array,
    start: number,
    end: number,
    shardCount: number,
  ): void {
    hasher.hash(buf, start, end);
    this.point(buf, start, end);
    this.setHash(hasher.lo, hasher.hi, shardCount);
  }

  /** Points at bytes whose hash follows by `setHash`. */
  point(buf: Uint8Array, start: number, end: number): void {
    this.buf = buf;
    this.start = start;
    this.end = end;
  }

  /**
   * Whether bytes [start, end) of the same buffer are the key's as well. Looks from the end on,
   * where keys that differ mostly do. O(length).
   */
  isSame(start: number, end: number): boolean {
    if (end - start !== this.end - this.start) return false;
    const { buf } = this;
    for (let at = this.end; end > start; ) if (buf[--end] !== buf[--at]) return false;
    return true;
  }

  /** The hash of the bytes, and what follows from it. */
  setHash(lo: number, hi: number, shardCount: number): void {
    this.lo = lo;
    this.hi = hi;
    this.shardIndex = shardOfHash(hi, shardCount);
  }
}

/**
 * The shard of a hash. The tag of the dict takes the low byte of `hi` and its buckets come from
 * `lo`, so the shard is drawn from the upper bits of `hi`: shards do not thin out buckets or tags.
 * `shardCount` is 1024 at the most. Scaled rather than divided: a division takes four times as
 * long.
 */
export function shardOfHash(hi: number, shardCount: number): number {
  return Math.imul(hi >>> 10, shardCount) >>> 22;
}
