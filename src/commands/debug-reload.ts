/** DEBUG RELOAD: everything to the snapshot file and back, while all shards are held. */
import { dirname, join } from 'node:path';
import { asciiBytes } from '../base/bytes.ts';
import { FileSink } from '../durability/file-sink.ts';
import { FileSource } from '../durability/file-source.ts';
import { KeyspaceLoader } from '../durability/snapshot-load.ts';
import { SnapshotReader } from '../durability/snapshot-read.ts';
import { accessOf, writeKeyspace } from '../durability/snapshot-write.ts';
import { ERROR_BYTES } from '../resp/errors.ts';
import { type CommandContext, DONE, type RunStatus } from './spec.ts';

const NOSAVE = asciiBytes('NOSAVE');
const NOFLUSH = asciiBytes('NOFLUSH');
const MERGE = asciiBytes('MERGE');
const FREE_UNITS = 4096;

/** What the file system says when it refuses. */
function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Writes the snapshot file. What went wrong, or null; the old file is still there then. */
function save(ctx: CommandContext): string | null {
  const { limits } = ctx;
  let sink: FileSink | null = null;
  try {
    const name = `temp-${process.pid}-reload.rdb`;
    sink = new FileSink(limits.snapshotPath, join(dirname(limits.snapshotPath), name));
    writeKeyspace(sink, ctx.shards, limits.databases, {
      compresses: limits.rdbCompression,
      hasChecksum: limits.rdbChecksum,
      access: accessOf(limits.maxmemoryPolicy),
    });
    sink.finish();
    return null;
  } catch (error) {
    sink?.abandon();
    return reasonOf(error);
  }
}

/** Empties all databases, and frees their memory at once: what is loaded needs the room. */
function flushAll(ctx: CommandContext): void {
  for (const shard of ctx.shards) {
    for (let db = 0; db < ctx.limits.databases; db++) shard.flush(db);
    while (!shard.lazy.step(FREE_UNITS));
  }
  ctx.state.flushed();
}

/** Loads the snapshot file. What went wrong, or null. */
function load(ctx: CommandContext, isFlush: boolean, isReplace: boolean): string | null {
  const { limits, state } = ctx;
  const { eventMask } = state;
  // As in Redis, keys that are loaded are no news.
  state.eventMask = 0;
  let source: FileSource | null = null;
  let loader: KeyspaceLoader | null = null;
  try {
    // Before anything is flushed, so that without a file nothing is lost.
    source = new FileSource(limits.snapshotPath);
    if (isFlush) flushAll(ctx);
    const skipsChecksum = ctx.shards[0]!.skipsChecksum;
    const { databases } = limits;
    const options = { databases, skipsChecksum, nowMs: state.nowMs };
    loader = new KeyspaceLoader(ctx.shards, isReplace);
    // A log that goes on from here still has them.
    loader.onExpired = ({ db, name, nameLength }) => {
      state.expirySink?.keyExpired(db, name, 0, nameLength);
    };
    const reader = new SnapshotReader(loader, options);
    const problem = reader.read(source);
    return problem === null ? null : `${problem.text}, at offset ${problem.offset}`;
  } catch (error) {
    return reasonOf(error);
  } finally {
    state.eventMask = eventMask;
    // After an error of the disk as well: no table stays without items.
    loader?.finish();
    source?.close();
  }
}

/** RELOAD [NOSAVE] [NOFLUSH] [MERGE]. */
export function cmdReload(ctx: CommandContext): RunStatus {
  const { args, reply } = ctx;
  let isSave = true;
  let isFlush = true;
  let isReplace = false;
  for (let i = 2; i < args.count; i++) {
    if (args.equalsIgnoreCase(i, NOSAVE)) isSave = false;
    else if (args.equalsIgnoreCase(i, NOFLUSH)) isFlush = false;
    else if (args.equalsIgnoreCase(i, MERGE)) isReplace = true;
    else {
      reply.errorBytes(ERROR_BYTES.RELOAD_OPTIONS);
      return DONE;
    }
  }
  // What is loaded is what was there, or it is the log that has to be rewritten.
  ctx.effects.replace();
  const unsaved = isSave ? save(ctx) : null;
  if (unsaved !== null) {
    reply.error(`ERR Error trying to save the RDB dump: ${unsaved}`);
    return DONE;
  }
  const problem = load(ctx, isFlush, isReplace);
  if (problem === null) reply.ok();
  else reply.error(`ERR Error trying to load the RDB dump: ${problem}`);
  return DONE;
}
