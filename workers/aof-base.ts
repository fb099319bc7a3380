/** Entry of the thread that makes a base of commands; it ends when that is done. */
import { parentPort, workerData } from 'node:worker_threads';
import { errnoText } from '../src/base/errno-text.ts';
import { type BaseConversion, convertBase } from '../src/durability/aof-base-commands.ts';

try {
  parentPort!.postMessage(convertBase(workerData as BaseConversion));
} catch (error) {
  parentPort!.postMessage(errnoText(error));
}
