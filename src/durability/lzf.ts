/**
 * LZF, the compression of strings in RDB files (Lehmann's LibLZF format).
 *
 * LAYOUT of compressed bytes: a sequence of
 *   000lllll                      literal run: the next l + 1 bytes
 *   lllooooo oooooooo             match of l + 2 bytes, l = 1..6, that begins o + 1 bytes back
 *   111ooooo llllllll oooooooo    match of l + 9 bytes
 *
 *   Example: "aaaaaaaaaa" = 00 61  e0 00 00 (one "a", then nine bytes from one byte back)
 *
 * Compressed bytes from outside are untrusted: `lzfLength` checks that they are whole and how much
 * room they need, before there is any.
 */

const HASH_BITS = 14;
const OFFSET_MAX = 8192;
const MATCH_MIN = 3;
const MATCH_MAX = 264;
const LITERAL_MAX = 32;
/** Matches up to this have their length in the first byte. */
const MATCH_SHORT_MAX = 8;
/** First bytes from here on have the length in the next byte. */
const MATCH_LONG = 0xe0;

/** Where three bytes with some hash were seen last; what is left of earlier calls is checked. */
const seen = new Float64Array(1 << HASH_BITS);

/** Compresses byte ranges; one object a thread. */
class Compressor {
  #out: Uint8Array = new Uint8Array(0);
  #to = 0;
  #limit = 0;

  /**
   * Compresses buf[from, to) into out[at, limit). Returns the end there, or 0 where it does not
   * fit. O(bytes).
   */
  run(
    buf: Uint8Array,
    from: number,
    to: number,
    out: Uint8Array,
    at: number,
    limit: number,
  ): number {
    this.#out = out;
    this.#to = at;
    this.#limit = limit;
    let literals = from;
    let i = from;
    const end = to - MATCH_MIN;
    while (i <= end) {
      const slot = hashOf(buf, i);
      const candidate = seen[slot]!;
      seen[slot] = i;
      const isNear = candidate >= from && candidate < i && i - candidate <= OFFSET_MAX;
      if (!isNear || !startsAlike(buf, candidate, i)) {
        i += 1;
        continue;
      }
      if (!this.#literals(buf, literals, i)) return 0;
      const length = matchLength(buf, candidate, i, Math.min(MATCH_MAX, to - i));
      if (!this.#match(i - candidate - 1, length)) return 0;
      i += length;
      literals = i;
    }
    return this.#literals(buf, literals, to) ? this.#to : 0;
  }

  #literals(buf: Uint8Array, from: number, to: number): boolean {
    const out = this.#out;
    for (let at = from; at < to; ) {
      const count = Math.min(LITERAL_MAX, to - at);
      if (this.#to + count + 1 > this.#limit) return false;
      out[this.#to++] = count - 1;
      for (const end = at + count; at < end; at++) out[this.#to++] = buf[at]!;
    }
    return true;
  }

  #match(offset: number, length: number): boolean {
    const out = this.#out;
    const isShort = length <= MATCH_SHORT_MAX;
    if (this.#to + (isShort ? 2 : 3) > this.#limit) return false;
    if (isShort) {
      out[this.#to++] = ((length - 2) << 5) | (offset >>> 8);
    } else {
      out[this.#to++] = MATCH_LONG | (offset >>> 8);
      out[this.#to++] = length - MATCH_SHORT_MAX - 1;
    }
    out[this.#to++] = offset & 0xff;
    return true;
  }
}

function hashOf(buf: Uint8Array, at: number): number {
  const bytes = (buf[at]! << 16) | (buf[at + 1]! << 8) | buf[at + 2]!;
  return Math.imul(bytes, 0x9e3779b1) >>> (32 - HASH_BITS);
}

function startsAlike(buf: Uint8Array, a: number, b: number): boolean {
  return buf[a] === buf[b] && buf[a + 1] === buf[b + 1] && buf[a + 2] === buf[b + 2];
}

function matchLength(buf: Uint8Array, a: number, b: number, max: number): number {
  let length = MATCH_MIN;
  while (length < max && buf[a + length] === buf[b + length]) length += 1;
  return length;
}

const compressor = new Compressor();

/**
 * Compresses buf[from, to) into out[at, limit). Returns the end there, or 0 where it does not fit.
 * O(bytes).
 */
export function lzfCompress(
  buf: Uint8Array,
  from: number,
  to: number,
  out: Uint8Array,
  at: number,
  limit: number,
): number {
  return compressor.run(buf, from, to, out, at, limit);
}

/**
 * How long the untrusted bytes buf[from, to) are when they are decompressed, without doing it; -1
 * when they break off. O(bytes / 2).
 */
export function lzfLength(buf: Uint8Array, from: number, to: number): number {
  let length = 0;
  let at = from;
  while (at < to) {
    const control = buf[at]!;
    if (control < LITERAL_MAX) {
      length += control + 1;
      at += control + 2;
    } else if (control < MATCH_LONG) {
      length += (control >>> 5) + 2;
      at += 2;
    } else {
      if (at + 1 >= to) return -1;
      length += MATCH_SHORT_MAX + 1 + buf[at + 1]!;
      at += 3;
    }
  }
  return at === to ? length : -1;
}

/**
 * Decompresses the untrusted bytes buf[from, to), for which `lzfLength` answered the length, into
 * out[0, length). False when a match begins before the first byte; `out` is undefined then.
 * O(length).
 */
export function lzfDecompress(buf: Uint8Array, from: number, to: number, out: Uint8Array): boolean {
  let made = 0;
  for (let at = from; at < to; ) {
    const control = buf[at++]!;
    if (control < LITERAL_MAX) {
      for (const end = at + control + 1; at < end; at++) out[made++] = buf[at]!;
      continue;
    }
    let count = (control >>> 5) + 2;
    if (control >= MATCH_LONG) count += buf[at++]!;
    let source = made - 1 - (((control & 31) << 8) | buf[at++]!);
    if (source < 0) return false;
    for (const end = made + count; made < end; ) out[made++] = out[source++]!;
  }
  return true;
}
