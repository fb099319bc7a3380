/** What a shard worker does of a load: it builds the keys of its own shards, which it holds. */
import { readSnapshotFile } from '../durability/file-source.ts';
import { KeyBuilder } from '../durability/load-stream.ts';
import { KeyspaceLoader } from '../durability/snapshot-load.ts';
import { type SnapshotProblem, SnapshotReader } from '../durability/snapshot-read.ts';
import { PipeConsumer } from '../sync/byte-pipe.ts';
import { LoadBoard } from '../sync/load-board.ts';
import { sleepMs } from '../sync/pause.ts';
import type { ControlPort, ToMain, ToThread } from './control.ts';
import { isLoadersShard, type LoadReport, type LoadTask } from './load-task.ts';
import type { SharedLayout } from './shared-layout.ts';
import type { ThreadParts } from './thread-setup.ts';

const LOCK_RETRY_MS = 1;

/**
 * Builds what the loader thread sends, or (`task` given: a small file) loads all of a file, and
 * reports to main. `poll` handles control messages meanwhile; false = the thread shall end.
 */
export function loadHere(
  parts: ThreadParts,
  control: ControlPort<ToMain, ToThread>,
  task: LoadTask | null,
  poll: () => boolean,
): void {
  const { ctx, layout, locks, start } = parts;
  const worker = start.thread - layout.workerThread(0);
  const held = ctx.shards
    .map((shard) => shard.index)
    .filter((index) => task !== null || isMine(index, worker, layout));
  while (!locks.acquire(held, held.length, false)) sleepMs(LOCK_RETRY_MS);
  const { state } = ctx;
  state.setTime(Date.now());
  const { dirty } = state;
  const loader = new KeyspaceLoader(ctx.shards, false, (shard) => held.includes(shard));
  const report =
    task !== null ? readFile(loader, task, control) : build(loader, parts, worker, poll);
  loader.finish();
  // What has been loaded is on disk already.
  state.dirty = dirty;
  locks.releaseAll();
  control.send({ type: 'loaded', report });
}

function isMine(shard: number, worker: number, layout: SharedLayout): boolean {
  if (isLoadersShard(shard, layout.topology.shardThreads)) return false;
  return layout.ownerOf(shard) === worker;
}

function reportOf(loader: KeyspaceLoader, problem: SnapshotProblem | null): LoadReport {
  const { keys, empty, emptyNames } = loader;
  return { problem, keys, expired: 0, empty, emptyNames, isUnchecked: false, endOffset: 0 };
}

function readFile(
  loader: KeyspaceLoader,
  task: LoadTask,
  control: ControlPort<ToMain, ToThread>,
): LoadReport {
  const reader = new SnapshotReader(loader, task);
  reader.observer = {
    fact: (name, value) => control.send({ type: 'load-fact', name, value }),
    database: () => undefined,
  };
  const problem = readSnapshotFile(reader, task.path);
  const { expired, isUnchecked, offset } = reader;
  return { ...reportOf(loader, problem), expired, isUnchecked, endOffset: offset };
}

function build(
  loader: KeyspaceLoader,
  parts: ThreadParts,
  worker: number,
  poll: () => boolean,
): LoadReport {
  const { start, ctx } = parts;
  const board = new LoadBoard(start.buffers.load);
  const { load } = start.buffers;
  let isStopped = false;
  const look = (): boolean => {
    ctx.state.setTime(Date.now());
    isStopped ||= !poll();
    return !isStopped;
  };
  const pipe = new PipeConsumer(load, board.pipeOffset(worker), () => !look() || board.isAborted);
  const problem = new KeyBuilder(loader).run(pipe, look);
  if (problem !== null) board.abort();
  return reportOf(loader, problem);
}
