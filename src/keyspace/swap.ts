/**
 * Databases as watches and waits see them: SWAPDB in one shard, and keys known by their hash only.
 */
import type { Ref } from '../memory/arena.ts';
import { Key } from './key.ts';
import type { Shard } from './shard.ts';

/**
 * Exchanges the structs of databases `a` and `b`, which differ. O(1), and O(keys that somebody
 * watches or waits for).
 */
export function swapDatabases(shard: Shard, a: number, b: number, words: number): void {
  if (!shard.watch.isEmpty) {
    const stale: number[] = [];
    touchSwapped(shard, a, b, stale);
    touchSwapped(shard, b, a, stale);
    dropStale(shard, stale);
  }
  const { u32 } = shard;
  const from = shard.databaseWord(a);
  const to = shard.databaseWord(b);
  for (let i = 0; i < words; i++) {
    const word = u32[from + i]!;
    u32[from + i] = u32[to + i]!;
    u32[to + i] = word;
  }
  shard.state.dirty += 1;
  noteAllWaiters(shard, a);
  noteAllWaiters(shard, b);
}

/** Has all who wait for keys of a database look at them again. O(keys waited for). */
export function noteAllWaiters(shard: Shard, db: number): void {
  if (shard.waits.isEmpty) return;
  shard.waits.visitKeys(db, (lo, hi) => shard.state.noteReady(shard.index, db, lo, hi));
}

/**
 * Touches the watched keys of database `db` that a swap with `other` changes: those that are there
 * now, and those that will be. A key in `other` that has expired counts as absent and goes (into
 * `stale`, as database and entry), or its later expiry would look like a change.
 */
function touchSwapped(shard: Shard, db: number, other: number, stale: number[]): void {
  shard.watch.touchDatabase(db, (lo, hi) => {
    const comes = entryOfHash(shard, other, lo, hi);
    if (comes !== 0 && shard.isExpired(comes)) stale.push(other, comes);
    return entryOfHash(shard, db, lo, hi) !== 0 || (comes !== 0 && !shard.isExpired(comes));
  });
}

function dropStale(shard: Shard, stale: readonly number[]): void {
  const key = new Key();
  const gone = new Set<Ref>();
  for (let i = 0; i < stale.length; i += 2) {
    const ref = stale[i + 1]!;
    if (gone.has(ref)) continue;
    gone.add(ref);
    shard.deleteEntry(stale[i]!, ref, key);
  }
}

/** The entry with this hash, or 0: watches know keys by their hash only. */
export function entryOfHash(shard: Shard, db: number, lo: number, hi: number): Ref {
  const dict = shard.dict(db);
  let found = 0;
  if (dict.size === 0) return found;
  dict.visitUnit(lo & (dict.unitCount - 1), (ref) => {
    const at = shard.keyOffset(ref);
    shard.hasher.hash(shard.u8, at, at + shard.keyLength(ref));
    if (shard.hasher.lo === lo && shard.hasher.hi === hi) found = ref;
  });
  return found;
}
