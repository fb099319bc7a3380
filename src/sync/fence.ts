/**
 * Fences: one word for each connection of an I/O thread that says how far its routed commands have
 * been run. Commands of one connection travel in several rings to several workers, and still take
 * effect in the order sent: each frame has a ticket, and runs when the ticket before it is done.
 *
 * LAYOUT  Int32 a connection: bits 0..30 the ticket done last, bit 31 WAITING: a worker waits for
 *         the next one. Tickets count modulo 2^31, on and on over all users of a connection index.
 * OWNERSHIP  the thread that ran ticket n writes n; no other thread can be about to write, because
 *         n + 1 does not run before.
 * ORDERING  `complete` is a sequentially consistent exchange after the command's effects, so the
 *         worker that sees its predecessor done sees these effects, too.
 */

const TICKET = 0x7fffffff;
const WAITING = ~TICKET;

/** The ticket after `ticket`. */
export function nextTicket(ticket: number): number {
  return (ticket + 1) & TICKET;
}

/** True when the ticket before `ticket` is done. */
export function isReady(words: Int32Array, at: number, ticket: number): boolean {
  return nextTicket(Atomics.load(words, at) & TICKET) === ticket;
}

/**
 * Says that a worker waits for `ticket` to become ready: whoever completes the ticket before rings
 * the workers. No effect when it is ready already: look at it once more after the call.
 */
export function announceWaiter(words: Int32Array, at: number, ticket: number): void {
  for (;;) {
    const seen = Atomics.load(words, at);
    if (nextTicket(seen & TICKET) === ticket || (seen & WAITING) !== 0) return;
    if (Atomics.compareExchange(words, at, seen, seen | WAITING) === seen) return;
  }
}

/** Marks `ticket` as done; true when a worker waits and has to be rung. */
export function complete(words: Int32Array, at: number, ticket: number): boolean {
  return (Atomics.exchange(words, at, ticket) & WAITING) !== 0;
}
