/**
 * SetWalk: the members of an intersection, union or difference of sets, each once. A walk over one
 * source asks the other ones about each member that it meets.
 */
import type { Shard } from '../keyspace/shard.ts';
import type { Ref } from '../memory/arena.ts';
import { KIND_SETS, type PartedWork, Parts, type PartVisitor } from './parted-work.ts';

export type SetOperation = 'inter' | 'union' | 'diff';
const OPERATIONS: readonly SetOperation[] = ['inter', 'union', 'diff'];
/** Words of a source: shard, ref, size. */
const SOURCE_WORDS = 3;
const HEAD_WORDS = 2;

/** One source of an operation: absent sets have ref 0. */
export interface SetSource {
  readonly shard: Shard;
  readonly ref: Ref;
  readonly size: number;
}

/** Lookups go through the shard's second view, because the first one is walking. */
function isIn(source: SetSource, buf: Uint8Array, from: number, to: number): boolean {
  return source.ref !== 0 && source.shard.setBuilder.has(source.ref, buf, from, to);
}

export class SetWalk implements PartedWork {
  readonly kind = KIND_SETS;
  readonly #operation: SetOperation;
  readonly #sources: readonly SetSource[];
  #parts: Parts | null = null;

  /** The smallest of sets to intersect comes first: it is walked, the others are asked. */
  constructor(operation: SetOperation, sources: readonly SetSource[]) {
    const isSorted = operation === 'inter';
    this.#operation = operation;
    this.#sources = isSorted ? [...sources].sort((a, b) => a.size - b.size) : sources;
  }

  /** Members that it looks at, a measure of its work. */
  get units(): number {
    let units = 0;
    for (let walk = 0; walk < this.#walkCount; walk++) units += this.#unitsOf(walk);
    return units;
  }

  #unitsOf(walk: number): number {
    const asked = this.#operation === 'union' ? walk : this.#sources.length - 1;
    return this.#sources[walk]!.size * (asked + 1);
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

  /** In a union a member counts where it is met first: in no source before. */
  #walk(walk: number, fromUnit: number, toUnit: number, visit: PartVisitor): boolean {
    const sources = this.#sources;
    const source = sources[walk]!;
    if (source.ref === 0) return true;
    const isUnion = this.#operation === 'union';
    const isWanted = this.#operation === 'inter';
    const first = isUnion ? 0 : 1;
    const end = isUnion ? walk : sources.length;
    let goesOn = true;
    source.shard.sets.forUnits(source.ref, fromUnit, toUnit, (buf, from, to) => {
      if (!goesOn) return;
      for (let j = first; j < end; j++) if (isIn(sources[j]!, buf, from, to) !== isWanted) return;
      goesOn = visit(buf, from, to, 0);
    });
    return goesOn;
  }

  get parts(): Parts {
    if (this.#parts !== null) return this.#parts;
    const parts = new Parts(this.units);
    for (let walk = 0; walk < this.#walkCount; walk++) {
      const { shard, ref } = this.#sources[walk]!;
      if (ref !== 0) parts.addWalk(walk, shard.sets.unitCount(ref), this.#unitsOf(walk));
    }
    this.#parts = parts;
    return parts;
  }

  runPart(part: number, visit: PartVisitor): boolean {
    const { parts } = this;
    return this.#walk(parts.walkOf(part), parts.fromOf(part), parts.toOf(part), visit);
  }

  words(): number[] {
    const words = [OPERATIONS.indexOf(this.#operation), this.#sources.length];
    for (const { shard, ref, size } of this.#sources) words.push(shard.index, ref, size);
    return words.concat(this.parts.words);
  }

  static read(shards: readonly Shard[], words: ArrayLike<number>): SetWalk {
    const sources: SetSource[] = [];
    let at = HEAD_WORDS;
    for (; sources.length < words[1]!; at += SOURCE_WORDS) {
      sources.push({ shard: shards[words[at]!]!, ref: words[at + 1]!, size: words[at + 2]! });
    }
    const walk = new SetWalk(OPERATIONS[words[0]!]!, sources);
    walk.#parts = Parts.read(words, at);
    return walk;
  }
}
