/**
 * CommandHooks: what stands around every command while a feature that looks at all of them is on
 * (MODE bits of the shared mode word): durability inside, then MONITOR and client-side caching.
 * With no bit set commands do not come here.
 */
import { ESCALATE, type RunStatus } from '../commands/spec.ts';
import type { CommandRow } from '../commands/table.ts';
import type { Effects } from '../durability/effects.ts';
import type { CommandGuard, ThreadContext } from './thread-context.ts';
import type { WriteGuard } from './write-guard.ts';

/** Told of a command that has run, while its shards are still held. */
export type CommandObserver = (row: CommandRow, ctx: ThreadContext) => void;

/** Events of a command, told when its record has a place in the journal: EventPublisher. */
export interface HeldEvents {
  /** From here on, up to as many calls of `release`. */
  hold(): void;
  release(): void;
}

export class CommandHooks implements CommandGuard {
  readonly words: Int32Array;
  readonly modeWord: number;
  readonly #guard: WriteGuard;
  readonly #bits: number[] = [];
  readonly #observers: CommandObserver[] = [];
  /** What is told of a command waits for its record. */
  events: HeldEvents | null = null;

  constructor(guard: WriteGuard) {
    this.#guard = guard;
    this.words = guard.words;
    this.modeWord = guard.modeWord;
  }

  get effects(): Effects {
    return this.#guard.effects;
  }

  /** Has commands observed while MODE bit `bit` is set. */
  observe(bit: number, observer: CommandObserver): void {
    this.#bits.push(bit);
    this.#observers.push(observer);
  }

  prepare(row: CommandRow, ctx: ThreadContext): boolean {
    return this.#guard.prepare(row, ctx);
  }

  run(row: CommandRow, ctx: ThreadContext): RunStatus {
    this.events?.hold();
    const status = this.#guard.run(row, ctx);
    this.events?.release();
    if (status === ESCALATE) return status;
    const mode = this.words[this.modeWord]!;
    for (let i = 0; i < this.#bits.length; i++) {
      if ((mode & this.#bits[i]!) !== 0) this.#observers[i]!(row, ctx);
    }
    return status;
  }

  beginTransaction(): void {
    this.events?.hold();
    this.#guard.beginTransaction();
  }

  endTransaction(): void {
    this.#guard.endTransaction();
    this.events?.release();
  }
}
