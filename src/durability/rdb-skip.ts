/**
 * skipValue: finds the end of a value of the RDB format without decoding it. Lengths are compared
 * with the bytes that are left; what the bytes mean is looked at by whoever loads them.
 */
import * as rdb from './rdb-format.ts';
import type { RdbInput } from './rdb-input.ts';

/** Texts of doubles that are a length byte only: NaN and both infinities. */
const TEXT_SPECIAL = 253;

/**
 * Passes over the value of type `type`, one that can be loaded. False when it is damaged or ends
 * too early (`input` knows), or when the type is not known. O(elements), for packed values O(1);
 * never more than a window of the input in memory.
 */
export function skipValue(input: RdbInput, type: number): boolean {
  switch (type) {
    case rdb.RDB_STRING:
    case rdb.RDB_HASH_ZIPMAP:
    case rdb.RDB_LIST_ZIPLIST:
    case rdb.RDB_SET_INTSET:
    case rdb.RDB_ZSET_ZIPLIST:
    case rdb.RDB_HASH_ZIPLIST:
    case rdb.RDB_HASH_LISTPACK:
    case rdb.RDB_ZSET_LISTPACK:
    case rdb.RDB_SET_LISTPACK:
    case rdb.RDB_HASH_LISTPACK_EX_OLD:
      return input.skipString();
    case rdb.RDB_HASH_LISTPACK_EX:
      return input.skip(8) && input.skipString();
    case rdb.RDB_LIST:
    case rdb.RDB_SET:
    case rdb.RDB_LIST_QUICKLIST_ZIPLIST:
      return skipStrings(input, input.count());
    case rdb.RDB_HASH:
      return skipStrings(input, input.count() * 2);
    case rdb.RDB_ZSET:
      return skipScored(input);
    case rdb.RDB_ZSET_TEXT:
      return skipTextScored(input);
    case rdb.RDB_LIST_QUICKLIST:
      return skipNodes(input);
    case rdb.RDB_HASH_EXPIRY:
      return input.skip(8) && skipFields(input);
    case rdb.RDB_HASH_EXPIRY_OLD:
      return skipFields(input);
    default:
      return input.fail() !== 0;
  }
}

function skipStrings(input: RdbInput, count: number): boolean {
  for (let left = count; left > 0; left--) if (!input.skipString()) return false;
  return !input.isBad;
}

function skipScored(input: RdbInput): boolean {
  for (let left = input.count(); left > 0; left--) {
    if (!input.skipString() || !input.skip(8)) return false;
  }
  return !input.isBad;
}

function skipTextScored(input: RdbInput): boolean {
  for (let left = input.count(); left > 0; left--) {
    if (!input.skipString()) return false;
    const length = input.byte();
    if (length < TEXT_SPECIAL && !input.skip(length)) return false;
  }
  return !input.isBad;
}

function skipNodes(input: RdbInput): boolean {
  for (let left = input.count(); left > 0; left--) {
    input.length();
    if (!input.skipString()) return false;
  }
  return !input.isBad;
}

function skipFields(input: RdbInput): boolean {
  for (let left = input.count(); left > 0; left--) {
    input.length();
    if (!input.skipString() || !input.skipString()) return false;
  }
  return !input.isBad;
}
