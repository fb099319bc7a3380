/**
 * One of some threads at a job board: owns jobs now and then, and helps with those of others.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { JOB_BOARD_WORDS, JobBoard } from '../../src/sync/job-board.ts';

interface Work {
  readonly buffer: SharedArrayBuffer;
  readonly thread: number;
  readonly jobs: number;
  readonly partsMax: number;
}

const FIRST_PART = JOB_BOARD_WORDS + 1;

const { buffer, thread, jobs, partsMax }: Work = workerData;
const words = new Int32Array(buffer);
const board = new JobBoard(words, 0);
let owned = 0;
let helped = 0;
let random = thread;

function draw(below: number): number {
  random = (Math.imul(random, 1664525) + 1013904223) >>> 0;
  return (random >>> 8) % below;
}

function spin(count: number): void {
  for (let i = draw(count); i > 0; i--) Atomics.pause();
}

/** Offers a job, some of them with an early end, and checks who ran what. */
function own(): void {
  if (!board.tryTake()) return;
  const parts = 1 + draw(partsMax);
  const stopAt = draw(4) === 0 ? draw(parts) : parts;
  words.fill(0, FIRST_PART, FIRST_PART + parts);
  // Plain: what helpers read of it, they read inside.
  words[JOB_BOARD_WORDS] = parts;
  board.open(parts, parts);
  let front = 0;
  while (front <= stopAt) {
    const part = board.claimFirst();
    if (part < 0) break;
    if (part !== front) throw new Error('the owner got a part out of turn');
    front += 1;
    spin(30);
  }
  const end = board.close();
  if (end < front) throw new Error('a part has two runners');
  if (front <= stopAt && end !== front) throw new Error('a part was left');
  for (let part = 0; part < parts; part++) {
    const runs = words[FIRST_PART + part]!;
    if (runs !== (part < end ? 0 : 1)) throw new Error(`part ${part} of helpers ran ${runs} times`);
  }
  words[JOB_BOARD_WORDS] = 0;
  board.release();
  owned += 1;
}

function help(): void {
  if (!board.enter()) return;
  if (board.job !== words[JOB_BOARD_WORDS]) throw new Error('inside a job that is over');
  const part = board.claimLast();
  spin(60);
  if (part >= 0) {
    if (part >= board.job) throw new Error('a part that the job does not have');
    words[FIRST_PART + part] = words[FIRST_PART + part]! + 1;
    helped += 1;
  }
  if (board.job !== words[JOB_BOARD_WORDS]) throw new Error('a job was over with a helper inside');
  board.leave();
}

while (owned < jobs) {
  if (draw(3) === 0) own();
  else help();
}
parentPort!.postMessage({ owned, helped });
