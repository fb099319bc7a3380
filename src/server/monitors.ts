/**
 * Monitors: shows the commands of all threads to the clients that MONITOR; one on every thread, I/O
 * thread or shard worker. While nobody monitors, a command costs what the mode word costs anyway.
 *
 * ORDERING  The lines for one I/O thread are numbered. A command takes its number while it holds
 *           its shards, so numbers are in the order of effect of every shard. Letters may come in
 *           another order, where one had to wait for room: who receives them puts them right. A
 *           number that was taken is always sent, so that a gap closes sooner or later.
 */
import { preciseUnixMs } from '../base/precise-clock.ts';
import type { CommandRow } from '../commands/table.ts';
import type { ArgView } from '../resp/request-parser.ts';
import { SharedCounter } from '../sync/shared-counter.ts';
import type { ClientCards } from './client-cards.ts';
import { MonitorLine } from './monitor-line.ts';
import { LETTER, type Letter, NO_BYTES, type Post } from './post.ts';
import { MODE_MONITOR, type SharedLayout } from './shared-layout.ts';
import { LISTENS_TO_COMMANDS } from './subscribers.ts';
import type { ClientRef, ThreadContext } from './thread-context.ts';

/** What a client that monitors is to this file. */
export interface Monitor {
  /** LISTENS bits. */
  listens: number;
}

/** What it needs of the I/O thread that it stands on. */
export interface MonitorsHost<C> {
  /** Sends bytes to a client, in order with its replies. */
  push(client: C, buf: Uint8Array, start: number, end: number): void;
  /** So many clients of this thread monitor now. */
  counted(clients: number): void;
}

export interface MonitorsParts {
  readonly layout: SharedLayout;
  readonly post: Post;
  readonly cards: ClientCards;
  readonly thread: number;
}

export class Monitors<C extends Monitor = Monitor> {
  readonly #layout: SharedLayout;
  readonly #post: Post;
  readonly #cards: ClientCards;
  /** This thread's number where it is an I/O thread; 0 on a worker. */
  readonly #io: number;
  /** Clients of each I/O thread that monitor, and lines that were sent to it. */
  readonly #watchers: SharedCounter[] = [];
  readonly #lines: SharedCounter[] = [];
  /** Clients that monitor, with the number of the first line that each is shown. */
  readonly #clients = new Map<C, number>();
  readonly #line = new MonitorLine();
  #host: MonitorsHost<C> | null = null;
  /** Number of the line that is to be shown next. */
  #next = 0;
  /** Lines that came before an earlier one, by number. */
  readonly #early = new Map<number, Uint8Array>();
  /** Lines of a transaction that may have to be run again elsewhere; null = there is none. */
  #kept: Uint8Array[] | null = null;

  constructor({ layout, post, cards, thread }: MonitorsParts) {
    this.#layout = layout;
    this.#post = post;
    this.#cards = cards;
    for (let io = 1; io <= layout.topology.ioThreads; io++) {
      const word = layout.monitorWord(io);
      this.#watchers.push(new SharedCounter(layout.words, word));
      this.#lines.push(new SharedCounter(layout.words, word + 1));
    }
    this.#io = thread <= layout.topology.ioThreads ? thread : 0;
  }

  /** Completes the construction on an I/O thread. */
  connect(host: MonitorsHost<C>): void {
    this.#host = host;
  }

  // ---- who monitors

  /** Shows a client all commands from now on. False where it sees them already. */
  enter(c: C): boolean {
    if (this.#clients.has(c)) return false;
    c.listens |= LISTENS_TO_COMMANDS;
    // Lines on their way were sent for another client, of commands before this one.
    this.#clients.set(c, this.#lines[this.#io - 1]!.value);
    this.#count(1);
    return true;
  }

  /** Shows it no more, if it was shown anything. */
  leave(c: C): void {
    if (!this.#clients.delete(c)) return;
    c.listens &= ~LISTENS_TO_COMMANDS;
    this.#count(-1);
  }

  #count(change: number): void {
    this.#watchers[this.#io - 1]!.add(change);
    this.#host!.counted(this.#clients.size);
    // Two threads may be here at a time: the one that looks last finds what the other has counted.
    for (;;) {
      const isWanted = this.#isWanted();
      if (isWanted) this.#layout.addMode(MODE_MONITOR);
      else this.#layout.removeMode(MODE_MONITOR);
      if (this.#isWanted() === isWanted) return;
    }
  }

  #isWanted(): boolean {
    return this.#watchers.some(({ value }) => value !== 0);
  }

  // ---- what is shown

  /** True while some client of some thread monitors. One load. */
  get isOn(): boolean {
    const { words, durabilityModeWord } = this.#layout;
    return (words[durabilityModeWord]! & MODE_MONITOR) !== 0;
  }

  /** A shard command has run, and its shards are still held. */
  observe(row: CommandRow, ctx: ThreadContext): void {
    // A command that has waited was shown when it came.
    if (ctx.servedKey === 0) this.show(row, ctx.args, ctx.db, ctx.host.client());
  }

  /** Shows a command of a client, unless it is one that is not shown. O(bytes * I/O threads). */
  show(row: CommandRow, args: ArgView, db: number, client: ClientRef): void {
    if (!row.isMonitored || client.io === 0 || this.#layout.isReplaying) return;
    const address = this.#cards.address(client.io, client.conn);
    this.#line.write(row, args, db, address, preciseUnixMs(Date.now()));
    const { buf, length } = this.#line;
    if (this.#kept === null) this.#send(buf, length);
    else this.#kept.push(buf.slice(0, length));
  }

  /** Shows bytes [from, to) of `buf`, which `take` has returned. */
  showAgain(buf: Uint8Array, from: number, to: number): void {
    const lines = buf.subarray(from, to);
    if (this.#kept === null) this.#send(lines, lines.length);
    else this.#kept.push(lines.slice());
  }

  /** Keeps what is shown from here to `release`: a transaction may be run again from its start. */
  keep(): void {
    this.#kept = [];
  }

  /** What was kept since `keep` or the last call, to be shown elsewhere. */
  take(): Uint8Array {
    const lines = this.#kept ?? [];
    if (lines.length !== 0) this.#kept = [];
    return lines.length === 1 ? lines[0]! : Buffer.concat(lines);
  }

  /** Shows what was kept, or forgets it. The shards of the transaction are still held. */
  release(isShown: boolean): void {
    const lines = this.#kept ?? [];
    this.#kept = null;
    if (!isShown) return;
    for (const line of lines) this.#send(line, line.length);
  }

  #send(buf: Uint8Array, length: number): void {
    for (let io = 1; io <= this.#watchers.length; io++) {
      if (this.#watchers[io - 1]!.value === 0) continue;
      const number = this.#lines[io - 1]!.add(1);
      if (io === this.#io) this.#arrive(number, buf, 0, length);
      else {
        const line = { buf, from: 0, to: length };
        this.#post.send(io, LETTER.monitor, 0, 0, number, 0, 0, line, NO_BYTES);
      }
    }
  }

  /** A line came from another thread. */
  received({ a, buf, start, middle }: Letter): void {
    this.#arrive(a, buf, start, middle);
  }

  #arrive(number: number, buf: Uint8Array, start: number, end: number): void {
    if (number !== this.#next) {
      this.#early.set(number, buf.slice(start, end));
      return;
    }
    this.#deliver(buf, start, end);
    for (;;) {
      const line = this.#early.get(this.#next);
      if (line === undefined) return;
      this.#early.delete(this.#next);
      this.#deliver(line, 0, line.length);
    }
  }

  #deliver(buf: Uint8Array, start: number, end: number): void {
    const number = this.#next;
    this.#next = (number + 1) >>> 0;
    for (const [client, first] of this.#clients) {
      if (((number - first) | 0) >= 0) this.#host!.push(client, buf, start, end);
    }
  }
}
