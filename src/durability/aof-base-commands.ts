/**
 * convertBase: makes a base of commands out of one in RDB format, for `aof-use-rdb-preamble no`. It
 * builds one value after the other in an arena of its own; nobody else's memory is touched.
 */
import { HalfSipHash } from '../base/half-sip-hash.ts';
import { shardHeaderBytes } from '../keyspace/entry-blocks.ts';
import { Key } from '../keyspace/key.ts';
import { Shard } from '../keyspace/shard.ts';
import { ThreadState } from '../keyspace/thread-state.ts';
import { Arena } from '../memory/arena.ts';
import { FileSink } from './file-sink.ts';
import { FileSource } from './file-source.ts';
import { LOAD_FULL, LOAD_OK } from './pack-builder.ts';
import type { RdbInput } from './rdb-input.ts';
import { ValueLoader } from './rdb-read-value.ts';
import { LOAD_FULL_TEXT } from './snapshot-load.ts';
import {
  type EntrySink,
  type SnapshotEntry,
  SnapshotReader,
  valueProblem,
} from './snapshot-read.ts';
import { writeCommands, writeSelect } from './value-commands.ts';

/** Room for the largest value of a file; memory is taken as it is used. */
const ARENA_BYTES = 2 ** 31 - 4096;
const FREE_UNITS = 4096;

/** What to convert. */
export interface BaseConversion {
  /** The file in RDB format, which becomes one of commands in one step. */
  readonly path: string;
  /** Begins with the time, as `#TS:` annotation: unix seconds, or 0 = does not. */
  readonly unixSeconds: number;
}

class CommandWriter implements EntrySink {
  readonly #sink: FileSink;
  readonly #shard: Shard;
  readonly #loader: ValueLoader;
  readonly #key = new Key();
  #db = -1;

  constructor(sink: FileSink) {
    this.#sink = sink;
    const arena = Arena.create(ARENA_BYTES, shardHeaderBytes(1));
    Shard.format(arena, 1);
    this.#shard = new Shard(0, arena, new HalfSipHash(0, 0), new ThreadState());
    this.#loader = new ValueLoader(this.#shard);
  }

  /** One key is here at a time: no table grows. */
  expect(): void {}

  take(input: RdbInput, entry: SnapshotEntry): string | null {
    const shard = this.#shard;
    const loader = this.#loader;
    const status = loader.load(input, entry.type);
    if (status === LOAD_FULL) return LOAD_FULL_TEXT;
    if (status !== LOAD_OK) return valueProblem(input, entry.type);
    const key = this.#key;
    key.locate(shard.hasher, entry.name, 0, entry.nameLength, 1);
    if (!loader.loaded.link(0, key, entry.expireMs)) return LOAD_FULL_TEXT;
    if (entry.db !== this.#db) writeSelect(this.#sink, entry.db);
    this.#db = entry.db;
    writeCommands(this.#sink, shard, shard.find(0, key));
    shard.delete(0, key);
    while (!shard.lazy.step(FREE_UNITS));
    return null;
  }
}

/** Converts a base. What went wrong, or null; throws system errors. O(file). */
export function convertBase({ path, unixSeconds }: BaseConversion): string | null {
  const source = new FileSource(path);
  const sink = new FileSink(path, `${process.pid}-base`);
  try {
    const annotation = Buffer.from(unixSeconds === 0 ? '' : `#TS:${unixSeconds}\r\n`, 'latin1');
    sink.rawRange(annotation, 0, annotation.length);
    const reader = new SnapshotReader(new CommandWriter(sink), {
      databases: Number.POSITIVE_INFINITY,
      skipsChecksum: false,
      nowMs: Number.NEGATIVE_INFINITY,
    });
    const problem = reader.read(source);
    if (problem === null) {
      sink.finish();
      return null;
    }
    sink.abandon();
    return `${problem.text} at offset ${problem.offset}`;
  } catch (error) {
    sink.abandon();
    throw error;
  } finally {
    source.close();
  }
}
