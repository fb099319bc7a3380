/**
 * AofWriter: takes what is appended to the append-only file, and gets it to disk as `appendfsync`
 * says. It knows positions (see journal.ts), no rings and no threads.
 *
 *   add ... mark          queue (batches)      write        unsynced (batches)       sync
 *   ------------------->  [....][...][CUT][..] ---------->  [.....][.....]  -------> durable
 *
 * What is written stays in memory until it is synced: after a failed sync nobody knows what the
 * disk has, so all of it is written again at the end of what it is known to have.
 *
 * `always` writes and syncs at once, by calls that block. With the other policies writes and syncs
 * go on in the background, one of each at a time, while more is added.
 */
import { copyBytes } from '../base/bytes.ts';
import { errnoText } from '../base/errno-text.ts';
import type { LogDisk } from './log-disk.ts';

export type SyncPolicy = 'always' | 'everysec' | 'no';

const BLOCK_BYTES = 1 << 20;
const SPARE_BLOCKS_MAX = 8;
/** Unsynced bytes at which `everysec` does not wait for the second to end. */
const UNSYNCED_BYTES_SOFT = 32 << 20;
/** Bytes in memory at which nothing more should be added. */
const BUFFERED_BYTES_MAX = 128 << 20;
const SYNC_INTERVAL_MS = 1000;
const RETRY_MS = 1000;
/** A sync that takes longer is counted and logged, again after as long. */
const SLOW_SYNC_MS = 2000;
const ERROR_LOG_INTERVAL_MS = 30_000;
const SLOW_SYNC_TEXT =
  'Asynchronous AOF fsync is taking too long (disk is busy?). Writing the AOF buffer without ' +
  'waiting for fsync to complete, this may slow down the server.';

/** What a writer tells its thread. */
export interface WriterEvents {
  /** Everything up to `position` is as durable as the policy wants it. */
  durable(position: number): void;
  /** Everything before the mark that `cut` put in is on disk: `endCut` has to be called. */
  cutReached(): void;
  /** Writing failed with this system error, or goes on again (null). */
  failing(error: unknown): void;
  log(level: 'notice' | 'warning', text: string): void;
  /** Something that went on in the background has ended: `pump` has to be called. */
  wake(): void;
}

/**
 * Memory of one or more batches, one behind the other. (Batches with memory of their own, each for
 * one small write, took a quarter of a gigabyte a second to clear.)
 */
class Block {
  readonly buf = new Uint8Array(BLOCK_BYTES);
  used = 0;
  /** Batches that are still needed. */
  batches = 0;
}

/** What is written at once: bytes [from, from + length) of a block. */
class Batch {
  readonly block: Block | null;
  readonly from: number;
  length = 0;
  /** Position behind the last record that ends in it; -1 = none does. */
  position = -1;

  /** Begins where the block's last batch ends. No block: the mark between two files. */
  constructor(block: Block | null) {
    this.block = block;
    this.from = block === null ? 0 : block.used;
    if (block !== null) block.batches += 1;
  }

  get isCut(): boolean {
    return this.block === null;
  }
}

export class AofWriter {
  policy: SyncPolicy = 'everysec';
  /** `no-appendfsync-on-rewrite` while one runs: nothing is synced. */
  isSyncSuspended = false;
  /** Slow syncs so far. */
  delayedSyncs = 0;
  readonly #disk: LogDisk;
  readonly #events: WriterEvents;
  readonly #now: () => number;
  #fd = -1;
  readonly #queue: Batch[] = [];
  #queueBytes = 0;
  readonly #unsynced: Batch[] = [];
  #unsyncedBytes = 0;
  readonly #spare: Block[] = [];
  /** The block that takes more. */
  #block = new Block();
  /** Bytes of the first batch of the queue that are written. */
  #written = 0;
  /** End of what is written and of what is synced, as offsets of the file. */
  #fileBytes = 0;
  #syncedBytes = 0;
  /** Where the unsynced batches begin in the file. */
  #keptFrom = 0;
  #isWriting = false;
  #isSyncing = false;
  /** A sync failed: its bytes are to be written again once no write is under way. */
  #mustRewrite = false;
  /** Since that no sync has succeeded. */
  #isSyncFailed = false;
  #syncStartMs = 0;
  #slowSinceMs = 0;
  #lastSyncMs: number;
  #isCutting = false;
  #error: unknown = null;
  #retryAtMs = 0;
  #errorLoggedMs = Number.NEGATIVE_INFINITY;

  constructor(disk: LogDisk, events: WriterEvents, now: () => number) {
    this.#disk = disk;
    this.#events = events;
    this.#now = now;
    this.#lastSyncMs = now();
  }

  /** Bytes of the file that are written. */
  get fileBytes(): number {
    return this.#fileBytes;
  }

  /** Bytes that are not written yet. */
  get queuedBytes(): number {
    return this.#queueBytes;
  }

  get isSyncing(): boolean {
    return this.#isSyncing;
  }

  /** True while adding more would need too much memory: the disk is too slow. */
  get isFull(): boolean {
    return this.#queueBytes + this.#unsyncedBytes >= BUFFERED_BYTES_MAX;
  }

  get isOpen(): boolean {
    return this.#fd >= 0;
  }

  /** Everything that was added is on disk, or was given up. */
  get isSettled(): boolean {
    return this.#queue.length === 0 && !this.#isWriting && !this.#isSyncing && !this.#needsSync;
  }

  /** True while something goes on in the background. */
  get isBusy(): boolean {
    return this.#isWriting || this.#isSyncing;
  }

  get #needsSync(): boolean {
    return this.#fileBytes !== this.#syncedBytes;
  }

  /** Begins with a file, at its end; throws what the file system throws. */
  open(path: string, truncates: boolean): void {
    const fd = this.#disk.open(path, truncates);
    if (this.#fd >= 0) this.#disk.close(this.#fd);
    this.#fd = fd;
    this.#fileBytes = this.#disk.size(fd);
    this.#syncedBytes = this.#fileBytes;
    this.#keptFrom = this.#fileBytes;
    this.#lastSyncMs = this.#now();
  }

  /** Ends with the file. What is not written is given up: call `flush` before. */
  close(): void {
    if (this.#fd >= 0) this.#disk.close(this.#fd);
    this.#fd = -1;
    this.#free(this.#queue);
    this.#free(this.#unsynced);
    this.#queueBytes = 0;
    this.#unsyncedBytes = 0;
    this.#written = 0;
    this.#fileBytes = 0;
    this.#syncedBytes = 0;
    this.#keptFrom = 0;
    this.#isCutting = false;
    this.#mustRewrite = false;
    this.#isSyncFailed = false;
    if (this.#error !== null) this.#recovered();
  }

  // ---- what is appended

  /** Appends buf[from, to). O(bytes). */
  add(buf: Uint8Array, from: number, to: number): void {
    for (let at = from; at < to; ) {
      const batch = this.#open();
      const block = this.#block;
      const count = Math.min(to - at, BLOCK_BYTES - block.used);
      copyBytes(block.buf, block.used, buf, at, at + count);
      batch.length += count;
      block.used += count;
      at += count;
    }
    this.#queueBytes += to - from;
  }

  /** The batch that takes more bytes: the last one, unless it is under way. */
  #open(): Batch {
    const last = this.#queue.at(-1);
    const isTaken = this.#queue.length === 1 && (this.#isWriting || this.#written !== 0);
    const isFull = this.#block.used === BLOCK_BYTES;
    if (last !== undefined && !last.isCut && !isTaken && !isFull) return last;
    if (isFull) this.#block = this.#spare.pop() ?? new Block();
    const batch = new Batch(this.#block);
    this.#queue.push(batch);
    return batch;
  }

  /** Records up to `position` have been added. */
  mark(position: number): void {
    const last = this.#queue.at(-1);
    if (last === undefined || last.isCut) return;
    last.position = position;
  }

  /** What is added from here on belongs to another file. */
  cut(): void {
    this.#queue.push(new Batch(null));
  }

  /** Goes on in the file `path`, made anew, or in the same one (null). */
  endCut(path: string | null): void {
    this.#isCutting = false;
    this.#queue.shift();
    if (path !== null) this.open(path, true);
  }

  // ---- getting it to disk

  /** Starts what can be started now. With `always`, ends it, too. `isUrgent`: syncs do not wait. */
  pump(isUrgent = false): void {
    if (this.#fd < 0 || this.#isCutting) return;
    if (this.#error !== null && this.#now() < this.#retryAtMs) return;
    if (this.#mustRewrite && !this.#isWriting && !this.#putBack()) return;
    if (this.policy === 'always' && !this.isBusy) this.#flushNow();
    else this.#pumpLater(isUrgent);
    this.#checkCut();
  }

  /** Writes and syncs everything before the first cut, by calls that block. False: it failed. */
  flush(): boolean {
    if (this.#fd < 0 || this.isBusy) return false;
    if (this.#mustRewrite && !this.#putBack()) return false;
    this.#flushNow();
    return this.#error === null;
  }

  /** How long until `pump` has something to do by itself, in ms. */
  get idleMs(): number {
    if (this.#fd < 0) return Number.POSITIVE_INFINITY;
    const nowMs = this.#now();
    if (this.#error !== null) return Math.max(1, this.#retryAtMs - nowMs);
    if (this.#isSyncing) return Math.max(1, this.#slowSinceMs + SLOW_SYNC_MS - nowMs);
    if (!this.#needsSync || this.policy === 'no') return Number.POSITIVE_INFINITY;
    return Math.max(1, this.#lastSyncMs + SYNC_INTERVAL_MS - nowMs);
  }

  #flushNow(): void {
    try {
      while (this.#queue.length !== 0 && !this.#queue[0]!.isCut) this.#writeNow(this.#queue[0]!);
    } catch (error) {
      this.#writeFailed(error);
      return;
    }
    if (this.#needsSync && !this.isSyncSuspended) {
      try {
        this.#disk.sync(this.#fd);
      } catch (error) {
        this.#syncFailed(error);
        return;
      }
      this.#lastSyncMs = this.#now();
      this.#syncedBytes = this.#fileBytes;
      this.#isSyncFailed = false;
    }
    this.#settle(this.#unsynced.length, this.#fileBytes);
    this.#recovered();
  }

  #writeNow(batch: Batch): void {
    while (this.#written < batch.length) {
      const left = batch.length - this.#written;
      const position = this.#fileBytes + this.#written;
      const from = batch.from + this.#written;
      const count = this.#disk.write(this.#fd, batch.block!.buf, from, left, position);
      if (count === 0) throw noSpace();
      this.#written += count;
    }
    this.#wrote(batch);
  }

  /** All of the first batch is written. */
  #wrote(batch: Batch): void {
    this.#queue.shift();
    this.#written = 0;
    this.#fileBytes += batch.length;
    this.#queueBytes -= batch.length;
    this.#unsynced.push(batch);
    this.#unsyncedBytes += batch.length;
  }

  #pumpLater(isUrgent: boolean): void {
    if (!this.#isWriting && this.#queue.length !== 0 && !this.#queue[0]!.isCut) this.#writeLater();
    this.#syncLater(isUrgent);
    const isKept = this.policy !== 'no' && !this.isSyncSuspended;
    if (!isKept && !this.#isSyncing && this.#unsynced.length !== 0) {
      // Nobody will sync it soon: as durable as it gets.
      this.#settle(this.#unsynced.length, this.#fileBytes);
    }
  }

  #writeLater(): void {
    const batch = this.#queue[0]!;
    this.#isWriting = true;
    const left = batch.length - this.#written;
    const position = this.#fileBytes + this.#written;
    const from = batch.from + this.#written;
    this.#disk.writeLater(this.#fd, batch.block!.buf, from, left, position, (error, written) => {
      this.#isWriting = false;
      if (error !== null || written === 0) this.#writeFailed(error ?? noSpace());
      else {
        this.#written += written;
        if (this.#written === batch.length) this.#wrote(batch);
        this.#recovered();
      }
      this.#events.wake();
    });
  }

  /** The part of a batch that reached the file is taken back. */
  #writeFailed(error: unknown): void {
    if (this.#written !== 0) {
      const batch = this.#queue[0]!;
      const text = `Short write while writing to the AOF file: (nwritten=${this.#written}, `;
      this.#logError(`${text}expected=${batch.length})`);
      try {
        this.#disk.truncate(this.#fd, this.#fileBytes);
        this.#written = 0;
      } catch (failure) {
        this.#logError(
          'Could not remove short write from the append-only file. The server may refuse to load ' +
            `the AOF the next time it starts. ftruncate: ${errnoText(failure)}`,
        );
      }
    }
    this.#failed(error);
  }

  #syncLater(isUrgent: boolean): void {
    const nowMs = this.#now();
    if (this.#isSyncing) {
      if (nowMs - this.#slowSinceMs < SLOW_SYNC_MS) return;
      this.#slowSinceMs = nowMs;
      this.delayedSyncs += 1;
      this.#events.log('notice', SLOW_SYNC_TEXT);
      return;
    }
    const isCutNext = this.#queue[0]?.isCut === true && !this.#isWriting;
    const isNow = isCutNext || (isUrgent && this.#queue.length === 0);
    if (!this.#needsSync || this.#mustRewrite) return;
    if (!isNow) {
      if (this.policy === 'no' || this.isSyncSuspended) return;
      const isDue =
        this.policy === 'always' ||
        this.#isSyncFailed ||
        nowMs - this.#lastSyncMs >= SYNC_INTERVAL_MS ||
        this.#unsyncedBytes >= UNSYNCED_BYTES_SOFT;
      if (!isDue) return;
    }
    this.#isSyncing = true;
    this.#syncStartMs = nowMs;
    this.#slowSinceMs = nowMs;
    const batches = this.#unsynced.length;
    const end = this.#fileBytes;
    this.#disk.syncLater(this.#fd, (error) => {
      this.#isSyncing = false;
      this.#lastSyncMs = this.#syncStartMs;
      if (error !== null) this.#syncFailed(error);
      else {
        this.#syncedBytes = end;
        this.#isSyncFailed = false;
        this.#settle(batches, end);
        this.#recovered();
      }
      this.#events.wake();
    });
  }

  #syncFailed(error: unknown): void {
    this.#mustRewrite = true;
    this.#isSyncFailed = true;
    this.#failed(error);
  }

  /** The first `count` unsynced batches, up to offset `end` of the file, need not be kept. */
  #settle(count: number, end: number): void {
    let position = -1;
    for (const batch of this.#unsynced.splice(0, count)) {
      this.#unsyncedBytes -= batch.length;
      if (batch.position >= 0) position = batch.position;
      this.#give(batch);
    }
    this.#keptFrom = end;
    if (position >= 0) this.#events.durable(position);
  }

  /**
   * After a failed sync: what is not known to be on disk is taken away, and is to be written again.
   * False: that fails, too.
   */
  #putBack(): boolean {
    try {
      this.#disk.truncate(this.#fd, this.#keptFrom);
    } catch (error) {
      this.#failed(error);
      return false;
    }
    this.#mustRewrite = false;
    this.#written = 0;
    this.#queue.unshift(...this.#unsynced.splice(0));
    this.#queueBytes += this.#unsyncedBytes;
    this.#unsyncedBytes = 0;
    this.#fileBytes = this.#keptFrom;
    this.#syncedBytes = Math.min(this.#syncedBytes, this.#keptFrom);
    return true;
  }

  #checkCut(): void {
    const isFirst = this.#queue[0]?.isCut === true;
    if (!isFirst || this.#isCutting || this.isBusy || this.#error !== null) return;
    if (this.#needsSync) return;
    this.#isCutting = true;
    this.#events.cutReached();
  }

  // ---- failures

  #failed(error: unknown): void {
    if (this.#error === null) this.#logError(`Error writing to the AOF file: ${errnoText(error)}`);
    this.#error = error;
    this.#retryAtMs = this.#now() + RETRY_MS;
    this.#events.failing(error);
  }

  #logError(text: string): void {
    const nowMs = this.#now();
    if (this.#error !== null && nowMs - this.#errorLoggedMs < ERROR_LOG_INTERVAL_MS) return;
    this.#errorLoggedMs = nowMs;
    this.#events.log('warning', text);
  }

  /** Something succeeded. */
  #recovered(): void {
    if (this.#error === null || this.#isSyncFailed) return;
    this.#error = null;
    this.#events.log('notice', 'AOF write error looks solved. The server can write again.');
    this.#events.failing(null);
  }

  #give(batch: Batch): void {
    const { block } = batch;
    if (block === null) return;
    block.batches -= 1;
    if (block.batches !== 0) return;
    block.used = 0;
    if (block !== this.#block && this.#spare.length < SPARE_BLOCKS_MAX) this.#spare.push(block);
  }

  #free(batches: Batch[]): void {
    for (const batch of batches.splice(0)) this.#give(batch);
  }
}

/** A write that takes nothing and says nothing. */
function noSpace(): Error {
  return Object.assign(new Error('no space'), { code: 'ENOSPC' });
}
