import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { describe, expect, it } from 'vitest';
import { Doorbell, DoorbellRinger } from '../../src/sync/doorbell.ts';

const AT = 5;

function newWords(): Int32Array {
  return new Int32Array(new SharedArrayBuffer(1024));
}

describe('doorbell on one thread', () => {
  it('a ring before the announcement forbids to park, once', () => {
    const words = newWords();
    const bell = new Doorbell(words, AT);
    new DoorbellRinger(words, AT, null).ring();
    expect(bell.prepare()).toBe(false);
    bell.awake();
    expect(bell.prepare()).toBe(true);
    bell.awake();
  });

  it('a ring after the announcement ends the park at once', () => {
    const words = newWords();
    const bell = new Doorbell(words, AT);
    expect(bell.prepare()).toBe(true);
    new DoorbellRinger(words, AT, null).ring();
    bell.park(Number.POSITIVE_INFINITY);
    bell.awake();
    expect(bell.prepare()).toBe(true);
  });

  it('wakes by another function only a thread that is parked, and once', () => {
    const words = newWords();
    const bell = new Doorbell(words, AT);
    let wakes = 0;
    const ringer = new DoorbellRinger(words, AT, () => {
      wakes += 1;
    });
    ringer.ring();
    expect(wakes).toBe(0);
    bell.awake();
    bell.prepare();
    ringer.ring();
    ringer.ring();
    expect(wakes).toBe(1);
  });

  it('parks until the time is over, and is still announced then', () => {
    const words = newWords();
    const bell = new Doorbell(words, AT);
    bell.prepare();
    bell.park(1);
    expect(bell.prepare()).toBe(false);
    bell.awake();
    expect(bell.prepare()).toBe(true);
  });
});

describe('doorbell between two threads', () => {
  it('loses no wake-up in 200000 handshakes', async () => {
    const { buffer } = newWords();
    const url = new URL('./doorbell-worker.ts', import.meta.url);
    const workers = [0, 1].map(
      (side) => new Worker(url, { workerData: { buffer, side, handshakes: 200_000 } }),
    );
    const results = await Promise.all(
      workers.map(async (worker) => (await once(worker, 'message'))[0]),
    );
    expect(results.map(({ seen }) => seen)).toEqual([200_000, 200_000]);
    expect(results.reduce((sum, { parks }) => sum + parks, 0)).toBeGreaterThan(0);
  });
});
