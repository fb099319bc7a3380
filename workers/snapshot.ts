/** Entry of the snapshot thread. */
import { parentPort, workerData } from 'node:worker_threads';
import { runSnapshotThread, type SnapshotJob } from '../src/server/snapshot-thread.ts';

runSnapshotThread(workerData as SnapshotJob, parentPort!);
