/** Room for commands at the limit: what is evicted for whom, and who has to wait. */
import { describe, expect, test } from 'vitest';
import { ALL_COMMANDS } from '../../src/commands/registry.ts';
import { createJournal, JOURNAL_HEAD_BYTES } from '../../src/durability/journal.ts';
import { createSnapshotRing } from '../../src/durability/snapshot-frames.ts';
import { touchModeOf } from '../../src/keyspace/thread-state.ts';
import {
  evictionBudgetMs,
  keyspaceBytes,
  MemoryRoom,
  type MemoryRoomSettings,
  ROOM_GIVEN,
  ROOM_LATER,
  ROOM_NONE,
} from '../../src/server/memory-room.ts';
import { ShardLocks } from '../../src/server/shard-locks.ts';
import {
  MODE_JOURNAL,
  PAUSE_NONE,
  PAUSE_WRITES,
  SharedLayout,
} from '../../src/server/shared-layout.ts';
import { SnapshotGuard } from '../../src/server/snapshot-guard.ts';
import { STAT, ThreadStats } from '../../src/server/thread-stats.ts';
import { WriteGuard } from '../../src/server/write-guard.ts';
import { DoorbellRinger } from '../../src/sync/doorbell.ts';
import { MpscConsumer } from '../../src/sync/mpsc-ring.ts';
import { LocalRunner } from '../support/local-runner.ts';

const SHARDS = 4;
const THREAD = 1;
const OTHER = 2;

class Setting {
  readonly runner = new LocalRunner(ALL_COMMANDS, { shards: SHARDS, databases: 2 });
  readonly layout: SharedLayout;
  readonly room: MemoryRoom;
  readonly journal = createJournal();
  readonly guard: WriteGuard;
  readonly locks: ShardLocks;
  readonly others: ShardLocks;
  readonly allStats: ThreadStats[];

  constructor(settings: Partial<MemoryRoomSettings> = {}) {
    const { control, rings } = SharedLayout.create({
      ioThreads: 1,
      shardThreads: 1,
      shards: SHARDS,
      commandRows: 1,
      connections: 1,
    });
    this.layout = new SharedLayout(control, rings);
    const { words } = this.layout;
    const bell = this.layout.bellWord(0);
    const ringer = new DoorbellRinger(words, bell, () => undefined);
    const snapshot = new SnapshotGuard(this.layout, createSnapshotRing(), {
      ringOwner: () => undefined,
      ringWriter: () => undefined,
    });
    this.guard = new WriteGuard(this.layout, this.journal, ringer, snapshot);
    this.locks = new ShardLocks(this.layout, THREAD, []);
    this.others = new ShardLocks(this.layout, OTHER, []);
    this.allStats = [0, 1, 2].map(
      (thread) => new ThreadStats(control, this.layout.statsOffset(thread), 1),
    );
    const { shards, state } = this.runner;
    state.expirySink = this.guard;
    this.room = new MemoryRoom({
      layout: this.layout,
      shards,
      state,
      locks: this.locks,
      stats: this.allStats[THREAD]!,
      allStats: this.allStats,
      guard: this.guard,
    });
    const policy = settings.policy ?? 'allkeys-lru';
    state.policyTouchMode = touchModeOf(policy);
    this.room.configure({ policy, samples: 5, tenacity: 10, isLazy: false, ...settings });
  }

  get used(): number {
    return keyspaceBytes(this.runner.shards);
  }

  get keys(): number {
    return this.runner.shards.reduce((sum, shard) => sum + shard.size(0) + shard.size(1), 0);
  }

  fill(keys: number, valueBytes = 100): void {
    for (let i = 0; i < keys; i++) this.runner.run('SET', `key:${i}`, 'v'.repeat(valueBytes));
  }

  /** Asks until the answer is final: the room for one command is made. */
  settle(): void {
    for (let tries = 0; this.used > this.layout.maxmemory; tries++) {
      if (tries > 10_000)
        throw new Error(`the limit is not reached: ${this.used}, ${this.keys} keys`);
      this.room.ask(0);
    }
  }

  evicted(): number {
    return this.allStats[THREAD]!.counters[STAT.evictedKeys]!;
  }
}

test('the budget of a command follows the tenacity', () => {
  expect([0, 1, 10, 100].map(evictionBudgetMs)).toEqual([0, 0.05, 0.5, Number.POSITIVE_INFINITY]);
  expect(evictionBudgetMs(11)).toBeCloseTo(0.575);
  expect(evictionBudgetMs(99)).toBeGreaterThan(60_000);
});

test('without a limit, and below it, nothing is evicted', () => {
  const setting = new Setting();
  setting.fill(1000);
  expect([setting.room.isLimited, setting.room.wantsSlice]).toEqual([false, false]);
  expect(setting.room.ask(1000)).toBe(ROOM_GIVEN);
  setting.layout.setMaxmemory(setting.used);
  expect(setting.room.isLimited).toBe(true);
  for (let i = 0; i < 100; i++) expect(setting.room.ask(1 << 20)).toBe(ROOM_GIVEN);
  expect([setting.keys, setting.evicted()]).toEqual([1000, 0]);
  expect(setting.layout.exceededSinceMs).toBe(0);
});

test('a limit that is lowered is seen at once, whatever credit there was', () => {
  const setting = new Setting({ policy: 'noeviction' });
  setting.fill(1000);
  setting.layout.setMaxmemory(2 ** 40);
  expect(setting.room.ask(0)).toBe(ROOM_GIVEN);
  setting.layout.setMaxmemory(1);
  expect(setting.room.ask(0)).toBe(ROOM_NONE);
});

describe('at the limit', () => {
  test('each command finds room, and little more goes than has to', () => {
    const setting = new Setting();
    setting.fill(2000);
    setting.layout.setMaxmemory(setting.used);
    for (let i = 0; i < 2000; i++) {
      expect(setting.room.ask(150)).toBe(ROOM_GIVEN);
      expect(setting.used).toBeLessThanOrEqual(setting.layout.maxmemory);
      setting.runner.run('SET', `more:${i}`, 'v'.repeat(100));
    }
    expect(setting.keys).toBeGreaterThan(1900);
    expect(setting.evicted()).toBe(4000 - setting.keys);
    setting.runner.checkInvariants();
  });

  test('noeviction, or no volatile key left: refused, and INFO knows since when', () => {
    for (const policy of ['noeviction', 'volatile-lru', 'volatile-random']) {
      const setting = new Setting({ policy });
      setting.fill(500);
      for (let i = 0; i < 50; i++) setting.runner.run('SET', `v:${i}`, 'v', 'EX', 1000);
      setting.layout.setMaxmemory(1000);
      for (let n = 0; n < 200 && setting.room.ask(0) !== ROOM_NONE; n++);
      expect(setting.room.ask(0)).toBe(ROOM_NONE);
      expect(setting.keys).toBe(policy === 'noeviction' ? 550 : 500);
      expect(setting.layout.exceededSinceMs).toBe(setting.runner.state.nowMs);
      setting.runner.advance(300);
      setting.layout.setMaxmemory(0);
      expect(setting.room.wantsSlice).toBe(true);
      expect(setting.room.slice()).toBe(false);
      expect(setting.layout.exceededSinceMs).toBe(0);
      expect(setting.allStats[THREAD]!.counters[STAT.evictionExceededMs]).toBe(300);
      expect(setting.room.wantsSlice).toBe(false);
    }
  });

  test('a limit far below what is used: commands go on while it shrinks', () => {
    const setting = new Setting({ tenacity: 1 });
    setting.fill(5000);
    setting.layout.setMaxmemory(setting.used / 4);
    const answers: number[] = [];
    while (setting.used > setting.layout.maxmemory) answers.push(setting.room.ask(0));
    expect(answers.length).toBeGreaterThan(1);
    expect(answers).not.toContain(ROOM_NONE);
    // A table that shrinks takes memory first: for an instant that may look like falling behind.
    const given = answers.filter((answer) => answer === ROOM_GIVEN);
    expect(given.length).toBeGreaterThan(answers.length * 0.7);
    expect(setting.keys).toBeGreaterThan(800);
  });

  test('workers get there in slices', () => {
    const setting = new Setting();
    setting.fill(5000);
    setting.layout.setMaxmemory(setting.used / 4);
    for (let n = 0; setting.room.slice(); n++) expect(n).toBeLessThan(10_000);
    expect(setting.used).toBeLessThanOrEqual(setting.layout.maxmemory);
    expect(setting.keys).toBeGreaterThan(800);
  });

  test('commands that outrun eviction have to wait', () => {
    const setting = new Setting({ tenacity: 0 });
    setting.fill(2000);
    setting.layout.setMaxmemory(setting.used);
    let status: number = ROOM_GIVEN;
    let added = 0;
    for (; status === ROOM_GIVEN && added < 100; added++) {
      setting.runner.run('SET', `large:${added}`, 'v'.repeat(20_000));
      status = setting.room.ask(0);
    }
    expect(status).toBe(ROOM_LATER);
    expect(setting.room.hasFreed).toBe(true);
    expect(setting.used).toBeLessThan(setting.layout.maxmemory * 1.3);
    for (let n = 0; setting.room.ask(0) !== ROOM_GIVEN; n++) expect(n).toBeLessThan(10_000);
  });
});

describe('shards that other threads hold', () => {
  test('none can be held: a little above the limit is given, more has to wait', () => {
    const setting = new Setting();
    setting.fill(2000);
    setting.layout.setMaxmemory(setting.used - 100);
    setting.others.acquire([0, 1, 2, 3], SHARDS, false);
    expect(setting.room.ask(0)).toBe(ROOM_GIVEN);
    setting.runner.run('SET', 'large', 'v'.repeat(100_000));
    expect(setting.room.ask(0)).toBe(ROOM_LATER);
    expect(setting.room.hasFreed).toBe(false);
    expect(setting.room.slice()).toBe(false);
    setting.others.releaseAll();
    setting.settle();
    expect(setting.room.ask(0)).toBe(ROOM_GIVEN);
  });

  test('those that can be held give room, and all are free afterwards', () => {
    const setting = new Setting();
    setting.fill(2000);
    const [busy] = setting.runner.shards;
    const before = busy!.size(0);
    setting.layout.setMaxmemory(setting.used * 0.9);
    setting.others.acquire([0], 1, false);
    setting.settle();
    expect(busy!.size(0)).toBe(before);
    setting.others.releaseAll();
    for (let shard = 0; shard < SHARDS; shard++) {
      expect(setting.layout.words[setting.layout.lockWord(shard)]).toBe(0);
    }
  });

  test('shards that the thread itself holds for its batch are evicted from', () => {
    const setting = new Setting();
    setting.fill(2000);
    setting.layout.setMaxmemory(setting.used * 0.9);
    setting.locks.acquire([0, 1, 2, 3], SHARDS, false);
    setting.settle();
    for (let shard = 0; shard < SHARDS; shard++) {
      expect(setting.layout.words[setting.layout.lockWord(shard)]).toBe(THREAD);
    }
    // Readers may be in a shard held for a slow read.
    setting.locks.acquire([0, 1, 2, 3], SHARDS, true);
    const { keys } = setting;
    setting.layout.setMaxmemory(setting.used * 0.9);
    expect(setting.room.ask(0)).toBe(ROOM_GIVEN);
    expect(setting.keys).toBe(keys);
  });
});

test('nothing is evicted while clients are paused or data is loaded', () => {
  const setting = new Setting();
  setting.fill(1000);
  setting.layout.setMaxmemory(setting.used / 2);
  setting.layout.setPause(PAUSE_WRITES, Number.MAX_SAFE_INTEGER);
  expect([setting.room.ask(0), setting.room.slice()]).toEqual([ROOM_GIVEN, false]);
  setting.layout.setPause(PAUSE_NONE, 0);
  setting.layout.setLoading(true);
  expect([setting.room.ask(0), setting.room.slice()]).toEqual([ROOM_GIVEN, false]);
  expect(setting.keys).toBe(1000);
  setting.layout.setLoading(false);
  setting.settle();
  expect(setting.keys).toBeLessThan(1000);
});

test.each([false, true])(
  'a large value is freed before another key goes (lazyfree-lazy-eviction %s)',
  (isLazy) => {
    const setting = new Setting({ isLazy });
    const members = Array.from({ length: 30_000 }, (_, i) => `member:${i}`);
    setting.runner.run('SADD', 'large', ...members);
    setting.runner.advance(5000);
    setting.fill(3000);
    setting.layout.setMaxmemory(setting.used - 100);
    const before = setting.used;
    const isLarge = (): boolean => setting.runner.run('EXISTS', 'large') === ':1\r\n';
    // Few keys are looked at a time: others may go before the oldest one is found.
    for (let n = 0; isLarge(); n++) {
      expect(n).toBeLessThan(5000);
      setting.layout.setMaxmemory(setting.used - 100);
      expect(setting.room.ask(0)).toBe(ROOM_GIVEN);
    }
    const { keys } = setting;
    setting.layout.setMaxmemory(setting.used - 100);
    expect(setting.room.ask(0)).toBe(ROOM_GIVEN);
    if (isLazy) {
      // The owner frees it.
      expect(setting.runner.shards.some((shard) => !shard.lazy.isEmpty)).toBe(true);
      for (const shard of setting.runner.shards) while (!shard.lazy.step(100));
    }
    setting.settle();
    expect(setting.keys).toBe(keys);
    expect(setting.used).toBeLessThan(before);
    setting.runner.checkInvariants();
  },
);

test('far above the limit a large value is freed by whoever needs room, lazy or not', () => {
  const setting = new Setting({ isLazy: true });
  setting.runner.run('SADD', 'large', ...Array.from({ length: 30_000 }, (_, i) => `m${i}`));
  setting.runner.advance(5000);
  setting.fill(10);
  setting.layout.setMaxmemory(setting.used / 2);
  for (let n = 0; setting.used > setting.layout.maxmemory * 1.01; n++) {
    expect(n).toBeLessThan(10_000);
    setting.room.ask(0);
  }
  setting.runner.checkInvariants();
});

test('a table of keys does not grow where keys would have to go for it', () => {
  const setting = new Setting();
  setting.fill(1100);
  const slots = (): number =>
    setting.runner.shards.reduce((sum, shard) => sum + shard.dict(0).slotCount, 0);
  const before = slots();
  setting.layout.setMaxmemory(setting.used + 3000);
  setting.room.ask(0);
  for (let i = 0; i < 80; i++) setting.runner.run('SET', `more:${i}`, '');
  expect(slots()).toBe(before);
  setting.layout.setMaxmemory(2 ** 30);
  setting.room.ask(0);
  for (let i = 0; i < 80; i++) setting.runner.run('SET', `yet:${i}`, '');
  expect(slots()).toBeGreaterThan(before);
  setting.runner.checkInvariants();
});

test('buffers of clients count', () => {
  const setting = new Setting();
  setting.fill(1000);
  setting.layout.setMaxmemory(setting.used + 10_000);
  expect(setting.room.ask(0)).toBe(ROOM_GIVEN);
  setting.allStats[THREAD]!.counters[STAT.outputBufferBytes] = 30_000;
  for (let n = 0; n < 10; n++) expect(setting.room.ask(1 << 20)).toBe(ROOM_GIVEN);
  expect(setting.used).toBeLessThanOrEqual(setting.layout.maxmemory - 30_000);
  setting.allStats[THREAD]!.counters[STAT.outputBufferBytes] = 2 ** 40;
  for (let n = 0; n < 100; n++) expect(setting.room.ask(0)).not.toBe(ROOM_NONE);
  expect(setting.keys).toBe(0);
});

test.each([false, true])('evicted keys are recorded before they go (lazy %s)', (isLazy) => {
  const setting = new Setting({ policy: 'allkeys-random' });
  setting.guard.isEvictionLazy = isLazy;
  Atomics.store(setting.layout.words, setting.layout.durabilityModeWord, MODE_JOURNAL);
  setting.runner.db = 1;
  setting.runner.run('SET', 'name', 'v');
  setting.layout.setMaxmemory(1);
  setting.room.ask(0);
  const ring = new MpscConsumer(setting.journal);
  expect(ring.next()).toBe(true);
  expect(ring.u32[ring.offset >>> 2]! >>> 8).toBe(1);
  const bytes = ring.u8.slice(ring.offset + JOURNAL_HEAD_BYTES, ring.offset + ring.length);
  const name = isLazy ? '$6\r\nUNLINK' : '$3\r\nDEL';
  expect(Buffer.from(bytes).toString()).toBe(`*2\r\n${name}\r\n$4\r\nname\r\n`);
  expect(ring.next()).toBe(false);
});
