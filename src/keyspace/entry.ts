/**
 * Entry blocks: header, key and short string value of one key in one block of the arena.
 *
 * LAYOUT (u32 words)
 *   0  bits 0..15  key length, 0xffff = long key: its length is in the last header word
 *      bits 16..19 header words H (3, +2 with a TTL, +1 with a long key)
 *      bits 20..23 type        bits 24..27 encoding
 *      bit 28 HAS_TTL          bit 29 REMOTE: the value is in a block of its own
 *      bit 30 EPOCH of the snapshot that has not yet seen this entry
 *      bit 31 ROOTED: the value is a structure of many blocks
 *   1  bits 0..23 LRU clock (seconds) or LFU (minutes << 8 | counter)    bits 24..31 reserved
 *   2  length of the value in bytes; ROOTED: ref of the structure's root block (value-root.ts)
 *  [3] with HAS_TTL: unix time in ms of expiry, low word      [4] high word
 *  [.] REMOTE: none; the ref of the value block follows the key, at the next multiple of 4
 *  [H-1] with a long key: its length
 *   4*H  key bytes, then the value's bytes (inline) or padding and the value block's ref (REMOTE)
 *
 *   Example: SET ab xyz without TTL: word 0 = 0x01030002 (RAW would be 0x02030002), word 1 = clock,
 *   word 2 = 3, bytes 12.. = 61 62 78 79 7a.
 *
 * Small collections (listpack, listpackex, intset) are bytes as strings are, inline or REMOTE: one
 * block and one cache miss for a small hash.
 *
 * Integers are kept as their decimal text with encoding INT: GET needs no formatting, and INCR
 * rewrites in place.
 */

export const TYPE_STRING = 0;
export const TYPE_LIST = 1;
export const TYPE_SET = 2;
export const TYPE_ZSET = 3;
export const TYPE_HASH = 4;
export const TYPE_STREAM = 6;

export const ENCODING_INT = 0;
export const ENCODING_EMBSTR = 1;
export const ENCODING_RAW = 2;
export const ENCODING_LISTPACK = 3;
export const ENCODING_INTSET = 4;
export const ENCODING_HASHTABLE = 5;
export const ENCODING_SKIPLIST = 6;
export const ENCODING_QUICKLIST = 7;
export const ENCODING_LISTPACK_EX = 8;
export const ENCODING_STREAM = 9;

export const TYPE_SHIFT = 20;
export const ENCODING_SHIFT = 24;
export const HAS_TTL = 1 << 28;
export const REMOTE = 1 << 29;
export const EPOCH = 1 << 30;
export const ROOTED = 1 << 31;

export const HEADER_WORDS = 3;
export const TTL_WORDS = 2;

/** TYPE's names, by type number. */
export const TYPE_NAMES: readonly string[] = [
  'string',
  'list',
  'set',
  'zset',
  'hash',
  'module',
  'stream',
];

/** OBJECT ENCODING's names, by encoding number. */
export const ENCODING_NAMES: readonly string[] = [
  'int',
  'embstr',
  'raw',
  'listpack',
  'intset',
  'hashtable',
  'skiplist',
  'quicklist',
  'listpackex',
  'stream',
];

/** Longest string that Redis keeps as embstr. */
export const EMBSTR_LENGTH_MAX = 44;

/**
 * Blocks above this keep the value in a block of its own, so that renaming or expiring a large
 * value never copies it, and index entries stay in small slabs.
 */
export const INLINE_BYTES_MAX = 4096;

/** Header words of an entry with this key length and TTL state. */
export function headerWords(keyLength: number, hasTtl: boolean): number {
  return HEADER_WORDS + (hasTtl ? TTL_WORDS : 0) + (keyLength >= 0xffff ? 1 : 0);
}

/** Bytes of an entry block. */
export function entryBytes(keyLength: number, hasTtl: boolean, valueLength: number): number {
  return headerWords(keyLength, hasTtl) * 4 + keyLength + valueLength;
}

/** Bytes of an entry block whose value lies in another block. */
export function remoteEntryBytes(keyLength: number, hasTtl: boolean): number {
  return ((headerWords(keyLength, hasTtl) * 4 + keyLength + 3) & ~3) + 4;
}

/** Word 0 of a new entry. */
export function headWord(
  keyLength: number,
  hasTtl: boolean,
  type: number,
  encoding: number,
  /** REMOTE or ROOTED, or 0. */
  placement: number,
): number {
  const short = Math.min(keyLength, 0xffff);
  return (
    (short |
      (headerWords(keyLength, hasTtl) << 16) |
      (type << TYPE_SHIFT) |
      (encoding << ENCODING_SHIFT) |
      (hasTtl ? HAS_TTL : 0) |
      placement) >>>
    0
  );
}
