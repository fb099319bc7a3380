/** Keys of snapshot files become keys of the keyspace, whose shards the caller holds. */
import { Key } from '../keyspace/key.ts';
import type { Shard } from '../keyspace/shard.ts';
import { freshAccessWord, TOUCH_LFU } from '../keyspace/thread-state.ts';
import { LOAD_EMPTY, LOAD_FULL, LOAD_OK } from './pack-builder.ts';
import type { RdbInput } from './rdb-input.ts';
import { ValueLoader } from './rdb-read-value.ts';
import { type EntrySink, type SnapshotEntry, valueProblem } from './snapshot-read.ts';

const LRU_CLOCK_MASK = 0xffffff;
const LFU_COUNTER = 0xff;
const EMPTY_NAMED_MAX = 10;

/** What is said when an arena is full. */
export const LOAD_FULL_TEXT = 'OOM: the data set does not fit into memory';

export class KeyspaceLoader implements EntrySink {
  /** Keys loaded. */
  keys = 0;
  /** Collections without elements, which are left out, and the names of the first of them. */
  empty = 0;
  readonly emptyNames: string[] = [];
  /** Told of keys that are left out because they have expired. */
  onExpired?: (entry: SnapshotEntry) => void;
  readonly #shards: readonly Shard[];
  readonly #isReplace: boolean;
  readonly #owns: (shard: number) => boolean;
  readonly #loaders: (ValueLoader | null)[];
  readonly #key = new Key();

  /**
   * `isReplace`: a key that is there already is replaced; otherwise it is an error. Only keys of
   * shards that it `owns` come.
   */
  constructor(
    shards: readonly Shard[],
    isReplace: boolean,
    owns: (shard: number) => boolean = () => true,
  ) {
    this.#shards = shards;
    this.#isReplace = isReplace;
    this.#owns = owns;
    this.#loaders = shards.map(() => null);
  }

  expect(db: number, keys: number): void {
    for (const shard of this.#shards) {
      if (this.#owns(shard.index)) shard.dict(db).reserve(keys / this.#shards.length);
    }
  }

  /** To be called when all keys have come. */
  finish(): void {
    for (const shard of this.#shards) {
      if (!this.#owns(shard.index)) continue;
      for (let db = 0; db < shard.databases; db++) shard.dict(db).trim();
    }
  }

  take(input: RdbInput, entry: SnapshotEntry): string | null {
    const { hasher } = this.#shards[0]!;
    this.#key.locate(hasher, entry.name, 0, entry.nameLength, this.#shards.length);
    return this.takeLocated(input, entry, this.#key);
  }

  /** The same for an entry whose key has been located. */
  takeLocated(input: RdbInput, entry: SnapshotEntry, key: Key): string | null {
    const shard = this.#shards[key.shardIndex]!;
    let loader = this.#loaders[key.shardIndex]!;
    if (loader === null) {
      loader = new ValueLoader(shard);
      this.#loaders[key.shardIndex] = loader;
    }
    const status = loader.load(input, entry.type);
    if (status !== LOAD_OK) {
      if (status === LOAD_FULL) return LOAD_FULL_TEXT;
      if (status !== LOAD_EMPTY) return valueProblem(input, entry.type);
      this.empty += 1;
      if (this.empty <= EMPTY_NAMED_MAX) this.emptyNames.push(entry.shownName);
      return null;
    }
    if (!this.#isReplace && shard.find(entry.db, key) !== 0) {
      loader.loaded.drop();
      return `RDB has duplicated key '${entry.shownName}' in DB ${entry.db}`;
    }
    if (!loader.loaded.link(entry.db, key, entry.expireMs)) return LOAD_FULL_TEXT;
    if (entry.idleSeconds >= 0 || entry.frequency >= 0) setAccess(shard, entry, key);
    this.keys += 1;
    return null;
  }
}

function setAccess(shard: Shard, entry: SnapshotEntry, key: Key): void {
  const { state } = shard;
  const { idleSeconds, frequency } = entry;
  let word = freshAccessWord(state);
  if (state.policyTouchMode === TOUCH_LFU) {
    if (frequency >= 0) word = (word & ~LFU_COUNTER) | frequency;
  } else if (idleSeconds >= 0) {
    word = (state.lruClock - Math.min(idleSeconds, LRU_CLOCK_MASK)) & LRU_CLOCK_MASK;
  }
  shard.setAccessWord(shard.find(entry.db, key), word);
}
