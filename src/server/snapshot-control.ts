/**
 * SnapshotControl: main's side of snapshots, whatever they are for: it starts the snapshot thread,
 * has the epoch flip, and says when the file is there. One snapshot at a time.
 */
import { rmSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import { STYLE_AOF_BASE, styleWord } from '../durability/snapshot-emitter.ts';
import type { SnapshotStart } from '../durability/snapshot-frames.ts';
import { accessOf, type SnapshotStyle } from '../durability/snapshot-write.ts';
import type { DoorbellRinger } from '../sync/doorbell.ts';
import { clearBits } from '../sync/shared-bits.ts';
import type { ConfigStore } from './config/store.ts';
import { decodeControl, encodeControl } from './control.ts';
import { FACT } from './persistence-facts.ts';
import type { ServerPlan } from './plan.ts';
import { MODE_SNAPSHOT } from './shared-layout.ts';
import { CANCELLED, type FromSnapshot, type SnapshotJob } from './snapshot-thread.ts';
import type { FlipRequest } from './snapshot-walk.ts';

/** Bytes after which the snapshot thread syncs, with `rdb-save-incremental-fsync`. */
const BYTES_PER_SYNC = 4 << 20;

/** What a snapshot is written for: an RDB file, or the base of an append-only file. */
export type SnapshotKind = 'rdb' | 'aof-base-rdb';

export interface SnapshotOptions {
  /** The file, and its name until it is complete, in the same directory. */
  readonly path: string;
  readonly temporary: string;
  readonly kind: SnapshotKind;
  /** Puts the mark between two incremental files into the journal, at the instant. */
  readonly cutsJournal: boolean;
  /** The instant has been: the snapshot has what was there then. */
  readonly onFlip: (facts: SnapshotStart) => void;
  /** The file is durable and has its name; or what went wrong, CANCELLED for a cancel. */
  readonly onDone: (error: string | null) => void;
}

export interface SnapshotControlParts {
  readonly plan: ServerPlan;
  readonly config: ConfigStore;
  /** The entry of the snapshot thread. */
  readonly entry: URL;
  readonly snapshotRinger: DoorbellRinger;
  /** Sends a request to a shard worker, which then calls `flipped`. */
  readonly sendFlip: (request: FlipRequest) => void;
}

/** The snapshot under way. */
interface Running {
  readonly options: SnapshotOptions;
  readonly worker: Worker;
  readonly flip: FlipRequest;
  /** The epoch was asked to flip, and has flipped. */
  isFlipAsked: boolean;
  isFlipped: boolean;
  /** The thread has ended with `error`. */
  isEnded: boolean;
  error: string | null;
}

export class SnapshotControl {
  readonly #parts: SnapshotControlParts;
  #running: Running | null = null;

  constructor(parts: SnapshotControlParts) {
    this.#parts = parts;
  }

  get isRunning(): boolean {
    return this.#running !== null;
  }

  /** Begins a snapshot. False while there is one: nothing has happened then. */
  start(options: SnapshotOptions): boolean {
    if (this.#running !== null) return false;
    const { config, plan } = this.#parts;
    const style: SnapshotStyle = {
      compresses: config.bool('rdbcompression'),
      hasChecksum: config.bool('rdbchecksum'),
      access: accessOf(config.text('maxmemory-policy')),
    };
    const isAofBase = options.kind !== 'rdb';
    const job: SnapshotJob = {
      buffers: plan.buffers,
      path: options.path,
      temporary: options.temporary,
      style,
      isAofBase,
      bytesPerSync: config.bool('rdb-save-incremental-fsync') ? BYTES_PER_SYNC : 0,
    };
    const worker = new Worker(this.#parts.entry, { name: 'snapshot', workerData: job });
    const running: Running = {
      options,
      worker,
      flip: {
        style: styleWord(style) | (isAofBase ? STYLE_AOF_BASE : 0),
        keyDelayMicros: config.int('rdb-key-save-delay'),
        cutsJournal: options.cutsJournal,
      },
      isFlipAsked: false,
      isFlipped: false,
      isEnded: false,
      error: null,
    };
    this.#running = running;
    plan.layout.facts[FACT.saveKeysProcessed] = 0;
    plan.layout.facts[FACT.saveKeysTotal] = 0;
    worker.on('message', (message: unknown) => {
      this.#receive(running, decodeControl<FromSnapshot>(message));
    });
    worker.on('error', (error: unknown) => {
      this.#ended(running, error instanceof Error ? error.message : String(error));
    });
    worker.on('exit', () => this.#ended(running, 'the snapshot thread has ended'));
    return true;
  }

  #receive(running: Running, message: FromSnapshot): void {
    if (message.type === 'ready') {
      running.isFlipAsked = true;
      this.#parts.sendFlip(running.flip);
    } else this.#ended(running, message.error);
  }

  /** A shard worker has flipped the epoch. */
  flipped(facts: SnapshotStart): void {
    const running = this.#running;
    if (running === null) return;
    running.isFlipped = true;
    if (running.isEnded) {
      this.#stopWalks();
      this.#settle(running);
      return;
    }
    const total = facts.keys.reduce((sum, keys) => sum + keys, 0);
    this.#parts.plan.layout.facts[FACT.saveKeysTotal] = total;
    running.options.onFlip(facts);
  }

  /** Gives the running snapshot up; `onDone` says CANCELLED soon. */
  cancel(): void {
    const running = this.#running;
    if (running === null || running.isEnded) return;
    running.worker.postMessage(encodeControl({ type: 'cancel' }));
    this.#parts.snapshotRinger.ring();
  }

  /** Removes what a snapshot that is under way has written: the process ends now. */
  abandon(): void {
    const running = this.#running;
    if (running !== null) rmSync(running.options.temporary, { force: true });
  }

  #ended(running: Running, error: string | null): void {
    if (running.isEnded) return;
    running.isEnded = true;
    running.error = error;
    if (error !== null && error !== CANCELLED) this.abandon();
    if (error !== null) this.#stopWalks();
    if (!running.isFlipAsked || running.isFlipped) this.#settle(running);
  }

  /** From here on nobody writes entries; the walks only mark what they have not seen. */
  #stopWalks(): void {
    const { layout } = this.#parts.plan;
    clearBits(layout.words, layout.durabilityModeWord, MODE_SNAPSHOT);
  }

  #settle(running: Running): void {
    this.#running = null;
    running.options.onDone(running.error);
  }
}
