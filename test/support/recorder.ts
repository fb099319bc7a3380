/**
 * A LocalRunner whose changes are recorded as a server records them, by a real WriteGuard, and the
 * way back: a log replayed on another runner.
 */
import type { CommandSpec } from '../../src/commands/spec.ts';
import {
  createJournal,
  JOURNAL_HEAD_BYTES,
  KIND_LAST_PART,
  KIND_PART,
} from '../../src/durability/journal.ts';
import { createSnapshotRing } from '../../src/durability/snapshot-frames.ts';
import { ActiveExpire } from '../../src/keyspace/active-expire.ts';
import { keyspaceDigest } from '../../src/keyspace/digest.ts';
import { MODE_JOURNAL, SharedLayout } from '../../src/server/shared-layout.ts';
import { SnapshotGuard } from '../../src/server/snapshot-guard.ts';
import { WriteGuard } from '../../src/server/write-guard.ts';
import { DoorbellRinger } from '../../src/sync/doorbell.ts';
import { MpscConsumer } from '../../src/sync/mpsc-ring.ts';
import {
  type Argument,
  CLOCK_START_MS,
  LocalRunner,
  type LocalRunnerOptions,
} from './local-runner.ts';

const FREE_UNITS = 1 << 16;
const EXPIRE_PASSES = 3;

/** One command of a log, one byte a character. */
export type Logged = readonly string[];

export class Recorder {
  readonly runner: LocalRunner;
  readonly #guard: WriteGuard;
  readonly #ring: MpscConsumer;
  #db = 0;

  constructor(specs: readonly CommandSpec[], options: LocalRunnerOptions = {}) {
    this.runner = new LocalRunner(specs, options);
    const topology = {
      ioThreads: 1,
      shardThreads: 1,
      shards: this.runner.shards.length,
      commandRows: this.runner.table.rows.length,
      connections: 1,
    };
    const { control, rings } = SharedLayout.create(topology);
    const layout = new SharedLayout(control, rings);
    layout.words[layout.durabilityModeWord] = MODE_JOURNAL;
    const journal = createJournal();
    const ringer = new DoorbellRinger(layout.words, layout.bellWord(0), () => undefined);
    const snapshot = new SnapshotGuard(layout, createSnapshotRing(), {
      ringOwner: () => undefined,
      ringWriter: () => undefined,
    });
    this.#guard = new WriteGuard(layout, journal, ringer, snapshot);
    this.#ring = new MpscConsumer(journal);
    this.runner.context.guard = this.#guard;
    this.runner.state.expirySink = this.#guard;
  }

  /** Empties everything, what was recorded included. */
  reset(): void {
    resetRunner(this.runner);
    this.takeBytes();
    this.#db = 0;
  }

  /** Runs one command and returns its reply. */
  run(...words: readonly Argument[]): string {
    return this.runner.run(...words);
  }

  /** Runs commands as EXEC does. */
  transaction(commands: readonly (readonly Argument[])[]): void {
    this.#guard.beginTransaction();
    for (const words of commands) this.runner.run(...words);
    this.#guard.endTransaction();
  }

  /** Whether something was recorded since the last call. */
  hasRecorded(): boolean {
    return this.#guard.journal.takeAppended();
  }

  /** The bytes that were recorded since the last call, SELECTs between records included. */
  takeBytes(): Buffer {
    const parts: Buffer[] = [];
    while (this.#ring.next()) {
      const at = this.#ring.offset >>> 2;
      const kind = this.#ring.u32[at]! & 0xff;
      const db = this.#ring.u32[at]! >>> 8;
      if (db !== this.#db)
        parts.push(Buffer.from(`*2\r\n$6\r\nSELECT\r\n$${db < 10 ? 1 : 2}\r\n${db}\r\n`));
      const lastDb = this.#ring.u32[at + 1]!;
      // Parts of one record belong together: SELECT stands before the first one.
      this.#db = kind === KIND_PART || kind === KIND_LAST_PART ? db : lastDb;
      const start = this.#ring.offset + JOURNAL_HEAD_BYTES;
      parts.push(Buffer.from(this.#ring.u8.slice(start, this.#ring.offset + this.#ring.length)));
    }
    this.#ring.release();
    return Buffer.concat(parts);
  }

  /** The same as commands. */
  take(): Logged[] {
    return parseLog(this.takeBytes());
  }
}

/** Empties all databases and puts the clock back. */
export function resetRunner(runner: LocalRunner): void {
  runner.db = 0;
  runner.state.setTime(CLOCK_START_MS);
  for (const shard of runner.shards) {
    for (let db = 0; db < shard.databases; db++) shard.flush(db);
    while (!shard.lazy.step(FREE_UNITS));
  }
}

/** The commands of a log. Throws where the bytes are none. */
export function parseLog(bytes: Uint8Array): Logged[] {
  const text = Buffer.from(bytes).toString('latin1');
  const commands: string[][] = [];
  let at = 0;
  const number = (sign: string): number => {
    const end = text.indexOf('\r\n', at);
    if (end < 0 || text[at] !== sign) throw new Error(`no ${sign} at byte ${at} of the log`);
    const n = Number(text.slice(at + 1, end));
    at = end + 2;
    return n;
  };
  while (at < text.length) {
    const words: string[] = [];
    for (let left = number('*'); left > 0; left--) {
      const length = number('$');
      words.push(text.slice(at, at + length));
      if (text.slice(at + length, at + length + 2) !== '\r\n') {
        throw new Error(`no line end at byte ${at + length} of the log`);
      }
      at += length + 2;
    }
    commands.push(words);
  }
  return commands;
}

/** Replays commands with the clock at 0, as at start. Throws on an error reply. */
export function replay(runner: LocalRunner, commands: readonly Logged[]): void {
  runner.state.nowMs = 0;
  for (const words of commands) {
    const [name] = words;
    if (name === 'MULTI' || name === 'EXEC') continue;
    if (name === 'SELECT') {
      runner.db = Number(words[1]);
      continue;
    }
    const reply = runner.run(...words);
    if (reply.startsWith('-')) throw new Error(`replay of ${JSON.stringify(words)}: ${reply}`);
  }
}

/** Digest of everything that lies in the shards, as if nothing had expired. */
export function rawDigest(runner: LocalRunner): string {
  const { state } = runner;
  const { nowMs } = state;
  state.nowMs = 0;
  const digest = keyspaceDigest(runner.shards, state.limits.databases);
  state.nowMs = nowMs;
  return Buffer.from(digest).toString('hex');
}

/** Times of expiry of all keys and fields, those that have passed included, as sorted lines. */
export function expiryLines(runner: LocalRunner): string[] {
  const { state } = runner;
  const { nowMs } = state;
  const lines: string[] = [];
  state.nowMs = 0;
  for (const shard of runner.shards) {
    for (let db = 0; db < shard.databases; db++) {
      const dict = shard.dict(db);
      for (let unit = 0; unit < dict.unitCount; unit++) {
        dict.visitUnit(unit, (ref) => {
          const at = shard.keyOffset(ref);
          const text = (buf: Uint8Array, from: number, to: number): string =>
            JSON.stringify(Buffer.from(buf.subarray(from, to)).toString('latin1'));
          const key = `${db} ${text(shard.u8, at, at + shard.keyLength(ref))}`;
          if (shard.expireMs(ref) !== 0) lines.push(`${key} ${shard.expireMs(ref)}`);
          if (!shard.hasFieldExpires(ref)) return;
          shard.hashes.forEach(ref, (nameBuf, nameFrom, nameTo) => {
            const { expireMs } = shard.hashes.each;
            if (expireMs !== 0) lines.push(`${key} ${text(nameBuf, nameFrom, nameTo)} ${expireMs}`);
          });
        });
      }
    }
  }
  state.nowMs = nowMs;
  return lines.sort();
}

/** Frees everything that has expired. */
export function expireAll(runner: LocalRunner): void {
  for (const shard of runner.shards) {
    const cycle = new ActiveExpire(shard);
    // What a slice has no room for waits for the next pass.
    for (let pass = 0; pass < EXPIRE_PASSES; pass++) while (!cycle.slice());
  }
}
