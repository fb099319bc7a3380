/** Entry of the loader thread. */
import { parentPort, workerData } from 'node:worker_threads';
import { type LoaderStart, runLoaderThread } from '../src/server/loader-thread.ts';

runLoaderThread(workerData as LoaderStart, parentPort!);
