/**
 * One of two threads that count in turns, each parked until the other has counted. Fails when a
 * ring gets lost.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { Doorbell, DoorbellRinger } from '../../src/sync/doorbell.ts';

interface Work {
  readonly buffer: SharedArrayBuffer;
  readonly side: 0 | 1;
  readonly handshakes: number;
}

const PARKED = 1;
const LOST_MS = 20_000;
const COUNTS = [0, 16] as const;
const BELLS = [32, 48] as const;

const { buffer, side, handshakes }: Work = workerData;
const words = new Int32Array(buffer);
const other = side === 0 ? 1 : 0;
const bell = new Doorbell(words, BELLS[side]);
const ringer = new DoorbellRinger(words, BELLS[other], null);
let parks = 0;

/** What the other side may have published: all it takes before it has to wait for this side. */
function hasWork(turn: number): boolean {
  return words[COUNTS[other]]! >= turn;
}

function waitFor(turn: number): void {
  // Sometimes look for a while first, so that announcement and ring meet in all orders.
  for (let spin = turn % 64; spin > 0; spin--) Atomics.pause();
  while (!hasWork(turn)) {
    if (bell.prepare() && !hasWork(turn)) {
      parks += 1;
      bell.park(LOST_MS);
      if (words[BELLS[side]] === PARKED) throw new Error('a wake-up was lost');
    }
    bell.awake();
  }
}

for (let turn = 1; turn <= handshakes; turn++) {
  if (side === 1) waitFor(turn);
  words[COUNTS[side]] = turn;
  ringer.ring();
  if (side === 0) waitFor(turn);
}
parentPort!.postMessage({ seen: words[COUNTS[other]], parks });
