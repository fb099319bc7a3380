import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import * as lock from '../../src/sync/lock-word.ts';
import { HAMMER_WORDS, STATE } from './lock-hammer-layout.ts';

const AT = 3;
const COUNT_MAX = 255;

/** The lock word as its file's head describes it, field by field. */
class Model {
  holder = 0;
  joined = 0;
  long = 0;
  isWaiting = false;

  get isFree(): boolean {
    return this.holder === 0 && this.joined === 0 && this.long === 0;
  }

  tryLease(thread: number): boolean {
    if (!this.isFree || this.isWaiting) return false;
    this.holder = thread;
    return true;
  }

  tryLock(thread: number): boolean {
    if (!this.isFree) return false;
    this.holder = thread;
    this.isWaiting = false;
    return true;
  }

  release(): boolean {
    this.holder = 0;
    return this.isWaiting;
  }

  tryLockShared(): boolean {
    if (this.holder !== 0 || this.long === COUNT_MAX) return false;
    if (!this.isFree && this.isWaiting) return false;
    this.isWaiting = false;
    this.long += 1;
    return true;
  }

  releaseShared(): boolean {
    this.long -= 1;
    return this.isFree && this.isWaiting;
  }

  tryJoin(): boolean {
    if (this.long === 0 || this.joined === COUNT_MAX) return false;
    this.joined += 1;
    return true;
  }

  leaveJoined(): boolean {
    this.joined -= 1;
    return this.isFree && this.isWaiting;
  }

  announceWaiter(): boolean {
    if (this.isFree) return false;
    this.isWaiting = true;
    return true;
  }
}

const OPERATIONS = [
  'lease',
  'lock',
  'release',
  'lockShared',
  'releaseShared',
  'join',
  'leave',
  'announce',
] as const;
type Operation = (typeof OPERATIONS)[number];

/** Does the operation on both, unless nobody could do it now (a release of what nobody holds). */
function step(words: Int32Array, model: Model, operation: Operation, thread: number): void {
  switch (operation) {
    case 'lease':
      expect(lock.tryLease(words, AT, thread)).toBe(model.tryLease(thread));
      break;
    case 'lock':
      expect(lock.tryLock(words, AT, thread)).toBe(model.tryLock(thread));
      break;
    case 'release':
      if (model.holder !== 0) expect(lock.release(words, AT)).toBe(model.release());
      break;
    case 'lockShared':
      expect(lock.tryLockShared(words, AT)).toBe(model.tryLockShared());
      break;
    case 'releaseShared':
      if (model.long > 0) expect(lock.releaseShared(words, AT)).toBe(model.releaseShared());
      break;
    case 'join':
      expect(lock.tryJoin(words, AT)).toBe(model.tryJoin());
      break;
    case 'leave':
      if (model.joined > 0) expect(lock.leaveJoined(words, AT)).toBe(model.leaveJoined());
      break;
    case 'announce':
      expect(lock.announceWaiter(words, AT)).toBe(model.announceWaiter());
      break;
  }
  expect(lock.holderOf(words, AT)).toBe(model.holder);
  expect(lock.hasLongReader(words, AT)).toBe(model.long > 0);
  expect(words[AT]! === 0).toBe(model.isFree && !model.isWaiting);
}

describe('lock word against its model', () => {
  it('random operations', () => {
    const operation = fc.tuple(fc.constantFrom(...OPERATIONS), fc.integer({ min: 1, max: 255 }));
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 80 }), (operations) => {
        const words = new Int32Array(new SharedArrayBuffer(32));
        const model = new Model();
        for (const [name, thread] of operations) step(words, model, name, thread);
        expect([words[AT - 1], words[AT + 1]]).toEqual([0, 0]);
      }),
      { numRuns: 3000 },
    );
  });

  it('as many readers as there is room for, and not one more', () => {
    const words = new Int32Array(new SharedArrayBuffer(32));
    const model = new Model();
    for (let i = 0; i <= COUNT_MAX; i++) step(words, model, 'lockShared', 1);
    for (let i = 0; i <= COUNT_MAX; i++) step(words, model, 'join', 1);
    expect([model.long, model.joined]).toEqual([COUNT_MAX, COUNT_MAX]);
    step(words, model, 'announce', 1);
    for (let i = 0; i < COUNT_MAX; i++) step(words, model, 'releaseShared', 1);
    step(words, model, 'join', 1);
    for (let i = 0; i < COUNT_MAX; i++) step(words, model, 'leave', 1);
    expect(model.isFree).toBe(true);
    step(words, model, 'lease', 2);
    step(words, model, 'lock', 255);
    expect(model.holder).toBe(255);
  });
});

describe('lock word: fairness', () => {
  it('a waiter is served before leases and before new long readers', () => {
    const words = new Int32Array(new SharedArrayBuffer(32));
    expect(lock.tryLockShared(words, AT)).toBe(true);
    expect(lock.announceWaiter(words, AT)).toBe(true);
    expect(lock.tryLockShared(words, AT)).toBe(false);
    expect(lock.tryJoin(words, AT)).toBe(true);
    expect(lock.releaseShared(words, AT)).toBe(false);
    expect(lock.tryJoin(words, AT)).toBe(false);
    expect(lock.leaveJoined(words, AT)).toBe(true);
    expect(lock.tryLease(words, AT, 1)).toBe(false);
    expect(lock.announceWaiter(words, AT)).toBe(false);
    expect(lock.tryLock(words, AT, 2)).toBe(true);
    expect(lock.release(words, AT)).toBe(false);
    expect(lock.tryLease(words, AT, 1)).toBe(true);
  });
});

describe('lock word between threads', () => {
  const mixes = {
    'leases and locks': { lease: 4, lock: 2, shared: 0, join: 0 },
    'leases, locks and readers': { lease: 4, lock: 1, shared: 2, join: 4 },
    'locks and long readers': { lease: 0, lock: 1, shared: 3, join: 1 },
  };

  it.each(Object.entries(mixes))('%s: counts exactly and tears nothing', async (_, mix) => {
    const buffer = new SharedArrayBuffer(HAMMER_WORDS * 4);
    const url = new URL('./lock-hammer-worker.ts', import.meta.url);
    const workers = [1, 2, 3].map(
      (thread) => new Worker(url, { workerData: { buffer, thread, threads: 3, mix } }),
    );
    const counts = await Promise.all(
      workers.map(async (worker) => (await once(worker, 'message'))[0]),
    );
    const words = new Int32Array(buffer);
    const written = counts.reduce((sum, count) => sum + count.written, 0);
    expect(words[STATE.first]).toBe(written);
    expect(words[STATE.second]).toBe(written);
    expect(words[STATE.lock]! & 0xffffff).toBe(0);
    for (const count of counts) expect(count.written).toBeGreaterThan(0);
    if (mix.shared > 0) {
      expect(counts.reduce((sum, count) => sum + count.read, 0)).toBeGreaterThan(0);
    }
  });
});

describe('lock word: a holder that lets readers in', () => {
  it('readers join after a downgrade, and an upgrade waits until they left', () => {
    const words = new Int32Array(new SharedArrayBuffer(32));
    expect(lock.tryLock(words, AT, 3)).toBe(true);
    expect(lock.tryJoin(words, AT)).toBe(false);
    expect(lock.announceWaiter(words, AT)).toBe(true);
    lock.downgrade(words, AT);
    expect(lock.holderOf(words, AT)).toBe(0);
    expect(lock.tryLock(words, AT, 4)).toBe(false);
    expect(lock.tryLease(words, AT, 4)).toBe(false);
    expect(lock.tryJoin(words, AT)).toBe(true);
    expect(lock.tryUpgrade(words, AT, 3)).toBe(false);
    expect(lock.leaveJoined(words, AT)).toBe(false);
    expect(lock.tryUpgrade(words, AT, 3)).toBe(true);
    expect(lock.holderOf(words, AT)).toBe(3);
    expect(lock.tryJoin(words, AT)).toBe(false);
    expect(lock.release(words, AT)).toBe(true);
  });

  it('an upgrade waits for other long readers', () => {
    const words = new Int32Array(new SharedArrayBuffer(32));
    expect(lock.tryLock(words, AT, 3)).toBe(true);
    lock.downgrade(words, AT);
    expect(lock.tryLockShared(words, AT)).toBe(true);
    expect(lock.tryUpgrade(words, AT, 3)).toBe(false);
    expect(lock.releaseShared(words, AT)).toBe(false);
    expect(lock.tryUpgrade(words, AT, 3)).toBe(true);
  });
});
