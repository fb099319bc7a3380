/**
 * The RDB format: numbers that its writers and readers share.
 *
 * LAYOUT of a file
 *   "REDIS" and four digits: the version
 *   AUX name value ...                            facts about the server that wrote it
 *   for each database with keys: SELECTDB length, RESIZEDB keys expires, then for each key
 *     [EXPIRETIME_MS u64] [IDLE length | FREQ u8] type u8, name string, value
 *   EOF, u64 CRC-64 of all bytes before it (0 = not computed)
 *
 * LAYOUT of a DUMP payload
 *   type u8, value, u16 version, u64 CRC-64 of all bytes before it
 *
 * LAYOUT of a length (high byte first)
 *   00xxxxxx    01xxxxxx x8    10000000 u32    10000001 u64
 *   11xxxxxx    no length but a special string: 0, 1, 2 = an integer of 8, 16, 32 bits (little-
 *               endian) whose text is the string; 3 = LZF: compressed length, length, bytes
 *
 * LAYOUT of a string: length and bytes, or a special string.
 *
 * All other integers are little-endian. Values by type are drawn in rdb-write-value.ts; the old
 * ones, which are only read, in rdb-read-old.ts.
 *
 *   Example: DUMP of the string "ab" = 00  02 61 62  0a 00  and eight bytes of CRC-64
 */

/** The newest version that is read. */
export const RDB_VERSION = 14;
/** What Redis 7.0 reads: written wherever the values allow it. */
export const RDB_VERSION_PLAIN = 10;
/** Since Redis 7.4: hashes with fields that expire. */
export const RDB_VERSION_FIELD_EXPIRY = 12;
/** Since Redis 8.6: streams that know what idempotent producers have added. */
export const RDB_VERSION_PRODUCERS = 13;
/** Since Redis 8.8: streams with pending entries that nobody has. */
export const RDB_VERSION_RELEASED = 14;

/** Version and checksum at the end of a DUMP payload. */
export const FOOTER_BYTES = 10;
export const CRC_BYTES = 8;

export const RDB_STRING = 0;
export const RDB_LIST = 1;
export const RDB_SET = 2;
export const RDB_ZSET_TEXT = 3;
export const RDB_HASH = 4;
export const RDB_ZSET = 5;
export const RDB_HASH_ZIPMAP = 9;
export const RDB_LIST_ZIPLIST = 10;
export const RDB_SET_INTSET = 11;
export const RDB_ZSET_ZIPLIST = 12;
export const RDB_HASH_ZIPLIST = 13;
export const RDB_LIST_QUICKLIST_ZIPLIST = 14;
export const RDB_MODULE_OLD = 6;
export const RDB_MODULE = 7;
/** Streams: LAYOUT in rdb-write-stream.ts. */
export const RDB_STREAM = 15;
export const RDB_STREAM_2 = 19;
export const RDB_STREAM_3 = 21;
export const RDB_HASH_LISTPACK = 16;
export const RDB_ZSET_LISTPACK = 17;
export const RDB_LIST_QUICKLIST = 18;
export const RDB_SET_LISTPACK = 20;
/** The two that release candidates of Redis 7.4 wrote: without the earliest time of expiry. */
export const RDB_HASH_EXPIRY_OLD = 22;
export const RDB_HASH_LISTPACK_EX_OLD = 23;
export const RDB_HASH_EXPIRY = 24;
export const RDB_HASH_LISTPACK_EX = 25;
export const RDB_STREAM_4 = 26;
export const RDB_STREAM_5 = 27;

export const OP_SLOT_INFO = 244;
export const OP_FUNCTION = 245;
/** What release candidates of Redis 7.0 wrote. */
export const OP_FUNCTION_OLD = 246;
export const OP_MODULE_AUX = 247;
export const OP_IDLE = 248;
export const OP_FREQ = 249;
export const OP_AUX = 250;
export const OP_RESIZE_DB = 251;
export const OP_EXPIRE_MS = 252;
export const OP_EXPIRE_SECONDS = 253;
export const OP_SELECT_DB = 254;
export const OP_EOF = 255;

/** Containers of list nodes: one element as a string, or a listpack. */
export const NODE_PLAIN = 1;
export const NODE_PACKED = 2;

/** First bytes of lengths. */
export const LENGTH_14 = 0x40;
export const LENGTH_32 = 0x80;
export const LENGTH_64 = 0x81;
export const SPECIAL = 0xc0;
/** Special strings: what follows SPECIAL. */
export const SPECIAL_INT_8 = 0;
export const SPECIAL_INT_16 = 1;
export const SPECIAL_INT_32 = 2;
export const SPECIAL_LZF = 3;

/** Longest text that is tried as an integer. */
export const INTEGER_TEXT_MAX = 11;
/** Latest time of expiry of a field, as Redis has it. */
export const FIELD_EXPIRY_MS_MAX = 2 ** 48 - 2;
