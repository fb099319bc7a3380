/** Damage to snapshot files: bytes flipped, taken out, doubled, files cut off. */

import { ValueChecker } from '../../src/durability/snapshot-check.ts';
import { SnapshotReader } from '../../src/durability/snapshot-read.ts';
import {
  fileOf,
  loadDirectly,
  loadInParts,
  NEW_KEYS,
  newKeyspace,
  OLD_KEYS,
  partsOf,
  sourceOf,
  uncheckedFileOf,
} from '../durability/rdb-files.ts';
import type { Random } from '../support/random.ts';

/** One case in this many is loaded into whole keyspaces as well. */
const LOAD_EVERY = 16;
const FREE_UNITS = 4096;

/** A damaged copy of `file`. */
export function damagedFile(random: Random, file: Uint8Array): Buffer {
  const bytes = Buffer.from(file);
  if (random.oneIn(8)) return bytes.subarray(0, random.below(bytes.length));
  for (let i = random.oneIn(4) ? 2 : 0; i >= 0; i--) {
    const at = random.below(bytes.length);
    const kind = random.below(4);
    if (kind === 0) bytes[at] = random.below(256);
    else if (kind === 1) bytes[at] = bytes[at]! ^ (1 << random.below(8));
    else if (kind === 2) bytes[at] = bytes[random.below(bytes.length)]!;
    else bytes.copyWithin(at, at + 1 + random.below(4));
  }
  return bytes;
}

/** A file with a few of the keys of all types; most without a checksum, so that damage is seen. */
export function smallFile(random: Random, isOld: boolean): Buffer {
  const keys = (isOld ? OLD_KEYS : [...OLD_KEYS, ...NEW_KEYS]).filter(() => random.oneIn(4));
  const make = random.oneIn(10) ? fileOf : uncheckedFileOf;
  return make(isOld ? '0010' : '0012', ...partsOf(keys));
}

/** How many files were loaded, and how many refused. */
export interface DamageCounts {
  loaded: number;
  refused: number;
}

/**
 * Checks `rounds` damaged files. Throws when one is refused without a place, leaves memory behind,
 * breaks an invariant, or is not the same in parts.
 */
export function damageRounds(random: Random, rounds: number): DamageCounts {
  const checker = new ValueChecker(Date.now(), 1 << 25);
  const one = newKeyspace(2);
  const other = newKeyspace(2);
  const counts = { loaded: 0, refused: 0 };
  const used = checker.shard.arena.usedBytes();
  for (let round = 0; round < rounds; round++) {
    const file = damagedFile(random, smallFile(random, false));
    const reader = new SnapshotReader(checker, {
      databases: Number.POSITIVE_INFINITY,
      skipsChecksum: false,
      nowMs: Number.NEGATIVE_INFINITY,
    });
    const problem = reader.read(sourceOf(file));
    while (!checker.shard.lazy.step(FREE_UNITS));
    const hex = file.toString('hex');
    if (checker.shard.arena.usedBytes() !== used) throw new Error(`memory is left of ${hex}`);
    if (problem === null) counts.loaded += 1;
    else {
      counts.refused += 1;
      if (problem.text === '' || !(problem.offset >= 0 && problem.offset <= file.length)) {
        throw new Error(`refused at ${problem.offset}: ${problem.text}: ${hex}`);
      }
    }
    if (round % LOAD_EVERY === 0) compareLoads(one, other, file);
  }
  return counts;
}

type Keyspace = ReturnType<typeof newKeyspace>;

function compareLoads(one: Keyspace, other: Keyspace, file: Buffer): void {
  for (const runner of [one, other]) {
    runner.run('FLUSHALL');
    for (const shard of runner.shards) while (!shard.lazy.step(FREE_UNITS));
  }
  const direct = loadDirectly(one, file);
  const parts = loadInParts(other, file, [1]);
  const hex = file.toString('hex');
  if ((direct.problem === null) !== (parts.problem === null)) {
    throw new Error(`${direct.problem?.text} is not ${parts.problem?.text}: ${hex}`);
  }
  one.checkInvariants();
  other.checkInvariants();
  if (direct.problem !== null) return;
  if (one.run('DEBUG', 'DIGEST') !== other.run('DEBUG', 'DIGEST')) {
    throw new Error(`not the same in parts: ${hex}`);
  }
}
