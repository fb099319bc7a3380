/** The invariants of a shard, for tests and fuzzers. */
import type { Ref } from '../memory/arena.ts';
import { TYPE_HASH, TYPE_LIST, TYPE_SET, TYPE_STREAM, TYPE_ZSET } from './entry.ts';
import type { Shard } from './shard.ts';

/** Throws when an invariant of any database of `shard` does not hold. O(n). */
export function checkShard(shard: Shard): void {
  for (let db = 0; db < shard.databases; db++) {
    const dict = shard.dict(db);
    dict.checkInvariants();
    let expires = 0;
    let fieldExpires = 0;
    for (let unit = 0; unit < dict.unitCount; unit++) {
      dict.visitUnit(unit, (ref) => {
        checkValue(shard, ref);
        const expireMs = shard.expireMs(ref);
        if (expireMs !== 0) expires += 1;
        checkHint(shard, db, ref, expireMs);
        if (!shard.hasFieldExpires(ref)) return;
        fieldExpires += 1;
        checkHint(shard, db, ref, shard.hashes.earliestMs(ref));
      });
    }
    if (expires !== shard.expires(db)) throw new Error('shard: count of keys with a TTL is wrong');
    if (fieldExpires !== shard.fieldExpires(db)) {
      throw new Error('shard: count of hashes with fields that expire is wrong');
    }
  }
  shard.arena.checkInvariants();
}

function checkValue(shard: Shard, ref: Ref): void {
  switch (shard.typeOf(ref)) {
    case TYPE_LIST:
      shard.lists.checkInvariants(ref);
      break;
    case TYPE_SET:
      shard.sets.checkInvariants(ref);
      break;
    case TYPE_HASH:
      shard.hashes.checkInvariants(ref);
      break;
    case TYPE_ZSET:
      shard.zsets.checkInvariants(ref);
      break;
    case TYPE_STREAM:
      shard.streams.checkInvariants(ref);
      break;
  }
}

/** The hints of a database know of a time of expiry of an entry, unless that is 0 (never). */
function checkHint(shard: Shard, db: number, ref: Ref, expireMs: number): void {
  if (expireMs === 0) return;
  const at = shard.keyOffset(ref);
  shard.hasher.hash(shard.u8, at, at + shard.keyLength(ref));
  shard.hints(db).checkCovers(shard.hasher.lo, expireMs);
}
