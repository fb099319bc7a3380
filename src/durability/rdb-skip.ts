/**
 * skipValue: finds the end of a value of the RDB format without decoding it. Lengths are compared
 * with the bytes that are left; what the bytes mean is looked at by whoever loads them.
 */
import { ID_BYTES } from '../structures/stream-id.ts';
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
    case rdb.RDB_STREAM:
    case rdb.RDB_STREAM_2:
    case rdb.RDB_STREAM_3:
    case rdb.RDB_STREAM_4:
    case rdb.RDB_STREAM_5:
      return skipStream(input, type);
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

function skipLengths(input: RdbInput, count: number): void {
  for (let i = 0; i < count; i++) input.length();
}

/** Lengths of an ID: milliseconds and sequence. */
const ID_LENGTHS = 2;
const TIME_BYTES = 8;

function skipStream(input: RdbInput, type: number): boolean {
  if (!skipStrings(input, input.count() * 2)) return false;
  skipLengths(input, 1 + ID_LENGTHS);
  if (type !== rdb.RDB_STREAM) skipLengths(input, ID_LENGTHS * 2 + 1);
  for (let left = input.count(); left > 0; left--) {
    if (!skipGroup(input, type)) return false;
  }
  return type < rdb.RDB_STREAM_4 ? !input.isBad : skipProducers(input);
}

function skipGroup(input: RdbInput, type: number): boolean {
  if (!input.skipString()) return false;
  skipLengths(input, ID_LENGTHS + (type === rdb.RDB_STREAM ? 0 : 1));
  for (let left = input.count(); left > 0; left--) {
    if (!input.skip(ID_BYTES + TIME_BYTES)) return false;
    input.length();
  }
  for (let left = input.count(); left > 0; left--) {
    if (!input.skipString()) return false;
    if (!input.skip(type < rdb.RDB_STREAM_3 ? TIME_BYTES : TIME_BYTES * 2)) return false;
    if (!input.skip(input.count() * ID_BYTES)) return false;
  }
  return type < rdb.RDB_STREAM_5 ? !input.isBad : input.skip(input.count() * ID_BYTES);
}

function skipProducers(input: RdbInput): boolean {
  skipLengths(input, 2);
  for (let left = input.count(); left > 0; left--) {
    if (!input.skipString()) return false;
    for (let iids = input.count(); iids > 0; iids--) {
      if (!input.skipString()) return false;
      skipLengths(input, ID_LENGTHS);
    }
  }
  skipLengths(input, 2);
  return !input.isBad;
}
