/**
 * PartedWork: a long read in parts that several shard workers run at the same time, each on its own
 * views of the same shards, all under the holds of the one that runs the command. Parts visit
 * members of a result; together they visit each member once, in whatever order they are run.
 */
import type { Shard } from '../keyspace/shard.ts';

/**
 * Receives a member of a result and its score (0 where there are none), borrowed during the call;
 * false ends the walk.
 */
export type PartVisitor = (buf: Uint8Array, from: number, to: number, score: number) => boolean;

/** What of a part's members is asked for: how many, their bytes, or bytes and scores. */
export const WANTS_COUNT = 0;
export const WANTS_MEMBERS = 1;
export const WANTS_SCORES = 2;

/** Units of work (`unitsOf` of a command) from which on parts are worth the wake-up of others. */
export const PARALLEL_UNITS_MIN = 50_000;

/**
 * Units of a part: about a millisecond, which is how long a helper leaves its own clients alone.
 * The parts of work of more than PART_UNITS * PARTS_AIM are larger, so that their list stays short.
 */
const PART_UNITS = 4096;
const PARTS_AIM = 16_384;

/** The kinds of work, by the number that travels between threads (parted-kinds.ts). */
export const KIND_SETS = 0;
export const KIND_ZSETS = 1;

export interface PartedWork {
  readonly kind: number;
  readonly parts: Parts;
  /** u32 words from which another thread makes this work again (parted-kinds.ts). */
  words(): number[];
  /** Visits the members of one part; false when `visit` ended it. */
  runPart(part: number, visit: PartVisitor): boolean;
}

/** Makes the work that wrote `words`, over another thread's views of the shards. */
export type WorkReader = (shards: readonly Shard[], words: ArrayLike<number>) => PartedWork;

/** The parts of a work: ranges of places in the collections that it walks. */
export class Parts {
  /** Three words a part: number of the walk, first place, place behind the last one. */
  readonly words: number[] = [];
  readonly #partUnits: number;

  /** For work of `units` in all. */
  constructor(units: number) {
    this.#partUnits = Math.max(PART_UNITS, Math.ceil(units / PARTS_AIM));
  }

  get count(): number {
    return this.words.length / 3;
  }

  /** Adds the parts of a walk over `places` places that takes about `units`. */
  addWalk(walk: number, places: number, units: number): void {
    const step = Math.max(1, Math.ceil(places / Math.max(1, Math.ceil(units / this.#partUnits))));
    for (let from = 0; from < places; from += step) {
      this.words.push(walk, from, Math.min(places, from + step));
    }
  }

  /** The parts that stand in `words` from `at` on. */
  static read(words: ArrayLike<number>, at: number): Parts {
    const parts = new Parts(0);
    for (let i = at; i < words.length; i++) parts.words.push(words[i]!);
    return parts;
  }

  walkOf(part: number): number {
    return this.words[part * 3]!;
  }

  fromOf(part: number): number {
    return this.words[part * 3 + 1]!;
  }

  toOf(part: number): number {
    return this.words[part * 3 + 2]!;
  }
}
