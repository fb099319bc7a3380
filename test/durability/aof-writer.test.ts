import { expect, test } from 'vitest';
import { AofWriter, type SyncPolicy } from '../../src/durability/aof-writer.ts';
import type { LogDisk, SyncDone, WriteDone } from '../../src/durability/log-disk.ts';
import { withRandom } from '../support/random.ts';

/** A disk that a test drives by hand; after a failed sync bytes may be gone. */
class FakeDisk implements LogDisk {
  /** What programs see, and what a crash leaves. */
  readonly files = new Map<string, { seen: Buffer; safe: Buffer }>();
  writeError: string | null = null;
  syncError: string | null = null;
  bytesMax = Number.POSITIVE_INFINITY;
  readonly later: (() => void)[] = [];
  #names: string[] = [];

  open(path: string, truncates: boolean): number {
    if (truncates || !this.files.has(path)) {
      this.files.set(path, { seen: Buffer.alloc(0), safe: Buffer.alloc(0) });
    }
    this.#names.push(path);
    return this.#names.length - 1;
  }

  close(): void {}

  file(fd: number): { seen: Buffer; safe: Buffer } {
    return this.files.get(this.#names[fd]!)!;
  }

  size(fd: number): number {
    return this.file(fd).seen.length;
  }

  write(fd: number, buf: Uint8Array, from: number, length: number, position: number): number {
    if (this.writeError !== null) throw errno(this.writeError);
    const count = Math.min(length, this.bytesMax);
    const file = this.file(fd);
    if (file.seen.length < position + count) {
      file.seen = Buffer.concat([file.seen, Buffer.alloc(position + count - file.seen.length)]);
    }
    file.seen.set(buf.subarray(from, from + count), position);
    return count;
  }

  writeLater(
    fd: number,
    buf: Uint8Array,
    from: number,
    length: number,
    position: number,
    done: WriteDone,
  ): void {
    const copy = buf.slice(from, from + length);
    this.later.push(() => {
      try {
        done(null, this.write(fd, copy, 0, length, position));
      } catch (error) {
        done(error as Error, 0);
      }
    });
  }

  sync(fd: number): void {
    if (this.syncError !== null) {
      // As Linux does: what was dirty is dropped, and the next sync knows nothing of it.
      this.file(fd).seen = Buffer.from(this.file(fd).safe);
      throw errno(this.syncError);
    }
    this.file(fd).safe = Buffer.from(this.file(fd).seen);
  }

  syncLater(fd: number, done: SyncDone): void {
    this.later.push(() => {
      try {
        this.sync(fd);
        done(null);
      } catch (error) {
        done(error as Error);
      }
    });
  }

  truncate(fd: number, length: number): void {
    this.file(fd).seen = this.file(fd).seen.subarray(0, length);
  }

  rename(): void {}
  syncDirectory(): void {}
  reach(): void {}
}

function errno(code: string): Error {
  return Object.assign(new Error(code), { code });
}

interface Setup {
  readonly disk: FakeDisk;
  readonly writer: AofWriter;
  readonly seen: { durable: number; failing: unknown; cuts: number; log: string[]; nowMs: number };
  readonly add: (text: string, position: number) => void;
}

function setUp(policy: SyncPolicy): Setup {
  const disk = new FakeDisk();
  const seen = { durable: 0, failing: null as unknown, cuts: 0, log: [] as string[], nowMs: 0 };
  const writer = new AofWriter(
    disk,
    {
      durable: (position) => {
        seen.durable = position;
      },
      cutReached: () => {
        seen.cuts += 1;
      },
      failing: (error) => {
        seen.failing = error;
      },
      log: (_, text) => seen.log.push(text),
      wake: () => undefined,
    },
    () => seen.nowMs,
  );
  writer.policy = policy;
  writer.open('a', false);
  const add = (text: string, position: number): void => {
    const bytes = Buffer.from(text);
    writer.add(bytes, 0, bytes.length);
    writer.mark(position);
  };
  return { disk, writer, seen, add };
}

function safe(disk: FakeDisk, path = 'a'): string {
  return disk.files.get(path)!.safe.toString();
}

function seenBytes(disk: FakeDisk): string {
  return disk.files.get('a')!.seen.toString();
}

test('always: one sync for all that is there', () => {
  const { disk, writer, seen, add } = setUp('always');
  add('one', 3);
  add('two', 6);
  writer.pump();
  expect([safe(disk), seen.durable, writer.isSettled]).toEqual(['onetwo', 6, true]);
});

test('always: what cannot be written is not acknowledged, and is written later', () => {
  const { disk, writer, seen, add } = setUp('always');
  disk.writeError = 'ENOSPC';
  add('one', 3);
  writer.pump();
  expect(seen.durable).toBe(0);
  expect(seen.failing).not.toBe(null);
  disk.writeError = null;
  add('two', 6);
  writer.pump();
  expect(seen.durable).toBe(0);
  seen.nowMs = 1000;
  writer.pump();
  expect([safe(disk), seen.durable, seen.failing]).toEqual(['onetwo', 6, null]);
  expect(seen.log.join()).toContain('No space left on device');
  expect(seen.log.join()).toContain('looks solved');
});

test('always: what a failed sync may have lost is written again', () => {
  const { disk, writer, seen, add } = setUp('always');
  add('one', 3);
  writer.pump();
  disk.syncError = 'EIO';
  add('two', 6);
  writer.pump();
  expect([safe(disk), seen.durable]).toEqual(['one', 3]);
  disk.syncError = null;
  seen.nowMs = 1000;
  writer.pump();
  expect([safe(disk), seen.durable, seen.failing]).toEqual(['onetwo', 6, null]);
});

test('a short write is taken back', () => {
  const { disk, writer, seen, add } = setUp('always');
  disk.bytesMax = 2;
  add('onetwo', 6);
  writer.pump();
  expect(safe(disk)).toBe('onetwo');
  const write = disk.write.bind(disk);
  let left = 1;
  disk.write = (...args) => {
    if (left-- === 0) throw errno('ENOSPC');
    return write(...args);
  };
  add('three', 11);
  writer.pump();
  expect([seenBytes(disk), seen.durable]).toEqual(['onetwo', 6]);
  expect(seen.log.join()).toContain('Short write');
  disk.write = write;
  seen.nowMs = 1000;
  writer.pump();
  expect([safe(disk), seen.durable]).toEqual(['onetwothree', 11]);
});

/** Lets one thing end that goes on in the background. */
function end(disk: FakeDisk): boolean {
  const run = disk.later.shift();
  run?.();
  return run !== undefined;
}

test('everysec: one sync a second, and a slow one is counted', () => {
  const { disk, writer, seen, add } = setUp('everysec');
  add('one', 3);
  writer.pump();
  end(disk);
  writer.pump();
  expect([disk.later.length, seenBytes(disk), seen.durable]).toEqual([0, 'one', 0]);
  seen.nowMs = 1000;
  writer.pump();
  expect(writer.isSyncing).toBe(true);
  add('two', 6);
  writer.pump();
  seen.nowMs = 3000;
  writer.pump();
  expect(writer.delayedSyncs).toBe(1);
  expect(seen.log.join()).toContain('Asynchronous AOF fsync is taking too long (disk is busy?)');
  seen.nowMs = 5000;
  writer.pump();
  expect(writer.delayedSyncs).toBe(2);
  while (end(disk));
  writer.pump();
  while (end(disk)) writer.pump();
  expect([safe(disk), seen.durable]).toEqual(['onetwo', 6]);
});

test('a cut waits for the disk, and what follows goes to the next file', () => {
  for (const policy of ['always', 'everysec', 'no'] as const) {
    const { disk, writer, seen, add } = setUp(policy);
    add('one', 3);
    writer.cut();
    add('two', 6);
    writer.pump();
    while (end(disk)) writer.pump();
    expect([seen.cuts, safe(disk)]).toEqual([1, 'one']);
    writer.endCut('b');
    seen.nowMs = 1000;
    writer.pump();
    while (end(disk)) writer.pump();
    expect([seen.cuts, safe(disk), disk.files.get('b')!.seen.toString()]).toEqual([
      1,
      'one',
      'two',
    ]);
    expect(seen.durable).toBe(6);
  }
});

test('a cut that cannot be made leaves everything in one file', () => {
  const { disk, writer, add } = setUp('always');
  add('one', 3);
  writer.cut();
  writer.pump();
  writer.endCut(null);
  add('two', 6);
  writer.pump();
  expect(safe(disk)).toBe('onetwo');
});

test('random faults: what was called durable is on disk, in order, at every moment', async () => {
  await withRandom(async (random) => {
    for (let round = 0; round < 200; round++) {
      const { disk, writer, seen, add } = setUp(random.pick(['always', 'everysec']));
      let all = '';
      for (let i = 0; i < 60; i++) {
        if (random.oneIn(2)) {
          const text = `<${round}.${i}>`.repeat(1 + random.below(5));
          all += text;
          add(text, all.length);
        }
        disk.writeError = random.oneIn(5) ? 'ENOSPC' : null;
        disk.syncError = random.oneIn(5) ? 'EIO' : null;
        disk.bytesMax = random.oneIn(4) ? 1 + random.below(9) : Number.POSITIVE_INFINITY;
        if (random.oneIn(20)) writer.policy = random.pick(['always', 'everysec']);
        seen.nowMs += random.below(1500);
        writer.pump();
        if (random.oneIn(2)) end(disk);
        expect(all.startsWith(safe(disk))).toBe(true);
        expect(safe(disk).length).toBeGreaterThanOrEqual(seen.durable);
      }
      disk.writeError = null;
      disk.syncError = null;
      disk.bytesMax = Number.POSITIVE_INFINITY;
      for (let i = 0; i < 100; i++) {
        seen.nowMs += 1001;
        writer.pump();
        while (end(disk));
      }
      expect([safe(disk) === all, seen.durable, seen.failing]).toEqual([true, all.length, null]);
    }
  });
});
