/**
 * WriteGuard: what has to be done around commands while keys are to survive: it appends to the
 * journal what a command has changed, and says which replies have to wait for the disk. One per
 * thread; with durability off, commands do not come here.
 */

import { ESCALATE, type RunStatus } from '../commands/spec.ts';
import { type CommandRow, KeyIndexes, keyIndexes } from '../commands/table.ts';
import { EffectLog, type Effects } from '../durability/effects.ts';
import { Journal } from '../durability/journal.ts';
import type { Key } from '../keyspace/key.ts';
import type { Shard } from '../keyspace/shard.ts';
import type { ExpirySink } from '../keyspace/thread-state.ts';
import type { DoorbellRinger } from '../sync/doorbell.ts';
import { MODE_ALWAYS, MODE_JOURNAL, MODE_SNAPSHOT, type SharedLayout } from './shared-layout.ts';
import type { SnapshotGuard } from './snapshot-guard.ts';
import type { ThreadContext } from './thread-context.ts';

const ERROR_SIGN = 0x2d;
const MULTI: Uint8Array = Uint8Array.from(Buffer.from('MULTI'));
const EXEC: Uint8Array = Uint8Array.from(Buffer.from('EXEC'));
const DEL: Uint8Array = Uint8Array.from(Buffer.from('DEL'));
const UNLINK: Uint8Array = Uint8Array.from(Buffer.from('UNLINK'));
const HDEL: Uint8Array = Uint8Array.from(Buffer.from('HDEL'));

export class WriteGuard implements ExpirySink {
  readonly words: Int32Array;
  readonly modeWord: number;
  readonly journal: Journal;
  /** Position that must be on disk before the reply of what ran last may leave; 0 = none. */
  gate = 0;
  readonly #effects = new EffectLog();
  /** Records of things that happen beside a command: keys that expire. */
  readonly #aside = new EffectLog();
  readonly #keys = new KeyIndexes();
  readonly #snapshot: SnapshotGuard;
  #isInTransaction = false;
  #wasOn = false;
  #wasReplaced = false;

  readonly #ringer: DoorbellRinger;

  /** `ringer` wakes the durability thread. */
  constructor(
    layout: SharedLayout,
    journal: SharedArrayBuffer,
    ringer: DoorbellRinger,
    snapshot: SnapshotGuard,
  ) {
    this.#ringer = ringer;
    this.#snapshot = snapshot;
    this.words = layout.words;
    this.modeWord = layout.durabilityModeWord;
    this.journal = new Journal(journal, layout);
    this.#aside.isOn = true;
  }

  /** Has the durability thread look at what was appended; called once a turn. */
  publish(): void {
    if (this.journal.takeAppended()) this.#ringer.ring();
  }

  get effects(): Effects {
    return this.#effects;
  }

  get mode(): number {
    return this.words[this.modeWord]!;
  }

  /**
   * Makes ready for a command whose shards are held: what it may change is in the running snapshot
   * first. False when that cannot be now: nothing has changed then, and the command has to be tried
   * again. O(keys).
   */
  prepare(row: CommandRow, ctx: ThreadContext): boolean {
    const mode = this.words[this.modeWord]!;
    const isBounded = ctx.workMax !== Number.POSITIVE_INFINITY;
    if ((mode & MODE_JOURNAL) !== 0 && isBounded && row.isHeldAsWrite && !this.journal.hasRoom) {
      // The disk is slow: a worker waits for room, an I/O thread has other clients.
      return false;
    }
    if ((mode & MODE_SNAPSHOT) === 0) return true;
    return this.#snapshot.prepare(row, ctx);
  }

  /** Runs a command whose shards are held, and records what it changed. */
  run(row: CommandRow, ctx: ThreadContext): RunStatus {
    const { spec } = row;
    const mode = this.words[this.modeWord]!;
    if (spec.place !== 'shard' || spec.shards === 'none' || (mode & MODE_JOURNAL) === 0) {
      return ctx.runPlain(row);
    }
    if (!row.isHeldAsWrite) {
      const status = ctx.runPlain(row);
      if ((mode & MODE_ALWAYS) !== 0 && status !== ESCALATE) this.#gateRead(row, ctx);
      return status;
    }
    const effects = this.#effects;
    if (!this.#isInTransaction) effects.clear();
    const before = effects.commands;
    effects.isReplaced = false;
    effects.isOn = true;
    const { dirty } = ctx.state;
    const { reply } = ctx;
    const mark = reply.length;
    const status = ctx.runPlain(row);
    // A command that fails as sent would fail again: it says itself what it did, if anything (LSET
    // beyond the end may have converted the list).
    const hasFailed = reply.length > mark && reply.buf[mark] === ERROR_SIGN;
    const isChanged = ctx.state.dirty !== dirty && !hasFailed;
    if (this.#isInTransaction) {
      if (isChanged && !effects.isReplaced) this.#recordAsSent(row, ctx);
      effects.isOn = false;
      if (mode & MODE_ALWAYS) this.#noteTransactionKeys(row, ctx);
      return status;
    }
    effects.isOn = false;
    if (effects.isReplaced) {
      if (effects.commands === before) return status;
      this.#appendEffects(effects);
    } else if (isChanged) {
      this.journal.appendCommand(ctx.db, row.logName, ctx.args);
    } else {
      if ((mode & MODE_ALWAYS) !== 0 && status !== ESCALATE) this.#gateRead(row, ctx);
      return status;
    }
    if ((mode & MODE_ALWAYS) !== 0) this.#gateWrite(row, ctx, this.journal.position());
    return status;
  }

  #recordAsSent(row: CommandRow, ctx: ThreadContext): void {
    const effects = this.#effects;
    const { args } = ctx;
    effects.command(ctx.db, row.logName, args.count);
    for (let i = 1; i < args.count; i++) {
      effects.bytes(args.buf, args.offset[i]!, args.end(i));
    }
  }

  /** Several effects of one command, or of one transaction, are one record. */
  #appendEffects(effects: EffectLog): void {
    const { buf, length, firstDb, db } = effects;
    if (effects.commands === 1) {
      this.journal.appendBytes(firstDb, db, buf, 0, length);
      return;
    }
    const whole = this.#whole;
    whole.clear();
    whole.isOn = true;
    whole.command(firstDb, MULTI, 1);
    whole.appendRaw(buf, 0, length);
    whole.command(firstDb, EXEC, 1);
    this.journal.appendBytes(firstDb, db, whole.buf, 0, whole.length);
  }

  readonly #whole = new EffectLog();

  /** What the items of a transaction change is collected from here to `endTransaction`. */
  beginTransaction(): void {
    this.#effects.clear();
    this.#isInTransaction = true;
    this.#transactionKeys.length = 0;
  }

  /** Appends the record of the transaction. All its shards are still held. */
  endTransaction(): void {
    this.#isInTransaction = false;
    if (this.#effects.commands === 0) return;
    this.#appendEffects(this.#effects);
    if ((this.mode & MODE_ALWAYS) === 0) return;
    const position = this.journal.position();
    this.#wait(position);
    for (const lo of this.#transactionKeys) this.journal.noteUnsynced(lo, position);
  }

  /** Hashes of keys that the running transaction may have changed; empty between transactions. */
  readonly #transactionKeys: number[] = [];

  #noteTransactionKeys(row: CommandRow, ctx: ThreadContext): void {
    this.#gateRead(row, ctx);
    this.#visitKeys(row, ctx, (lo) => this.#transactionKeys.push(lo));
  }

  #visitKeys(row: CommandRow, ctx: ThreadContext, visit: (lo: number) => void): void {
    const { spec } = row;
    if (!keyIndexes(spec.keys, ctx.args, this.#keys)) return;
    for (let i = 0; i < this.#keys.count; i++) {
      ctx.at(this.#keys.index[i]!);
      visit(ctx.key.lo);
    }
  }

  #wait(position: number): void {
    if (position > this.gate) this.gate = position;
  }

  #gateWrite(row: CommandRow, ctx: ThreadContext, position: number): void {
    this.#wait(position);
    if (row.singleKey !== 0) {
      ctx.at(row.singleKey);
      this.journal.noteUnsynced(ctx.key.lo, position);
    } else this.#visitKeys(row, ctx, (lo) => this.journal.noteUnsynced(lo, position));
  }

  /** What was read may tell of a change that is not on disk yet. */
  #gateRead(row: CommandRow, ctx: ThreadContext): void {
    const { journal } = this;
    const durable = journal.durablePosition;
    if (row.singleKey !== 0) {
      ctx.at(row.singleKey);
      const position = journal.unsyncedPosition(ctx.key.lo);
      if (position > durable) this.#wait(position);
      return;
    }
    this.#visitKeys(row, ctx, (lo) => {
      const position = journal.unsyncedPosition(lo);
      if (position > durable) this.#wait(position);
    });
  }

  // ---- what happens beside commands

  /**
   * Makes ready for the removal of a key by nobody's command: eviction. Its shard is held. False
   * when it has to stay for now.
   */
  prepareKey(shard: Shard, db: number, key: Key): boolean {
    if ((this.mode & MODE_SNAPSHOT) === 0) return true;
    return this.#snapshot.prepareKey(shard, db, key);
  }

  /** Whether evicted keys are recorded as UNLINK, as Redis does with `lazyfree-lazy-eviction`. */
  isEvictionLazy = false;

  keyEvicted(db: number, buf: Uint8Array, from: number, to: number): void {
    this.keyRemoved(db, this.isEvictionLazy ? UNLINK : DEL, buf, from, to);
  }

  keyExpired(db: number, buf: Uint8Array, from: number, to: number): void {
    this.keyRemoved(db, DEL, buf, from, to);
  }

  /** Records that a key is deleted, by `name` (DEL or UNLINK). Its shard is held. */
  keyRemoved(db: number, name: Uint8Array, buf: Uint8Array, from: number, to: number): void {
    if ((this.mode & MODE_JOURNAL) === 0) return;
    const log = this.#beginAside();
    log.command(db, name, 2);
    log.bytes(buf, from, to);
    this.#endAside(db, log);
  }

  fieldExpired(
    db: number,
    keyBuf: Uint8Array,
    keyFrom: number,
    keyTo: number,
    buf: Uint8Array,
    from: number,
    to: number,
  ): void {
    if ((this.mode & MODE_JOURNAL) === 0) return;
    const log = this.#beginAside();
    log.command(db, HDEL, 3);
    log.bytes(keyBuf, keyFrom, keyTo);
    log.bytes(buf, from, to);
    this.#endAside(db, log);
  }

  /**
   * A record of its own, before that of the command that runs; in a transaction a part of its
   * record, because it may be about what the transaction has renamed or swapped before.
   */
  #beginAside(): EffectLog {
    if (!this.#isInTransaction) {
      this.#aside.clear();
      return this.#aside;
    }
    this.#wasOn = this.#effects.isOn;
    this.#wasReplaced = this.#effects.isReplaced;
    this.#effects.isOn = true;
    return this.#effects;
  }

  #endAside(db: number, log: EffectLog): void {
    if (this.#isInTransaction) {
      log.isOn = this.#wasOn;
      log.isReplaced = this.#wasReplaced;
    } else {
      this.journal.appendBytes(db, db, log.buf, 0, log.length);
    }
  }
}
