/**
 * The loader thread: reads a snapshot file, checks it, and routes each key to the shard worker that
 * owns it. It lives as long as one load.
 */
import type { MessagePort } from 'node:worker_threads';
import { HalfSipHash } from '../base/half-sip-hash.ts';
import { readSnapshotFile } from '../durability/file-source.ts';
import { KeyRouter } from '../durability/load-stream.ts';
import { SnapshotReader } from '../durability/snapshot-read.ts';
import { PipeProducer } from '../sync/byte-pipe.ts';
import { LoadBoard } from '../sync/load-board.ts';
import { sleepMs } from '../sync/pause.ts';
import { ControlPort, type ToMain, type ToThread } from './control.ts';
import { LOAD_FACT } from './load-facts.ts';
import type { LoadReport, LoadTask } from './load-task.ts';
import { type SharedBuffers, SharedLayout } from './shared-layout.ts';

/** `workerData` of the loader thread. */
export interface LoaderStart {
  readonly buffers: SharedBuffers;
  readonly hashKey: readonly [number, number];
  readonly task: LoadTask;
}

/** Bytes of the file between two notes of the progress. */
const NOTE_BYTES = 1 << 18;

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
  const router = new KeyRouter(pipes, layout.topology.shards, hasher, afterKey);
  control.send({ type: 'loaded', report: route(router, task, board, control) });
  port.close();
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
