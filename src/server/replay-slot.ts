/**
 * ReplaySlot: where an I/O thread runs a replay of the append-only file when main asks for it, with
 * what has to be different meanwhile and as before afterwards.
 */
import type { ParserLimits } from '../resp/request-parser.ts';
import type { Transport } from '../transport/transport.ts';
import { AofReplay } from './aof-replay.ts';
import type { ClientLimits } from './client-limits.ts';
import type { ReplayOrder, ReplayOutcome } from './control.ts';
import type { IoServer } from './io-server.ts';
import { LOAD_FACT } from './load-facts.ts';
import type { ThreadParts } from './thread-setup.ts';

/** Offsets of arguments are 31-bit integers, in input and in the queue of a transaction. */
export const QUERY_BUFFER_BYTES_MAX = 2 ** 31 - 2 ** 26;

export interface ReplaySlotParts {
  readonly parts: ThreadParts;
  readonly io: IoServer;
  readonly limits: ClientLimits;
  readonly parserLimits: ParserLimits;
  readonly wakeSoon: () => void;
  /** Makes a transport the one that `io` sends to. */
  readonly connect: (transport: Transport) => void;
  /** Sets the limits as configured. */
  readonly restoreLimits: () => void;
}

export class ReplaySlot {
  readonly #slot: ReplaySlotParts;
  #replay: AofReplay | null = null;

  constructor(slot: ReplaySlotParts) {
    this.#slot = slot;
  }

  /** Begins a replay on a thread whose own transport is `transport`; `done` gets its outcome. */
  start(transport: Transport, order: ReplayOrder, done: (outcome: ReplayOutcome) => void): void {
    const { parts, io, limits, parserLimits, wakeSoon, connect, restoreLimits } = this.#slot;
    const { state } = parts.ctx;
    state.isClockStopped = true;
    // What is in the file, some server has accepted.
    limits.queryBufferMax = QUERY_BUFFER_BYTES_MAX;
    parserLimits.maxBulkLength = QUERY_BUFFER_BYTES_MAX;
    const finish = (outcome: ReplayOutcome): void => {
      this.#replay = null;
      connect(transport);
      state.isClockStopped = false;
      state.setTime(Date.now());
      restoreLimits();
      done(outcome);
    };
    const { facts } = parts.layout;
    const progress = (bytes: number): void => {
      facts[LOAD_FACT.loadedBytes] = bytes;
    };
    this.#replay = new AofReplay({ io, transport, wakeSoon, progress, done: finish }, order);
    connect(this.#replay);
    this.#replay.begin();
  }

  /** Goes on with the replay, where there is one. */
  step(): void {
    this.#replay?.step();
  }
}
