/** SessionRuns: runs the session commands of the clients of one I/O thread. */
import type { Resume, ServerServices, SessionContext } from '../commands/spec.ts';
import type { CommandRow } from '../commands/table.ts';
import { ReplyWriter } from '../resp/reply-writer.ts';
import type { ArgView } from '../resp/request-parser.ts';
import type { BlockedClients } from './blocked-clients.ts';
import type { ClientCards } from './client-cards.ts';
import type { ClientLimits } from './client-limits.ts';
import type { HeldCommand } from './command-watch.ts';
import type { Connection } from './connection.ts';
import type { SessionRunner } from './dispatch-parts.ts';
import type { Monitors } from './monitors.ts';
import type { ThreadContext } from './thread-context.ts';
import type { ThreadStats } from './thread-stats.ts';

/** A command that waits for others. */
interface LaterCommand {
  readonly held: HeldCommand | null;
  /** What it took before it waited. */
  readonly nanos: number;
}

export interface SessionRunsParts {
  readonly ctx: ThreadContext;
  readonly stats: ThreadStats;
  readonly cards: ClientCards;
  /** Of the I/O thread. */
  readonly thread: number;
  /** The reply of the connection whose input runs. */
  readonly reply: ReplyWriter;
  readonly limits: ClientLimits;
  readonly monitors: Monitors<Connection>;
  /** Sends a reply that comes later. */
  readonly send: (c: Connection, buf: Uint8Array, start: number, end: number) => void;
  /** Has a client wait, see BlockedClients.addPolled. */
  readonly wait: BlockedClients['addPolled'];
  /** Closes behind the replies. */
  readonly closeSoon: (c: Connection) => void;
  /** Goes on with a connection that was suspended. */
  readonly resume: (c: Connection) => void;
}

export class SessionRuns implements SessionRunner {
  readonly #parts: SessionRunsParts;
  #services: ServerServices | null = null;

  constructor(parts: SessionRunsParts) {
    this.#parts = parts;
  }

  /** Completes the construction. */
  connect(services: ServerServices): void {
    this.#services = services;
  }

  run(c: Connection, row: CommandRow, args: ArgView, canSuspend: boolean): void {
    const spec = row.spec;
    if (spec.place !== 'session') throw new Error('a shard command was run as session command');
    const started = performance.now();
    const later = { held: null as HeldCommand | null, nanos: 0 };
    const context: SessionContext = {
      args,
      reply: this.#parts.reply,
      state: this.#parts.ctx.state,
      session: c,
      server: this.#services!,
      text: (index) => args.text(index),
      canSuspend,
      suspend: () => {
        later.held = this.#parts.ctx.watch.hold(row, args);
        return this.#suspend(c, row, later);
      },
      waitUntil: (timeoutMs, poll) => {
        this.#parts.wait(c, timeoutMs === 0 ? 0 : Date.now() + timeoutMs, poll);
      },
    };
    const { name } = c;
    spec.run(context);
    if (c.name !== name) this.#parts.cards.setName(this.#parts.thread, c.conn, c.name);
    if (c.isSuspended) later.nanos = (performance.now() - started) * 1e6;
    this.#parts.reply.resp3 = c.protocol === 3;
    const { monitors, ctx } = this.#parts;
    if (monitors.isOn && !c.isReplay) monitors.show(row, args, c.db, ctx.host.client());
  }

  mayDebug(c: Connection): boolean {
    return this.#parts.limits.mayDebug(c.isLoopback);
  }

  mayUseModules(c: Connection): boolean {
    return this.#parts.limits.mayUseModules(c.isLoopback);
  }

  refuseHttp(c: Connection): void {
    this.#parts.limits.log(
      'warning',
      'Possible SECURITY ATTACK detected: somebody sends HTTP (POST or Host:) to this server, ' +
        'most likely from a web ' +
        'page, to have it run commands (Cross Protocol Scripting). ' +
        `Connection from ${c.peer.text} aborted.`,
    );
    c.isClosing = true;
  }

  runAside(c: Connection, row: CommandRow, args: ArgView, done: (reply: Uint8Array) => void): void {
    const spec = row.spec;
    if (spec.place !== 'session') throw new Error('a shard command was run as session command');
    const reply = new ReplyWriter(1024);
    reply.resp3 = c.protocol === 3;
    const started = performance.now();
    const later = { held: this.#parts.ctx.watch.hold(row, args), nanos: 0 };
    const finish = (nanos: number): void => {
      this.#account(row, later, nanos, reply);
      done(reply.buf.slice(0, reply.length));
    };
    let isLater = false;
    spec.run({
      args,
      reply,
      state: this.#parts.ctx.state,
      session: c,
      server: this.#services!,
      text: (index) => args.text(index),
      canSuspend: true,
      waitUntil: () => {
        throw new Error('a command of a transaction waits');
      },
      suspend: () => {
        isLater = true;
        return (write) => {
          const began = performance.now();
          write(reply);
          finish((performance.now() - began) * 1e6);
        };
      },
    });
    later.nanos = (performance.now() - started) * 1e6;
    if (!isLater) finish(0);
  }

  /** Counts the time and the errors of a command that has waited for others. */
  #account(row: CommandRow, later: LaterCommand, nanos: number, reply: ReplyWriter): void {
    const { stats, ctx } = this.#parts;
    const whole = later.nanos + nanos;
    stats.time(row.index, whole, 1);
    ctx.watch.noteHeld(row, later.held, whole);
    if (reply.length === 0 || reply.buf[0] !== 0x2d) return;
    stats.failed(row.index);
    stats.error(reply.buf, 1, reply.length);
  }

  #suspend(c: Connection, row: CommandRow, later: LaterCommand): Resume {
    const resume = this.hold(c);
    const isReplyWanted = c.replyMode === 'on';
    return (write) => {
      if (c.isClosed) return;
      const reply = new ReplyWriter(1024);
      reply.resp3 = c.protocol === 3;
      const began = performance.now();
      write(reply);
      this.#account(row, later, (performance.now() - began) * 1e6, reply);
      if (isReplyWanted) this.#parts.send(c, reply.buf, 0, reply.length);
      resume();
    };
  }

  hold(c: Connection): () => void {
    c.isSuspended = true;
    return () => {
      c.isSuspended = false;
      if (c.isClosed) return;
      if (c.isClosing) {
        this.#parts.closeSoon(c);
        return;
      }
      this.#parts.resume(c);
    };
  }
}
