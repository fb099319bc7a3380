/**
 * ZsetWalk: the members of an intersection, union or difference of sorted sets, each once with its
 * score. Sets may be among the sources; their members have the score 1.
 */
import type { Shard } from '../keyspace/shard.ts';
import type { ScoredVisitor } from '../keyspace/zset-value.ts';
import type { Ref } from '../memory/arena.ts';
import { KIND_ZSETS, type PartedWork, Parts, type PartVisitor } from './parted-work.ts';

export type ZsetOperation = 'inter' | 'union' | 'diff';
const OPERATIONS: readonly ZsetOperation[] = ['inter', 'union', 'diff'];

/** How the scores of a member in several sets become one. */
export type Aggregate = 'SUM' | 'MIN' | 'MAX' | 'COUNT';
export const AGGREGATES: readonly Aggregate[] = ['SUM', 'MIN', 'MAX', 'COUNT'];

/** Words of a source: shard, ref, whether it is a set, size, two of the weight. */
const SOURCE_WORDS = 6;
const HEAD_WORDS = 3;

/** One source of an operation: absent keys have ref 0. */
export interface ZsetSource {
  readonly shard: Shard;
  readonly ref: Ref;
  readonly isSet: boolean;
  readonly size: number;
  weight: number;
}

const weightF64 = new Float64Array(1);
const weightWords = new Uint32Array(weightF64.buffer);

/** Score of the member that `isIn` found. */
let foundScore = 0;

/** Lookups go through the shard's second views, because the first ones are walking. */
function isIn(source: ZsetSource, buf: Uint8Array, from: number, to: number): boolean {
  const { shard, ref } = source;
  if (ref === 0) return false;
  if (source.isSet) {
    foundScore = 1;
    return shard.setBuilder.has(ref, buf, from, to);
  }
  const { zsetBuilder } = shard;
  if (!zsetBuilder.scoreOf(ref, buf, from, to)) return false;
  foundScore = zsetBuilder.score;
  return true;
}

/** Places of a source to walk: ranks of a sorted set, units of a set. */
function placesOf({ shard, ref, isSet, size }: ZsetSource): number {
  return isSet ? shard.sets.unitCount(ref) : size;
}

function forPlaces(source: ZsetSource, from: number, to: number, visit: ScoredVisitor): void {
  const { shard, ref, size } = source;
  if (!source.isSet) shard.zsets.forRange(ref, from, Math.min(to, size) - from, false, visit);
  else shard.sets.forUnits(ref, from, to, (buf, start, end) => visit(buf, start, end, 1));
}

/** Infinities that cancel each other out make 0; what is not a number is no minimum or maximum. */
function aggregated(aggregate: Aggregate, sum: number, value: number): number {
  if (aggregate === 'SUM' || aggregate === 'COUNT') return numberOr0(sum + value);
  const isTaken = aggregate === 'MIN' ? value < sum : value > sum;
  return isTaken ? value : sum;
}

function numberOr0(value: number): number {
  return Number.isNaN(value) ? 0 : value;
}

export class ZsetWalk implements PartedWork {
  readonly kind = KIND_ZSETS;
  readonly #operation: ZsetOperation;
  readonly #aggregate: Aggregate;
  readonly #sources: readonly ZsetSource[];
  #parts: Parts | null = null;
  /** Score of the member that `#isResult` took. */
  #score = 0;

  /**
   * Sources are walked and asked the smallest first, which is also the order in which scores are
   * added up. A difference walks its first one.
   */
  constructor(operation: ZsetOperation, aggregate: Aggregate, sources: readonly ZsetSource[]) {
    const isSorted = operation !== 'diff';
    this.#operation = operation;
    this.#aggregate = aggregate;
    this.#sources = isSorted ? [...sources].sort((a, b) => a.size - b.size) : sources;
  }

  /** Members that it looks at, a measure of its work. */
  get units(): number {
    let units = 0;
    for (let walk = 0; walk < this.#walkCount; walk++) units += this.#unitsOf(walk);
    return units;
  }

  #unitsOf(walk: number): number {
    return this.#sources[walk]!.size * this.#sources.length;
  }

  /** Sources to walk: of a union all of them, otherwise the first. */
  get #walkCount(): number {
    return this.#operation === 'union' ? this.#sources.length : 1;
  }

  /** Calls `visit` for each member once, until it answers false. */
  forEach(visit: PartVisitor): void {
    for (let walk = 0; walk < this.#walkCount; walk++) {
      if (!this.#walk(walk, 0, Number.POSITIVE_INFINITY, visit)) return;
    }
  }

  #walk(walk: number, fromPlace: number, toPlace: number, visit: PartVisitor): boolean {
    const source = this.#sources[walk]!;
    if (source.ref === 0) return true;
    let goesOn = true;
    forPlaces(source, fromPlace, toPlace, (buf, from, to, score) => {
      if (!goesOn || !this.#isResult(walk, buf, from, to, score)) return;
      goesOn = visit(buf, from, to, this.#score);
    });
    return goesOn;
  }

  /** Whether a member that a walk has met counts there; sets its score. */
  #isResult(walk: number, buf: Uint8Array, from: number, to: number, score: number): boolean {
    const sources = this.#sources;
    if (this.#operation === 'diff') {
      for (let j = 1; j < sources.length; j++) if (isIn(sources[j]!, buf, from, to)) return false;
      this.#score = score;
      return true;
    }
    const isUnion = this.#operation === 'union';
    // A member of a union counts where it is met first: in no source before.
    for (let j = 0; j < walk; j++) if (isIn(sources[j]!, buf, from, to)) return false;
    let sum = numberOr0(this.#weighted(sources[walk]!, score));
    for (let j = walk + 1; j < sources.length; j++) {
      const source = sources[j]!;
      if (isIn(source, buf, from, to)) {
        const value = this.#weighted(source, foundScore);
        sum = aggregated(this.#aggregate, sum, isUnion ? numberOr0(value) : value);
      } else if (!isUnion) return false;
    }
    this.#score = sum;
    return true;
  }

  /** What a score contributes: its product with the weight, or the weight where sets count. */
  #weighted(source: ZsetSource, score: number): number {
    return this.#aggregate === 'COUNT' ? source.weight : source.weight * score;
  }

  get parts(): Parts {
    if (this.#parts !== null) return this.#parts;
    const parts = new Parts(this.units);
    for (let walk = 0; walk < this.#walkCount; walk++) {
      const source = this.#sources[walk]!;
      if (source.ref !== 0) parts.addWalk(walk, placesOf(source), this.#unitsOf(walk));
    }
    this.#parts = parts;
    return parts;
  }

  runPart(part: number, visit: PartVisitor): boolean {
    const { parts } = this;
    return this.#walk(parts.walkOf(part), parts.fromOf(part), parts.toOf(part), visit);
  }

  words(): number[] {
    const words = [OPERATIONS.indexOf(this.#operation), AGGREGATES.indexOf(this.#aggregate)];
    words.push(this.#sources.length);
    for (const { shard, ref, isSet, size, weight } of this.#sources) {
      weightF64[0] = weight;
      words.push(shard.index, ref, isSet ? 1 : 0, size, weightWords[0]!, weightWords[1]!);
    }
    return words.concat(this.parts.words);
  }

  static read(shards: readonly Shard[], words: ArrayLike<number>): ZsetWalk {
    const sources: ZsetSource[] = [];
    let at = HEAD_WORDS;
    for (; sources.length < words[2]!; at += SOURCE_WORDS) {
      weightWords[0] = words[at + 4]!;
      weightWords[1] = words[at + 5]!;
      sources.push({
        shard: shards[words[at]!]!,
        ref: words[at + 1]!,
        isSet: words[at + 2] === 1,
        size: words[at + 3]!,
        weight: weightF64[0]!,
      });
    }
    const walk = new ZsetWalk(OPERATIONS[words[0]!]!, AGGREGATES[words[1]!]!, sources);
    walk.#parts = Parts.read(words, at);
    return walk;
  }
}
