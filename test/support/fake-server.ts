/**
 * Runs session commands without a server: a connection and services that record what is asked of
 * them and answer from plain fields.
 */
import { globMatch } from '../../src/base/glob.ts';
import { HalfSipHash } from '../../src/base/half-sip-hash.ts';
import type { AclServices } from '../../src/commands/acl-services.ts';
import { Fieldsets } from '../../src/commands/fieldsets.ts';
import type {
  ClientFilter,
  CommandSpec,
  PoolJob,
  Resume,
  SaveOutcome,
  SaveRequest,
  ServerServices,
  Session,
  SessionContext,
  TrackingOptions,
  TrackingState,
} from '../../src/commands/spec.ts';
import {
  KIND_PATTERN,
  type PubSubServices,
  type Subscriptions,
} from '../../src/commands/subscriptions.ts';
import { CommandTable } from '../../src/commands/table.ts';
import { ThreadState } from '../../src/keyspace/thread-state.ts';
import { wrongArity } from '../../src/resp/errors.ts';
import { ReplyWriter } from '../../src/resp/reply-writer.ts';
import type { ArgView } from '../../src/resp/request-parser.ts';
import { AclCommands } from '../../src/server/acl/acl-commands.ts';
import { AclDesk } from '../../src/server/acl/desk.ts';
import { AclGate } from '../../src/server/acl/gate.ts';
import { AclUsers } from '../../src/server/acl/users.ts';
import { ChannelBoard } from '../../src/server/channel-board.ts';
import { runPoolJob } from '../../src/server/pool-jobs.ts';
import { Subscribers } from '../../src/server/subscribers.ts';
import { ThreadStats, threadStatsBytes } from '../../src/server/thread-stats.ts';
import { type Argument, argView, CLOCK_START_MS } from './local-runner.ts';

export class FakeSession implements Session {
  id = 7;
  name = '';
  libName = '';
  libVersion = '';
  db = 0;
  protocol = 2;
  user = 'default';
  isAuthenticated = true;
  noEvict = false;
  noTouch = false;
  replyMode: Session['replyMode'] = 'on';
  readonly fieldsets = new Fieldsets();
  subscriptions: Subscriptions | null = null;
  listens = 0;
  isInTransaction = false;
  isLoopback = true;
  isClosing = false;
  isWatching = false;
  tracking: TrackingState | null = null;

  logIn(user: string): void {
    this.user = user;
    this.isAuthenticated = true;
  }

  infoLine(): string {
    return `id=${this.id} name=${this.name}`;
  }

  closeAfterReply(): void {
    this.isClosing = true;
  }

  reset(): void {
    this.name = '';
    this.db = 0;
    this.protocol = 2;
    this.discardTransaction();
  }

  beginTracking(options: TrackingOptions): string | null {
    const isAll = options.isBroadcast && options.prefixes.length === 0;
    const given = isAll ? [new Uint8Array(0)] : options.prefixes;
    const prefixes = [...(this.tracking?.prefixes ?? []), ...given];
    this.tracking = { ...options, prefixes, isRedirectBroken: false, isCachingGiven: false };
    return null;
  }

  endTracking(): void {
    this.tracking = null;
  }

  beginTransaction(): void {
    this.isInTransaction = true;
  }

  discardTransaction(): void {
    this.isInTransaction = false;
    this.isWatching = false;
  }

  unwatch(): void {
    this.isWatching = false;
  }
}

export class FakeServer implements ServerServices {
  readonly commands: readonly CommandSpec[];
  readonly config = new Map([
    ['databases', '16'],
    ['maxmemory', '0'],
    ['maxmemory-policy', 'noeviction'],
  ]);
  /** Users without a server: orders are recorded and succeed. */
  readonly acl: AclServices;
  readonly #users: AclUsers;
  readonly board = new ChannelBoard(ChannelBoard.create(1, 1 << 20), new HalfSipHash(1, 2));
  readonly subscribers = new Subscribers<FakeSession>(this.board, 0, {
    push: () => undefined,
    counted: () => undefined,
  });
  /** What was asked for, one text each. */
  readonly calls: string[] = [];
  /** Clients that CLIENT KILL finds. */
  killable = 0;
  /** The client that CLIENT UNBLOCK finds. */
  blockedId = -1;
  lastSaveSeconds = 1700000000;
  saveOutcome: SaveOutcome = { error: null, status: 'OK' };
  isShuttingDown = false;
  /** Positions of the append-only file: its end, and what is synced. */
  written = -1;
  synced = -1;
  isShutdownPossible = true;
  /** While true, asynchronous answers wait for `flush`. */
  isSlow = false;
  readonly #waiting: (() => void)[] = [];

  constructor(commands: readonly CommandSpec[]) {
    this.commands = commands;
    const table = new CommandTable(commands);
    this.#users = new AclUsers(new AclCommands(table, commands));
    const rows = table.rows.length;
    const stats = new ThreadStats(new SharedArrayBuffer(threadStatsBytes(rows)), 0, rows);
    const gate = new AclGate(this.#users, stats);
    this.acl = new AclDesk(gate, table, (order, _clientId, done) => {
      this.#answer(`acl ${JSON.stringify(order)}`, () => done({ error: null }));
    });
  }

  #answer(call: string, answer: () => void): void {
    this.calls.push(call);
    if (this.isSlow) this.#waiting.push(answer);
    else answer();
  }

  logPosition(): number {
    return this.written;
  }

  syncedPosition(): number {
    return this.synced;
  }

  /** The default user's password from now on. */
  set password(password: string) {
    this.#users.default.apply('resetpass', false);
    this.#users.default.apply(`>${password}`, false);
  }

  /** Gives the answers that are waiting. */
  flush(): void {
    for (const answer of this.#waiting.splice(0)) answer();
  }

  get pubsub(): PubSubServices {
    const { board, subscribers } = this;
    return {
      subscribe: (session, kind, name) => subscribers.subscribe(session as FakeSession, kind, name),
      unsubscribe: (session, kind, name) =>
        subscribers.unsubscribe(session as FakeSession, kind, name),
      names: (kind) => {
        const names: Uint8Array[] = [];
        board.visitNames(kind, (name) => names.push(name));
        return names;
      },
      subscribers: (kind, name) => board.look(kind, name, 0, name.length),
      get patternCount() {
        return board.size(KIND_PATTERN);
      },
    };
  }

  configGet(patterns: readonly string[]): readonly (readonly [string, string])[] {
    return [...this.config].filter(([name]) =>
      patterns.some((pattern) => {
        const [glob, text] = [Buffer.from(pattern), Buffer.from(name)];
        return globMatch(glob, 0, glob.length, text, 0, text.length, true);
      }),
    );
  }

  configText(name: string): string {
    return this.config.get(name) ?? '';
  }

  configSet(
    pairs: readonly (readonly [string, string])[],
    _session: Session,
    _mayWait: boolean,
    done: (error: string | null) => void,
  ): void {
    this.#answer(`configSet ${pairs.flat().join(' ')}`, () => {
      const unknown = pairs.find(([name]) => !this.config.has(name));
      if (unknown === undefined) for (const [name, value] of pairs) this.config.set(name, value);
      done(
        unknown === undefined
          ? null
          : `ERR Unknown option or number of arguments for CONFIG SET - '${unknown[0]}'`,
      );
    });
  }

  configRewrite(done: (error: string | null) => void): void {
    this.#answer('configRewrite', () => done('ERR The server is running without a config file'));
  }

  configResetStat(): void {
    this.calls.push('configResetStat');
  }

  info(sections: readonly string[], done: (text: string) => void): void {
    this.#answer(`info ${sections.join(' ')}`, () => done(`# ${sections.join()}\r\n`));
  }

  clientList(filter: ClientFilter, done: (lines: string) => void): void {
    this.#answer(`clientList ${JSON.stringify(filter)}`, () => {
      const isShown = (filter.type ?? 'normal') === 'normal' && (filter.ids?.includes(7) ?? true);
      done(isShown ? 'id=7\n' : '');
    });
  }

  clientKill(filter: ClientFilter, self: Session, done: (killed: number) => void): void {
    this.#answer(`clientKill ${self.id} ${JSON.stringify(filter)}`, () => done(this.killable));
  }

  hasClient(id: number): boolean {
    return id > 0 && id === this.blockedId;
  }

  clientUnblock(id: number, withError: boolean, done: (unblocked: boolean) => void): void {
    this.#answer(`clientUnblock ${id} ${withError}`, () => done(id === this.blockedId));
  }

  clientPause(untilMs: number, writesOnly: boolean): void {
    this.calls.push(`clientPause ${untilMs - CLOCK_START_MS} ${writesOnly}`);
  }

  clientUnpause(): void {
    this.calls.push('clientUnpause');
  }

  save(what: SaveRequest, mayWait: boolean, done: (outcome: SaveOutcome) => void): void {
    this.#answer(`save ${what} ${mayWait}`, () => done(this.saveOutcome));
  }

  shutdown(
    save: boolean | null,
    now: boolean,
    force: boolean,
    done: (error: string) => void,
  ): void {
    this.calls.push(`shutdown ${save} ${now} ${force}`);
    this.isShuttingDown = this.isShutdownPossible;
    if (!this.isShutdownPossible) done('ERR Errors trying to SHUTDOWN. Check logs.');
  }

  aof(what: string, done: (error: string | null, text: string) => void): void {
    done(null, what);
  }

  shutdownAbort(done: (error: string | null) => void): void {
    done(this.isShuttingDown ? null : 'ERR No shutdown in progress.');
    this.isShuttingDown = false;
  }

  runJob(job: PoolJob, done: (bytes: Uint8Array) => void): void {
    done(runPoolJob(job));
  }

  log(level: string, text: string): void {
    this.calls.push(`log ${level} ${text}`);
  }

  debug(what: string, value: string): string | null {
    this.calls.push(`debug ${what} ${value}`);
    return null;
  }
}

/** Runs session commands of a table and returns raw replies. */
export class SessionRunner {
  readonly session = new FakeSession();
  readonly server: FakeServer;
  readonly state = new ThreadState();
  canSuspend = true;
  readonly #table: CommandTable;
  readonly #later: string[] = [];

  constructor(commands: readonly CommandSpec[]) {
    this.server = new FakeServer(commands);
    this.#table = new CommandTable(commands);
    this.state.setTime(CLOCK_START_MS);
  }

  /** The raw reply as latin1 text; empty where the command replies later or not at all. */
  run(...words: readonly Argument[]): string {
    const args = argView(words);
    const reply = new ReplyWriter();
    reply.resp3 = this.session.protocol === 3;
    let row = this.#table.find(args.buf, args.offset[0]!, args.end(0));
    if (row?.subcommands && args.count > 1) {
      row = row.subcommands.find(args.buf, args.offset[1]!, args.end(1)) ?? row;
    }
    if (row === null) throw new Error(`no command ${String(words[0])}`);
    if (!row.acceptsCount(args.count)) reply.error(wrongArity(row.fullName));
    else if (row.spec.place === 'session') row.spec.run(this.#context(args, reply));
    else throw new Error(`${row.fullName} is no session command`);
    return written(reply);
  }

  #context(args: ArgView, reply: ReplyWriter): SessionContext {
    const { session, server, state, canSuspend } = this;
    return {
      args,
      reply,
      state,
      session,
      server,
      canSuspend,
      text: (index) => args.text(index),
      suspend: () => this.#suspend(),
      waitUntil: (timeoutMs, poll) => {
        this.waiting = { timeoutMs, poll };
      },
    };
  }

  #suspend(): Resume {
    return (write) => {
      const reply = new ReplyWriter();
      reply.resp3 = this.session.protocol === 3;
      write(reply);
      this.#later.push(written(reply));
    };
  }

  /** What the last command waits for; null = nothing. */
  waiting: { timeoutMs: number; poll: (reply: ReplyWriter, isOver: boolean) => boolean } | null =
    null;

  /** Asks whether the wait is over; its reply, or '' as long as it is not. */
  poll(isOver = false): string {
    const reply = new ReplyWriter();
    reply.resp3 = this.session.protocol === 3;
    return this.waiting!.poll(reply, isOver) ? written(reply) : '';
  }

  /** Lets the server give the answers that are waiting; the replies they led to. */
  flush(): string[] {
    this.server.flush();
    return this.#later.splice(0);
  }
}

function written(reply: ReplyWriter): string {
  return Buffer.from(reply.buf.subarray(0, reply.length)).toString('latin1');
}
