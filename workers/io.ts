/** Entry of an I/O thread. */
import { parentPort, workerData } from 'node:worker_threads';
import { runIoThread } from '../src/server/io-thread.ts';
import type { ThreadStart } from '../src/server/thread-setup.ts';

await runIoThread(workerData as ThreadStart, parentPort!);
