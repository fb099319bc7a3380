/**
 * The snapshot thread: started for one snapshot, it writes what arrives in the snapshot ring into a
 * file, and ends.
 */
import type { MessagePort } from 'node:worker_threads';
import { FileSink } from '../durability/file-sink.ts';
import { SnapshotFile } from '../durability/snapshot-file.ts';
import type { SnapshotStyle } from '../durability/snapshot-write.ts';
import { Doorbell } from '../sync/doorbell.ts';
import { MpscConsumer } from '../sync/mpsc-ring.ts';
import { ControlPort } from './control.ts';
import { FACT } from './persistence-facts.ts';
import { type SharedBuffers, SharedLayout } from './shared-layout.ts';
import { STAT, ThreadStats } from './thread-stats.ts';

/** `workerData` of the snapshot thread. */
export interface SnapshotJob {
  readonly buffers: SharedBuffers;
  readonly path: string;
  /** Name of the file until it is complete. */
  readonly temporary: string;
  readonly style: SnapshotStyle;
  readonly isAofBase: boolean;
  /** See FileSink. */
  readonly bytesPerSync: number;
}

/** From the snapshot thread to main. */
export type FromSnapshot =
  | { readonly type: 'ready' }
  | { readonly type: 'done'; readonly error: string | null; readonly bytes: number };

/** From main: give up. */
export interface ToSnapshot {
  readonly type: 'cancel';
}

/** What `done` says after a cancel. */
export const CANCELLED = 'cancelled';

const PARK_MS = 100;
/** Frames between two looks at the control port. */
const FRAMES_PER_LOOK = 32;

/** Writes one snapshot. `port` leads to main. */
export function runSnapshotThread(job: SnapshotJob, port: MessagePort): void {
  const control = new ControlPort<FromSnapshot, ToSnapshot>(port);
  let sink: FileSink | null = null;
  let file: SnapshotFile | null = null;
  let error: string | null = null;
  try {
    sink = new FileSink(job.path, job.temporary, job.bytesPerSync);
    file = new SnapshotFile(sink, job.style, job.isAofBase, `${job.temporary}.aside`);
    const flushes = flushCounter(job);
    const before = flushes();
    // FLUSHALL ends a save, as in Redis: main would learn of it too late where little is left.
    const isWanted = (): boolean => job.isAofBase || flushes() === before;
    if (!writeAll(job, control, file) || !sink.finish(isWanted)) error = CANCELLED;
  } catch (problem) {
    error = problem instanceof Error ? problem.message : String(problem);
  }
  file?.close();
  if (error !== null) sink?.abandon();
  control.send({ type: 'done', error, bytes: sink?.bytes ?? 0 });
  port.close();
}

/** Counts FLUSHALLs. */
function flushCounter({ buffers }: SnapshotJob): () => number {
  const layout = new SharedLayout(buffers.control, buffers.rings);
  const { commandRows } = layout.topology;
  const all = Array.from({ length: layout.threadCount }, (_, t) => {
    return new ThreadStats(layout.control, layout.statsOffset(t), commandRows);
  });
  return () => all.reduce((sum, stats) => sum + stats.counters[STAT.flushes]!, 0);
}

/** Takes in frames up to the last. False when main has cancelled. */
function writeAll(
  { buffers }: SnapshotJob,
  control: ControlPort<FromSnapshot, ToSnapshot>,
  file: SnapshotFile,
): boolean {
  const layout = new SharedLayout(buffers.control, buffers.rings);
  const { facts } = layout;
  const bell = new Doorbell(layout.words, layout.bellWord(layout.snapshotThread));
  const ring = new MpscConsumer(buffers.snapshot);
  // What an earlier snapshot has left goes before the epoch may flip.
  while (ring.next());
  ring.release();
  control.send({ type: 'ready' });
  for (;;) {
    if (control.poll() !== null) return false;
    const isParking = bell.prepare();
    let frames = 0;
    let isEnd = false;
    while (!isEnd && frames < FRAMES_PER_LOOK && ring.next()) {
      isEnd = file.take(ring.u8, ring.offset, ring.offset + ring.length);
      frames += 1;
    }
    ring.release();
    facts[FACT.saveKeysProcessed] = file.entries;
    if (isEnd) return true;
    if (isParking && frames === 0) bell.park(PARK_MS);
    bell.awake();
  }
}
