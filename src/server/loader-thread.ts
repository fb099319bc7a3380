/**
 * The loader thread: reads a snapshot file, checks it, and routes each key to the shard worker that
 * owns it. It lives as long as one load.
 */
import type { MessagePort } from 'node:worker_threads';
import { HalfSipHash } from '../base/half-sip-hash.ts';
import { readSnapshotFile } from '../durability/file-source.ts';
import { KeyRouter, type OwnShards } from '../durability/load-stream.ts';
import { KeyspaceLoader } from '../durability/snapshot-load.ts';
import { SnapshotReader } from '../durability/snapshot-read.ts';
import { Shard } from '../keyspace/shard.ts';
import { ThreadState } from '../keyspace/thread-state.ts';
import { Arena } from '../memory/arena.ts';
import { PipeProducer } from '../sync/byte-pipe.ts';
import { LoadBoard } from '../sync/load-board.ts';
import { sleepMs } from '../sync/pause.ts';
import { readCommandLimits } from './command-limits.ts';
import { type ConfigSnapshot, ConfigStore } from './config/store.ts';
import { ControlPort, type ToMain, type ToThread } from './control.ts';
import { LOAD_FACT } from './load-facts.ts';
import { isLoadersShard, type LoadReport, type LoadTask } from './load-task.ts';
import { ShardLocks } from './shard-locks.ts';
import { type SharedBuffers, SharedLayout } from './shared-layout.ts';

/** `workerData` of the loader thread. */
export interface LoaderStart {
  readonly buffers: SharedBuffers;
  readonly hashKey: readonly [number, number];
  readonly config: ConfigSnapshot;
  readonly task: LoadTask;
}

/** Bytes of the file between two notes of the progress. */
const NOTE_BYTES = 1 << 18;
const LOCK_RETRY_MS = 1;

/** Loads the file of `start`, and ends. */
export function runLoaderThread(start: LoaderStart, port: MessagePort): void {
  const { buffers, task } = start;
  const layout = new SharedLayout(buffers.control, buffers.rings);
  const board = new LoadBoard(buffers.load);
  const control = new ControlPort<ToMain, ToThread>(port);
  const isOver = (): boolean => board.isAborted;
  const pipes = Array.from(
    { length: layout.topology.shardThreads },
    (_, i) => new PipeProducer(buffers.load, board.pipeOffset(i), isOver),
  );
  const { facts } = layout;
  let noted = 0;
  const afterKey = (offset: number): boolean => {
    const delay = board.keyDelayMicros;
    if (offset - noted >= NOTE_BYTES || delay !== 0) {
      noted = offset;
      facts[LOAD_FACT.loadedBytes] = offset;
      if (delay !== 0) {
        for (const pipe of pipes) pipe.flush();
        pauseAfterKey(delay);
      }
      return !board.isAborted;
    }
    return true;
  };
  const hasher = new HalfSipHash(start.hashKey[0], start.hashKey[1]);
  const locks = new ShardLocks(layout, layout.loaderThread, []);
  const own = takeOwnShards(start, layout, hasher, locks);
  const router = new KeyRouter(pipes, own, layout.topology.shards, hasher, afterKey);
  const report = route(router, task, board, control);
  own.loader.finish();
  locks.releaseAll();
  const { keys, empty, emptyNames } = own.loader;
  control.send({ type: 'loaded', report: { ...report, keys, empty, emptyNames } });
  port.close();
}

/** The shards that this thread holds and builds. */
function takeOwnShards(
  { buffers, config }: LoaderStart,
  layout: SharedLayout,
  hasher: HalfSipHash,
  locks: ShardLocks,
): OwnShards {
  const { shards: count, shardThreads } = layout.topology;
  const state = new ThreadState();
  state.setTime(Date.now());
  readCommandLimits(ConfigStore.restore(config), state);
  const shards = buffers.arenas.map((arena, i) => new Shard(i, Arena.attach(arena), hasher, state));
  const held: number[] = [];
  for (let i = 0; i < count; i++) if (isLoadersShard(i, shardThreads)) held.push(i);
  while (!locks.acquire(held, held.length, false)) sleepMs(LOCK_RETRY_MS);
  const has = (shard: number): boolean => isLoadersShard(shard, shardThreads);
  return { loader: new KeyspaceLoader(shards, false, has), has };
}

function pauseAfterKey(micros: number): void {
  if (micros > 0) sleepMs(micros / 1000);
  else if (Math.random() < -1 / micros) sleepMs(0.001);
}

function route(
  router: KeyRouter,
  task: LoadTask,
  board: LoadBoard,
  control: ControlPort<ToMain, ToThread>,
): LoadReport {
  const reader = new SnapshotReader(router, task);
  reader.observer = {
    fact: (name, value) => control.send({ type: 'load-fact', name, value }),
    database: () => undefined,
  };
  let problem = readSnapshotFile(reader, task.path);
  if (router.isStopped) problem = { text: 'given up', offset: Number.POSITIVE_INFINITY };
  router.end(problem === null);
  if (problem !== null) board.abort();
  const { expired, isUnchecked, offset } = reader;
  return { problem, keys: 0, expired, empty: 0, emptyNames: [], isUnchecked, endOffset: offset };
}
