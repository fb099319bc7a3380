import { beforeEach, describe, expect, it } from 'vitest';
import { ShardLocks } from '../../src/server/shard-locks.ts';
import { SharedLayout } from '../../src/server/shared-layout.ts';
import { waitUntil } from '../support/tessera.ts';

const IO = 1;
const WORKER = 2;
const OTHER_WORKER = 3;

const TOPOLOGY = { ioThreads: 1, shardThreads: 2, shards: 4, commandRows: 1, connections: 1 };

let io: ShardLocks;
let worker: ShardLocks;
let other: ShardLocks;

beforeEach(() => {
  const { control, rings } = SharedLayout.create(TOPOLOGY);
  const layout = new SharedLayout(control, rings);
  io = new ShardLocks(layout, IO, []);
  worker = new ShardLocks(layout, WORKER, []);
  other = new ShardLocks(layout, OTHER_WORKER, []);
});

describe('enterAll', () => {
  it('leases what is free', () => {
    expect(io.enterAll([0, 2], 2)).toBe(true);
    expect(io.hasJoined).toBe(false);
    expect([io.isMine(0), io.isMine(1), io.isMine(2)]).toEqual([true, false, true]);
    io.leaveAll([0, 2], 2);
    expect(worker.acquire([0, 1, 2, 3], 4, false)).toBe(true);
  });

  it('joins long reads and leases the rest', () => {
    worker.acquire([1], 1, true);
    expect(io.enterAll([0, 1], 2)).toBe(true);
    expect(io.hasJoined).toBe(true);
    expect(io.isMine(0)).toBe(true);
    io.leaveAll([0, 1], 2);
    worker.releaseAll();
    expect(worker.acquire([0, 1], 2, false)).toBe(true);
    worker.releaseAll();
    expect(io.enterAll([0, 1], 2)).toBe(true);
    expect(io.hasJoined).toBe(false);
  });

  it('joins a build that lets reads in, and keeps it from going on alone', () => {
    worker.acquire([0], 1, false);
    expect(worker.downgrade()).toBe(true);
    expect(io.enterAll([0, 3], 2)).toBe(true);
    expect(worker.isMine(0)).toBe(false);
    io.leaveAll([0, 3], 2);
    worker.upgrade();
    expect(worker.isMine(0)).toBe(true);
  });

  it('holds nothing where one shard is taken', () => {
    worker.acquire([1], 1, true);
    other.acquire([2], 1, false);
    expect(io.enterAll([0, 1, 2], 3)).toBe(false);
    worker.releaseAll();
    other.releaseAll();
    expect(worker.acquire([0, 1, 2, 3], 4, false)).toBe(true);
  });
});

describe('a lease that is kept', () => {
  it('goes on for the next command of its shard, and is one lease', () => {
    expect(io.leaseNext(1)).toBe(true);
    io.keepLease(1);
    expect(io.isMine(1)).toBe(true);
    expect(io.leaseNext(1)).toBe(true);
    io.keepLease(1);
    io.dropKept();
    expect(io.isMine(1)).toBe(false);
    io.dropKept();
    expect(worker.acquire([0, 1, 2, 3], 4, false)).toBe(true);
  });

  it('ends where the next command has another shard', () => {
    io.leaseNext(1);
    io.keepLease(1);
    expect(io.leaseNext(2)).toBe(true);
    expect([io.isMine(1), io.isMine(2)]).toEqual([false, true]);
    io.endNext(2);
    expect(io.isMine(2)).toBe(false);
  });

  it('goes to a worker that waits', () => {
    io.leaseNext(1);
    io.keepLease(1);
    expect(worker.acquire([1], 1, false)).toBe(false);
    expect(io.leaseNext(1)).toBe(false);
    expect(worker.acquire([1], 1, false)).toBe(true);
    io.dropKept();
    expect(worker.isMine(1)).toBe(true);
  });

  it('is not kept beside other I/O threads', () => {
    const { control, rings } = SharedLayout.create({ ...TOPOLOGY, ioThreads: 2 });
    const shared = new ShardLocks(new SharedLayout(control, rings), IO, []);
    expect(shared.leaseNext(1)).toBe(true);
    shared.keepLease(1);
    expect(shared.isMine(1)).toBe(false);
  });
});

describe('mustYield', () => {
  it('leaves a shard that is wanted until its reader has got at it', () => {
    expect(worker.mustYield(0)).toBe(false);
    io.want(0, true);
    expect([worker.mustYield(0), worker.mustYield(1)]).toEqual([true, false]);
    expect(worker.mustYield(0)).toBe(true);
    io.want(0, false);
    expect(worker.mustYield(0)).toBe(false);
  });

  it('forgets a reader that does not come', async () => {
    io.want(0, true);
    expect(worker.mustYield(0)).toBe(true);
    await waitUntil('the shard to be free for background work', () =>
      Promise.resolve(!worker.mustYield(0)),
    );
    expect(other.mustYield(0)).toBe(false);
    io.want(0, true);
    expect(worker.mustYield(0)).toBe(true);
  });
});

it('tells whether a held shard is of a kind', () => {
  const isOdd = (shard: number): boolean => shard % 2 === 1;
  expect(worker.holdsAny(isOdd)).toBe(false);
  worker.acquire([0, 2], 2, false);
  expect(worker.holdsAny(isOdd)).toBe(false);
  worker.acquire([2, 3], 2, false);
  expect(worker.holdsAny(isOdd)).toBe(true);
});
