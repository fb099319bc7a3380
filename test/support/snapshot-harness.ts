/**
 * Snapshots without threads: the walks of two workers over the shards of a LocalRunner, whose
 * commands run between their turns, and a consumer that puts the frames together.
 */
import { readFileSync } from 'node:fs';
import { NO_EFFECTS } from '../../src/durability/effects.ts';
import { FileSink } from '../../src/durability/file-sink.ts';
import { FileSource } from '../../src/durability/file-source.ts';
import { styleWord } from '../../src/durability/snapshot-emitter.ts';
import { SnapshotFile } from '../../src/durability/snapshot-file.ts';
import { createSnapshotRing, type SnapshotStart } from '../../src/durability/snapshot-frames.ts';
import { KeyspaceLoader } from '../../src/durability/snapshot-load.ts';
import { SnapshotReader } from '../../src/durability/snapshot-read.ts';
import type { SnapshotStyle } from '../../src/durability/snapshot-write.ts';
import { ShardLocks } from '../../src/server/shard-locks.ts';
import { MODE_SNAPSHOT, SharedLayout } from '../../src/server/shared-layout.ts';
import { SnapshotGuard } from '../../src/server/snapshot-guard.ts';
import { SnapshotWalk } from '../../src/server/snapshot-walk.ts';
import { DoorbellRinger } from '../../src/sync/doorbell.ts';
import { MpscConsumer } from '../../src/sync/mpsc-ring.ts';
import { type Argument, argView, type LocalRunner } from './local-runner.ts';

const WORKERS = 2;
const STYLE: SnapshotStyle = { compresses: true, hasChecksum: true, access: 'none' };

export class SnapshotHarness {
  readonly runner: LocalRunner;
  readonly layout: SharedLayout;
  readonly walks: SnapshotWalk[] = [];
  /** What was there at the flips, as START says it. */
  readonly starts: SnapshotStart[] = [];
  /** Commands that had to wait for the snapshot. */
  heldBack = 0;
  readonly #ring = createSnapshotRing();
  readonly #consumer: MpscConsumer;

  constructor(runner: LocalRunner) {
    this.runner = runner;
    const { shards, context } = runner;
    const topology = { ioThreads: 1, shardThreads: WORKERS, shards: shards.length };
    const { control, rings } = SharedLayout.create({
      ...topology,
      commandRows: runner.table.rows.length,
      connections: 1,
    });
    this.layout = new SharedLayout(control, rings);
    const ringer = new DoorbellRinger(this.layout.words, this.layout.bellWord(0), () => undefined);
    for (let worker = 0; worker < WORKERS; worker++) {
      this.walks.push(
        new SnapshotWalk({
          layout: this.layout,
          shards,
          owned: shards.filter((shard) => this.layout.ownerOf(shard.index) === worker),
          locks: new ShardLocks(this.layout, this.layout.workerThread(worker), [ringer]),
          ring: this.#ring,
          allStats: [],
          snapshotRinger: ringer,
          appendCut: () => undefined,
          onFlipped: (facts) => this.starts.push(facts),
        }),
      );
    }
    const guard = new SnapshotGuard(this.layout, this.#ring, {
      ringOwner: () => undefined,
      ringWriter: () => undefined,
    });
    context.guard = {
      words: this.layout.words,
      modeWord: this.layout.durabilityModeWord,
      effects: NO_EFFECTS,
      prepare: (row, ctx) => !this.isEmitting || guard.prepare(row, ctx),
      run: (row, ctx) => ctx.runPlain(row),
      beginTransaction: () => undefined,
      endTransaction: () => undefined,
    };
    this.#consumer = new MpscConsumer(this.#ring);
  }

  get isEmitting(): boolean {
    return (this.layout.words[this.layout.durabilityModeWord]! & MODE_SNAPSHOT) !== 0;
  }

  /** Shards that have not been walked to the end. */
  get left(): number {
    return this.layout.words[this.layout.snapshotLeftWord]!;
  }

  /** Flips the epoch; the walks of an earlier snapshot end first. */
  flip(keyDelayMicros = 0): void {
    const before = this.starts.length;
    this.walks[0]!.requestFlip({ style: styleWord(STYLE), keyDelayMicros, cutsJournal: false });
    while (this.starts.length === before) this.turn();
  }

  /** What main does for BGSAVE CANCEL. */
  cancel(): void {
    this.layout.words[this.layout.durabilityModeWord]! &= ~MODE_SNAPSHOT;
  }

  /** One turn of every walk. */
  turn(): void {
    for (const walk of this.walks) walk.turn();
  }

  /** Runs a command where the snapshot lets it. Null = not now. */
  tryRun(...words: readonly Argument[]): string | null {
    const { runner } = this;
    const args = argView(words);
    let row = runner.table.find(args.buf, args.offset[0]!, args.end(0));
    if (row !== null && row.subcommands !== null && args.count > 1) {
      row = row.subcommands.find(args.buf, args.offset[1]!, args.end(1)) ?? row;
    }
    if (row?.acceptsCount(args.count)) {
      runner.context.begin(args, runner.db);
      if (!runner.context.isPrepared(row)) {
        this.heldBack += 1;
        return null;
      }
    }
    return runner.run(...words);
  }

  /** The same, with turns of the walks until it can run. */
  run(...words: readonly Argument[]): string {
    for (;;) {
      const reply = this.tryRun(...words);
      if (reply !== null) return reply;
      this.turn();
      this.consume();
    }
  }

  #sink: FileSink | null = null;
  #file: SnapshotFile | null = null;
  isComplete = false;

  /** Begins to put the frames from here on together at `path`. */
  open(path: string): void {
    this.isComplete = false;
    this.#sink = new FileSink(path, `${path}.temporary`);
    this.#file = new SnapshotFile(this.#sink, STYLE, false, `${path}.aside`);
  }

  /** Takes in the frames that are there. */
  consume(frames = Number.POSITIVE_INFINITY): void {
    const ring = this.#consumer;
    for (let left = frames; left > 0 && !this.isComplete && ring.next(); left--) {
      if (this.#file?.take(ring.u8, ring.offset, ring.offset + ring.length) !== true) continue;
      this.isComplete = true;
      this.#sink!.finish();
    }
    ring.release();
  }

  /** Goes on until the file is there. */
  finish(): void {
    while (!this.isComplete) {
      this.turn();
      for (const shard of this.runner.shards) shard.lazy.step(16);
      this.consume();
    }
  }
}

/** Loads a file into a runner; what is wrong with it, or null. */
export function loadInto(runner: LocalRunner, path: string): string | null {
  const source = new FileSource(path);
  const { databases } = runner.state.limits;
  const options = { databases, skipsChecksum: false, nowMs: runner.state.nowMs };
  try {
    const loader = new KeyspaceLoader(runner.shards, false);
    const error = new SnapshotReader(loader, options).read(source)?.text ?? null;
    loader.finish();
    return error;
  } finally {
    source.close();
  }
}

/** RDB version of a file. */
export function versionOf(path: string): number {
  return Number(readFileSync(path).subarray(5, 9).toString());
}
