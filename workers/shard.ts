/** Entry of a shard worker. */
import { parentPort, workerData } from 'node:worker_threads';
import { runShardThread } from '../src/server/shard-thread.ts';
import type { ThreadStart } from '../src/server/thread-setup.ts';

runShardThread(workerData as ThreadStart, parentPort!);
