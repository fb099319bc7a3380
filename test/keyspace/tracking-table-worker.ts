/** Adds and takes random keys of a shared tracking table, and says how many of each. */
import { parentPort, workerData } from 'node:worker_threads';
import { HalfSipHash } from '../../src/base/half-sip-hash.ts';
import { Key } from '../../src/keyspace/key.ts';
import { clientWord, TRACK_ADDED, TrackingTable } from '../../src/keyspace/tracking-table.ts';

interface Work {
  readonly buffers: readonly SharedArrayBuffer[];
  readonly id: number;
}

const STEPS = 30_000;
const KEYS = 300;
const { buffers, id }: Work = workerData;
const hasher = new HalfSipHash(1, 2);
const table = new TrackingTable(buffers, hasher);
const key = new Key();
let added = 0;
let taken = 0;
let state = id;

function random(below: number): number {
  state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
  return (state >>> 8) % below;
}

for (let i = 0; i < STEPS; i++) {
  const bytes = Buffer.from(`key:${random(KEYS)}`);
  key.locate(hasher, bytes, 0, bytes.length, 1);
  const what = random(10);
  if (what < 6) {
    if (table.add(key, clientWord(id, random(20)), i) === TRACK_ADDED) added += 1;
  } else if (what < 9) {
    if (table.take(key)) taken += table.takenCount;
  } else if (table.takeAny(random)) taken += table.takenCount;
}
parentPort!.postMessage({ added, taken });
