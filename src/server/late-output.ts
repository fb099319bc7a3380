/**
 * LateOutput: what a client is told out of turn, but not before the replies that are on their way
 * to it when it is to be told: the routed commands up to a ticket have been answered then.
 */

const TICKETS = 0x7fffffff;

interface Late {
  /** Ticket of the last command sent before. */
  readonly ticket: number;
  readonly send: () => void;
}

export class LateOutput {
  #waiting: Late[] = [];

  get isEmpty(): boolean {
    return this.#waiting.length === 0;
  }

  /** Calls `send` when the reply to `ticket`, which is not yet there, has been sent. */
  add(ticket: number, send: () => void): void {
    this.#waiting.push({ ticket, send });
  }

  /** Everything up to the reply of `ticket` has been sent. */
  reached(ticket: number): void {
    const waiting = this.#waiting;
    let ready = 0;
    // Tickets count modulo 2^31; fewer than half of them are ever on their way.
    while (ready < waiting.length) {
      if (((ticket - waiting[ready]!.ticket) & TICKETS) > TICKETS / 2) break;
      ready += 1;
    }
    if (ready === 0) return;
    this.#waiting = waiting.slice(ready);
    for (let i = 0; i < ready; i++) waiting[i]!.send();
  }
}
