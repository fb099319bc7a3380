/** Entry of the durability thread. */
import { parentPort, workerData } from 'node:worker_threads';
import { runDurabilityThread } from '../src/server/durability-thread.ts';
import type { ThreadStart } from '../src/server/thread-setup.ts';

runDurabilityThread(workerData as ThreadStart, parentPort!);
