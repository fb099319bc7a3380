/**
 * checkSnapshot: what `tessera-check-rdb` does. It reads a snapshot file with the code that loads
 * one, builds each value in an arena of its own and drops it again.
 */
import { HalfSipHash } from '../base/half-sip-hash.ts';
import { shardHeaderBytes } from '../keyspace/entry-blocks.ts';
import { NO_TTL, Shard } from '../keyspace/shard.ts';
import { ThreadState } from '../keyspace/thread-state.ts';
import { Arena } from '../memory/arena.ts';
import { LOAD_EMPTY, LOAD_FULL, LOAD_OK } from './pack-builder.ts';
import type { ByteSource, RdbInput } from './rdb-input.ts';
import { ValueLoader } from './rdb-read-value.ts';
import { rdbTypeName } from './rdb-type-names.ts';
import { LOAD_FULL_TEXT } from './snapshot-load.ts';
import {
  type EntrySink,
  type SnapshotEntry,
  type SnapshotProblem,
  SnapshotReader,
  valueProblem,
} from './snapshot-read.ts';

/** Room for the largest value of a file; memory is taken as it is used. */
const ARENA_BYTES = 2 ** 31 - 4096;
const FREE_UNITS = 4096;
const KEYS_PER_LOOK = 1024;
const PROGRESS_MS = 5000;

/** Builds values and drops them. */
export class ValueChecker implements EntrySink {
  keys = 0;
  expires = 0;
  expired = 0;
  /** Called now and then with the bytes of the file read so far. */
  onProgress: (offset: number) => void = () => undefined;
  readonly shard: Shard;
  readonly #loader: ValueLoader;

  constructor(nowMs: number, arenaBytes = ARENA_BYTES) {
    const arena = Arena.create(arenaBytes, shardHeaderBytes(1));
    Shard.format(arena, 1);
    const state = new ThreadState();
    state.setTime(nowMs);
    this.shard = new Shard(0, arena, new HalfSipHash(0, 0), state);
    this.#loader = new ValueLoader(this.shard);
  }

  expect(): void {
    // Nothing is kept.
  }

  take(input: RdbInput, entry: SnapshotEntry): string | null {
    this.keys += 1;
    const status = this.#loader.load(input, entry.type);
    if (status === LOAD_OK) {
      this.#loader.loaded.drop();
      while (!this.shard.lazy.step(FREE_UNITS));
    } else if (status === LOAD_FULL) {
      return LOAD_FULL_TEXT;
    } else if (status !== LOAD_EMPTY) {
      return valueProblem(input, entry.type);
    }
    if (entry.expireMs !== NO_TTL) {
      this.expires += 1;
      if (entry.expireMs <= this.shard.state.nowMs) this.expired += 1;
    }
    if (this.keys % KEYS_PER_LOOK === 0) this.onProgress(input.position);
    return null;
  }
}

/** What to check, and how. */
export interface CheckOptions {
  /** As it is shown. */
  readonly path: string;
  readonly nowMs: number;
  /** Takes a line without its line feed. */
  readonly write: (line: string) => void;
  /** Called with where the snapshot ends: what follows in the file is no part of it. */
  readonly onEnd?: (offset: number) => void;
}

/** Checks a snapshot, and writes what redis-check-rdb would. True when all is well. */
export function checkSnapshot(source: ByteSource, options: CheckOptions): boolean {
  const { write } = options;
  const total = source.left;
  const checker = new ValueChecker(options.nowMs);
  const reader = new SnapshotReader(checker, {
    databases: Number.POSITIVE_INFINITY,
    skipsChecksum: false,
    nowMs: Number.NEGATIVE_INFINITY,
  });
  const say = (text: string): void => write(`[offset ${reader.offset}] ${text}`);
  reader.observer = {
    fact: (name, value) => say(`AUX FIELD ${name} = '${value}'`),
    database: (db) => say(`Selecting DB ID ${db}`),
  };
  let saidMs = performance.now();
  checker.onProgress = (offset) => {
    if (performance.now() - saidMs < PROGRESS_MS) return;
    saidMs = performance.now();
    say(`${Math.floor((offset / total) * 100)}% of ${total} bytes, ${checker.keys} keys so far`);
  };
  write(`[offset 0] Checking RDB file ${options.path}`);
  const problem = reader.read(source);
  if (problem === null) options.onEnd?.(reader.offset);
  if (problem === null) {
    const unchecked = 'RDB file was saved with checksum disabled: no check performed.';
    if (reader.hasChecksum) say(reader.isUnchecked ? unchecked : 'Checksum OK');
    say('\\o/ RDB looks OK! \\o/');
  } else {
    writeProblem(write, reader, problem);
  }
  write(`[info] ${checker.keys} keys read`);
  write(`[info] ${checker.expires} expires`);
  write(`[info] ${checker.expired} already expired`);
  return problem === null;
}

function writeProblem(
  write: (line: string) => void,
  { doing, entry }: SnapshotReader,
  { offset, text }: SnapshotProblem,
): void {
  write('--- RDB ERROR DETECTED ---');
  write(`[offset ${offset}] ${text}`);
  write(`[additional info] While doing: ${doing}`);
  if (doing !== 'read-key' && doing !== 'read-object-value') return;
  if (doing === 'read-object-value') write(`[additional info] Reading key '${entry.shownName}'`);
  write(`[additional info] Reading type ${entry.type} (${rdbTypeName(entry.type)})`);
}
