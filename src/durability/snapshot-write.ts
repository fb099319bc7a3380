/**
 * SnapshotWriter: an RDB file (LAYOUT in rdb-format.ts), entry by entry, into any sink. Who calls
 * it decides about locks and slices.
 */
import { REDIS_VERSION, TESSERA_VERSION } from '../base/version.ts';
import { STREAMS_WITH_PRODUCERS, STREAMS_WITH_RELEASED } from '../keyspace/entry-blocks.ts';
import { NO_TTL, type Shard } from '../keyspace/shard.ts';
import { idleSeconds } from '../keyspace/thread-state.ts';
import type { Ref } from '../memory/arena.ts';
import type { ByteSink } from './byte-sink.ts';
import type { Crc64 } from './crc64.ts';
import * as rdb from './rdb-format.ts';
import { RdbOutput } from './rdb-output.ts';
import { ValueWriter } from './rdb-write-value.ts';

/** A sink that knows the checksum of what it was given. */
export interface SnapshotSink extends ByteSink {
  /** The checksum of everything so far. */
  settleChecksum(): Crc64;
}

/** How a snapshot is written. */
export interface SnapshotStyle {
  readonly compresses: boolean;
  /** False: zeros in its place, which no reader compares. */
  readonly hasChecksum: boolean;
  /** What is written with each key of its use, as in Redis: by maxmemory-policy. */
  readonly access: 'none' | 'lru' | 'lfu';
}

const LFU_COUNTER = 0xff;
const VERSION_DIGITS = 4;

/** The access facts that a policy needs in files. */
export function accessOf(maxmemoryPolicy: string): SnapshotStyle['access'] {
  if (/-lr[um]$/.test(maxmemoryPolicy)) return 'lru';
  return maxmemoryPolicy.endsWith('-lfu') ? 'lfu' : 'none';
}

/** Writes entries, whatever surrounds them. */
export class EntryWriter {
  access: SnapshotStyle['access'] = 'none';
  readonly #out: RdbOutput;
  readonly #writers: ValueWriter[] = [];

  constructor(out: RdbOutput) {
    this.#out = out;
  }

  /** The writer of a shard's values. */
  writerOf(shard: Shard): ValueWriter {
    this.#writers[shard.index] ??= new ValueWriter(shard);
    return this.#writers[shard.index]!;
  }

  /** One key with its value. O(value). */
  entry(shard: Shard, ref: Ref): void {
    this.writerOf(shard).write(this.#out, ref, this.head(shard, ref));
  }

  /** What stands before a key's value, whose type is returned. */
  head(shard: Shard, ref: Ref): number {
    const out = this.#out;
    const expireMs = shard.expireMs(ref);
    if (expireMs !== NO_TTL) {
      out.byte(rdb.OP_EXPIRE_MS);
      out.u64(expireMs);
    }
    this.#writeAccess(shard, ref);
    const type = this.writerOf(shard).typeOf(ref);
    const at = shard.keyOffset(ref);
    out.byte(type);
    out.string(shard.u8, at, at + shard.keyLength(ref));
    return type;
  }

  #writeAccess(shard: Shard, ref: Ref): void {
    const out = this.#out;
    const word = shard.accessWord(ref);
    if (this.access === 'lru') {
      out.byte(rdb.OP_IDLE);
      out.length(idleSeconds(word, shard.state));
    } else if (this.access === 'lfu') {
      out.byte(rdb.OP_FREQ);
      out.byte(word & LFU_COUNTER);
    }
  }
}

export class SnapshotWriter {
  readonly #sink: SnapshotSink;
  readonly #out: RdbOutput;
  readonly #style: SnapshotStyle;
  readonly #entries: EntryWriter;

  constructor(sink: SnapshotSink, style: SnapshotStyle) {
    this.#sink = sink;
    this.#style = style;
    this.#out = new RdbOutput(sink, style.compresses);
    this.#entries = new EntryWriter(this.#out);
    this.#entries.access = style.access;
  }

  /**
   * The head of a file of `version`: it must be as new as every value that follows needs.
   * `isAofBase`: the file is the beginning of an append-only file.
   */
  begin(version: number, unixSeconds: number, usedMemory: number, isAofBase = false): void {
    const head = Buffer.from(`REDIS${String(version).padStart(VERSION_DIGITS, '0')}`, 'latin1');
    this.#sink.rawRange(head, 0, head.length);
    this.#aux('redis-ver', REDIS_VERSION);
    this.#aux('tessera-ver', TESSERA_VERSION);
    this.#aux('redis-bits', '64');
    this.#aux('ctime', String(unixSeconds));
    this.#aux('used-mem', String(usedMemory));
    this.#aux('aof-base', isAofBase ? '1' : '0');
  }

  #aux(name: string, value: string): void {
    this.#out.byte(rdb.OP_AUX);
    this.#out.text(name);
    this.#out.text(value);
  }

  /** Entries that follow are of database `db`, which has about so many keys. */
  selectDatabase(db: number, keys: number, expires: number): void {
    const out = this.#out;
    out.byte(rdb.OP_SELECT_DB);
    out.length(db);
    out.byte(rdb.OP_RESIZE_DB);
    out.length(keys);
    out.length(expires);
  }

  /** Entries that follow are of database `db`, which was selected before. */
  selectAgain(db: number): void {
    this.#out.byte(rdb.OP_SELECT_DB);
    this.#out.length(db);
  }

  /** One key with its value. O(value). */
  entry(shard: Shard, ref: Ref): void {
    this.#entries.entry(shard, ref);
  }

  /** The end of the file. */
  end(): void {
    this.#out.byte(rdb.OP_EOF);
    const checksum = this.#sink.settleChecksum();
    const bytes = new Uint8Array(rdb.CRC_BYTES);
    if (this.#style.hasChecksum) checksum.write(bytes, 0);
    this.#sink.rawRange(bytes, 0, bytes.length);
  }
}

/** The RDB version that a file of these shards' entries needs. O(shards * databases). */
export function versionFor(shards: readonly Shard[]): number {
  let version = rdb.RDB_VERSION_PLAIN;
  for (const shard of shards) {
    for (let db = 0; db < shard.databases; db++) {
      const newer = shard.newerStreams(db);
      let needed = shard.fieldExpires(db) !== 0 ? rdb.RDB_VERSION_FIELD_EXPIRY : 0;
      if ((newer & STREAMS_WITH_PRODUCERS) !== 0) needed = rdb.RDB_VERSION_PRODUCERS;
      if ((newer & STREAMS_WITH_RELEASED) !== 0) needed = rdb.RDB_VERSION_RELEASED;
      version = Math.max(version, needed);
    }
  }
  return version;
}

/**
 * Writes everything in `shards`, which together are the keyspace, while the caller holds them all.
 * Expired keys that nobody has freed yet are written, too. O(n).
 */
export function writeKeyspace(
  sink: SnapshotSink,
  shards: readonly Shard[],
  databases: number,
  style: SnapshotStyle,
): void {
  const writer = new SnapshotWriter(sink, style);
  let used = 0;
  for (const shard of shards) used += shard.arena.usedBytes();
  writer.begin(versionFor(shards), Math.floor(shards[0]!.state.nowMs / 1000), used);
  for (let db = 0; db < databases; db++) {
    let keys = 0;
    let expires = 0;
    for (const shard of shards) {
      keys += shard.size(db);
      expires += shard.expires(db);
    }
    if (keys === 0) continue;
    writer.selectDatabase(db, keys, expires);
    for (const shard of shards) {
      const dict = shard.dict(db);
      for (let unit = 0; unit < dict.unitCount; unit++) {
        dict.visitUnit(unit, (ref) => writer.entry(shard, ref));
      }
    }
  }
  writer.end();
}
