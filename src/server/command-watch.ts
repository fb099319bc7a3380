/**
 * What stands beside the commands of a thread and takes note of those that deserve it. Every
 * command pays for two comparisons; which commands are timed is decided here.
 */
import type { CommandRow } from '../commands/table.ts';
import type { ArgView } from '../resp/request-parser.ts';
import type { ClientRef } from './thread-context.ts';

/** The first calls of a command are timed each, so that rare commands have exact figures. */
export const CALLS_ALWAYS_TIMED = 16;
/** Afterwards one call in 16: the clock costs 53 ns, a tenth of a pipelined command. */
export const SAMPLE_MASK = 15;

/** What `hold` keeps: nobody else looks into it. */
export interface HeldCommand {
  readonly payload: Uint8Array;
  readonly count: number;
}

export interface CommandWatch {
  /**
   * Which calls of a command are timed on I/O threads beyond the first: those whose number has none
   * of these bits. 0 = all.
   */
  readonly sampleMask: number;
  /** Least time of a command to be told of, in nanoseconds; Infinity = none is. */
  readonly noteNanos: number;
  /**
   * Keeps what is needed of a command that goes on later, when its arguments are gone. Hand it to
   * `noteHeld`.
   */
  hold(row: CommandRow, args: ArgView): HeldCommand | null;
  /** A command of `hold` has ended; its time is without that for which it waited. */
  noteHeld(row: CommandRow, held: HeldCommand | null, nanos: number): void;
  /**
   * Takes note of a command that has just run for `nanos`, and whose reply has so many bytes; of
   * `client` where that is not the one whose command runs.
   */
  note(row: CommandRow, args: ArgView, nanos: number, replyBytes: number, client?: ClientRef): void;
}

/** Watches nothing: tests and tools. */
export const NO_WATCH: CommandWatch = {
  sampleMask: SAMPLE_MASK,
  noteNanos: Number.POSITIVE_INFINITY,
  note: () => undefined,
  hold: () => null,
  noteHeld: () => undefined,
};

/** Whether the call after `calls` others of a command is timed. */
export function isTimed(watch: CommandWatch, calls: number): boolean {
  return (calls & watch.sampleMask) === 0 || calls < CALLS_ALWAYS_TIMED;
}

/** For how many calls the time of that call stands. */
export function sampleWeight(watch: CommandWatch, calls: number): number {
  return calls < CALLS_ALWAYS_TIMED ? 1 : watch.sampleMask + 1;
}
