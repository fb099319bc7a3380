/** What a command may reply to its client before the client is certainly to be closed. */
import { type OutputLimits, replyBytesMax } from './client-limits.ts';
import { FLAG_SUBSCRIBED, KIND_CUT_OFF, KIND_REPLY } from './route-messages.ts';

/** For the client whose command runs. */
export interface OutputBound {
  /** Bytes in the reply buffer beyond which it is over its hard limit; Infinity without one. */
  max(): number;
  /** It was answered with more, and is to be closed. */
  exceeded(): void;
}

/** Of a shard worker: which of the limits it is, its frames say; its I/O thread closes it. */
export class WorkerOutputBound implements OutputBound {
  /** Of the frame that is run. */
  flags = 0;
  readonly #limits: OutputLimits;
  #kind = KIND_REPLY;

  constructor(limits: OutputLimits) {
    this.#limits = limits;
  }

  /** What else is on its way to the client is not known here. */
  max(): number {
    const { normal, pubsub } = this.#limits;
    return replyBytesMax((this.flags & FLAG_SUBSCRIBED) === 0 ? normal : pubsub, 0);
  }

  exceeded(): void {
    this.#kind = KIND_CUT_OFF;
  }

  /** The kind of the frames that take the reply away. */
  takeKind(): number {
    const kind = this.#kind;
    this.#kind = KIND_REPLY;
    return kind;
  }
}
