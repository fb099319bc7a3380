/**
 * One of some threads that take a lock word in every way there is and count in plain memory under
 * it. Waits as a worker
 * does: announces itself, parks on its doorbell, and fails when nobody rings.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { Doorbell, DoorbellRinger } from '../../src/sync/doorbell.ts';
import * as lock from '../../src/sync/lock-word.ts';
import { BELL_STRIDE, STATE } from './lock-hammer-layout.ts';

interface Work {
  readonly buffer: SharedArrayBuffer;
  readonly thread: number;
  readonly threads: number;
  readonly mix: Readonly<Record<'lease' | 'lock' | 'shared' | 'join', number>>;
}

const ROUNDS = 60_000;
const PARKED = 1;
const LOST_MS = 20_000;

const { buffer, thread, threads, mix }: Work = workerData;
const words = new Int32Array(buffer);
const bellAt = STATE.bells + thread * BELL_STRIDE;
const bell = new Doorbell(words, bellAt);
const ringers = Array.from(
  { length: threads },
  (_, i) => new DoorbellRinger(words, STATE.bells + (i + 1) * BELL_STRIDE, null),
);
const choices = Object.entries(mix).flatMap(([name, count]) => Array<string>(count).fill(name));
let written = 0;
let read = 0;
let random = thread;

function draw(below: number): number {
  random = (Math.imul(random, 1664525) + 1013904223) >>> 0;
  return (random >>> 8) % below;
}

/** Changes the pair; whoever looks meanwhile sees two different halves. */
function write(): void {
  const before = words[STATE.first]!;
  if (words[STATE.second] !== before) throw new Error('a writer met half a change');
  words[STATE.first] = before + 1;
  for (let spin = draw(20); spin > 0; spin--) Atomics.pause();
  if (words[STATE.first] !== before + 1) throw new Error('two writers at once');
  words[STATE.second] = before + 1;
  written += 1;
}

function check(): void {
  const first = words[STATE.first];
  for (let spin = draw(20); spin > 0; spin--) Atomics.pause();
  if (words[STATE.second] !== first || words[STATE.first] !== first) {
    throw new Error('a reader saw half a change');
  }
  read += 1;
}

function ringIf(isWaited: boolean): void {
  if (isWaited) for (const ringer of ringers) ringer.ring();
}

/** Takes the word as a worker does, parking while it is busy. */
function acquire(tryTake: () => boolean): void {
  while (!tryTake()) {
    if (!lock.announceWaiter(words, STATE.lock)) continue;
    if (bell.prepare()) {
      bell.park(LOST_MS);
      if (words[bellAt] === PARKED) throw new Error('a waiter was not woken');
    }
    bell.awake();
  }
}

const actions: Record<string, () => void> = {
  lease() {
    if (!lock.tryLease(words, STATE.lock, thread)) return;
    write();
    ringIf(lock.release(words, STATE.lock));
  },
  lock() {
    acquire(() => lock.tryLock(words, STATE.lock, thread));
    write();
    ringIf(lock.release(words, STATE.lock));
  },
  shared() {
    acquire(() => lock.tryLockShared(words, STATE.lock));
    check();
    ringIf(lock.releaseShared(words, STATE.lock));
  },
  join() {
    if (!lock.tryJoin(words, STATE.lock)) return;
    check();
    ringIf(lock.leaveJoined(words, STATE.lock));
  },
};

for (let round = 0; round < ROUNDS; round++) actions[choices[draw(choices.length)]!]!();
parentPort!.postMessage({ written, read });
