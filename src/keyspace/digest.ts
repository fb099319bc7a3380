/**
 * Digests of the data set, by Redis's algorithm: equal data gives equal digests, in every server
 * and after every reload.
 *
 * A digest is 20 bytes, from zero. To *xor* bytes into it is digest ^= SHA1(bytes), which keeps no
 * order; to *mix* them in is digest = SHA1(digest ^ SHA1(bytes)), which does. An entry: mix its
 * type (u32, big-endian), then its value (mix a string, mix the elements of a list in order, xor
 * the members of a set, xor for each field of a hash the digest of field and value mixed (into
 * which "!!hexpire!!" is xored when the field has a time of expiry), the same for each member of a
 * sorted set and its score as "%.17g"; for each entry of a stream mix its ID as "ms.seq", then its
 * fields and values), xor "!!expire!!" when it has a TTL. A data set: for each database with keys,
 * mix its number (u32, big-endian), then for each key of it xor the key's own digest (mix its name,
 * then the entry).
 */
import { hash } from 'node:crypto';
import { asciiBytes } from '../base/bytes.ts';
import { formatDouble17 } from '../base/number-text.ts';
import type { Ref } from '../memory/arena.ts';
import { StreamId } from '../structures/stream-id.ts';
import { TYPE_HASH, TYPE_LIST, TYPE_SET, TYPE_STREAM, TYPE_STRING, TYPE_ZSET } from './entry.ts';
import { FIELD_NO_TTL } from './hash-field.ts';
import { NO_TTL, type Shard } from './shard.ts';

export const DIGEST_BYTES = 20;

function sha1(bytes: Uint8Array): Uint8Array {
  return hash('sha1', bytes, 'buffer');
}

const EXPIRE_MARK = sha1(asciiBytes('!!expire!!'));
const FIELD_EXPIRE_MARK = sha1(asciiBytes('!!hexpire!!'));

function xorRaw(digest: Uint8Array, bytes: Uint8Array): void {
  for (let i = 0; i < DIGEST_BYTES; i++) digest[i] = digest[i]! ^ bytes[i]!;
}

function mix(digest: Uint8Array, bytes: Uint8Array): void {
  xorRaw(digest, sha1(bytes));
  digest.set(sha1(digest));
}

function mixNumber(digest: Uint8Array, n: number): void {
  mix(digest, Uint8Array.of(n >>> 24, n >>> 16, n >>> 8, n));
}

function mixValue(digest: Uint8Array, shard: Shard, ref: Ref, type: number): void {
  if (type === TYPE_STRING) {
    const at = shard.valueOffset(ref);
    mix(digest, shard.u8.subarray(at, at + shard.valueLength(ref)));
  } else if (type === TYPE_LIST) {
    shard.lists.walk(ref, 0, false, (buf, from, to) => {
      mix(digest, buf.subarray(from, to));
      return true;
    });
  } else if (type === TYPE_SET) {
    shard.sets.forEach(ref, (buf, from, to) => xorRaw(digest, sha1(buf.subarray(from, to))));
  } else if (type === TYPE_HASH) {
    shard.hashes.forEach(ref, (fieldBuf, fieldFrom, fieldTo, buf, from, to) => {
      const pair = new Uint8Array(DIGEST_BYTES);
      mix(pair, fieldBuf.subarray(fieldFrom, fieldTo));
      mix(pair, buf.subarray(from, to));
      if (shard.hashes.each.expireMs !== FIELD_NO_TTL) xorRaw(pair, FIELD_EXPIRE_MARK);
      xorRaw(digest, sha1(pair));
    });
  } else if (type === TYPE_ZSET) {
    shard.zsets.forEach(ref, (buf, from, to, score) => {
      const pair = new Uint8Array(DIGEST_BYTES);
      mix(pair, buf.subarray(from, to));
      mix(pair, asciiBytes(formatDouble17(score)));
      xorRaw(digest, sha1(pair));
    });
  } else if (type === TYPE_STREAM) {
    mixStream(digest, shard, ref);
  } else {
    throw new Error('digest: a type that has no digest');
  }
}

function mixStream(digest: Uint8Array, shard: Shard, ref: Ref): void {
  const { reader } = shard.streams.read(ref);
  const { pack, id } = reader;
  reader.range(new StreamId(), new StreamId().setMax(), false);
  while (reader.next()) {
    mix(digest, asciiBytes(id.toString().replace('-', '.')));
    for (let i = 0; i < reader.fields; i++) {
      reader.field();
      mix(digest, pack.buf.subarray(pack.from, pack.to));
      reader.value();
      mix(digest, pack.buf.subarray(pack.from, pack.to));
    }
  }
}

/**
 * Mixes an entry's type, value and having a TTL into `digest`: alone, DEBUG DIGEST-VALUE's digest.
 * O(value).
 */
export function mixEntry(digest: Uint8Array, shard: Shard, ref: Ref): void {
  const type = shard.typeOf(ref);
  mixNumber(digest, type);
  mixValue(digest, shard, ref, type);
  if (shard.expireMs(ref) !== NO_TTL) xorRaw(digest, EXPIRE_MARK);
}

/**
 * The digest of everything in `shards`, which together are the keyspace. Expired keys not yet
 * freed count. O(n).
 */
export function keyspaceDigest(shards: readonly Shard[], databases: number): Uint8Array {
  const digest = new Uint8Array(DIGEST_BYTES);
  const entry = new Uint8Array(DIGEST_BYTES);
  for (let db = 0; db < databases; db++) {
    if (shards.every((shard) => shard.size(db) === 0)) continue;
    mixNumber(digest, db);
    for (const shard of shards) {
      const dict = shard.dict(db);
      for (let unit = 0; unit < dict.unitCount; unit++) {
        dict.visitUnit(unit, (ref) => {
          entry.fill(0);
          const at = shard.keyOffset(ref);
          mix(entry, shard.u8.subarray(at, at + shard.keyLength(ref)));
          mixEntry(entry, shard, ref);
          xorRaw(digest, sha1(entry));
        });
      }
    }
  }
  return digest;
}
