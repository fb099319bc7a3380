/**
 * Services: what session commands may ask of the server, as one I/O thread answers it: from its own
 * copy of the configuration, from shared memory, or by asking main.
 */
import type {
  ClientFilter,
  CommandSpec,
  PoolJob,
  SaveOutcome,
  SaveRequest,
  ServerServices,
  Session,
} from '../commands/spec.ts';
import type { PubSubServices } from '../commands/subscriptions.ts';
import { ERRORS } from '../resp/errors.ts';
import { AclDesk } from './acl/desk.ts';
import { AOF_FACT, AOF_IS_ON } from './aof-facts.ts';
import type { Connection } from './connection.ts';
import type { Answer, ClientsAsk, ToMain } from './control.ts';
import { infoText } from './info-source.ts';
import { InsightDesk } from './insight/insight-desk.ts';
import { killClients, listClients, unblockClient } from './io-clients.ts';
import type { IoServer } from './io-server.ts';
import { flushKeyspaceStats } from './keyspace-stats.ts';
import type { Logger } from './log.ts';
import { FACT } from './persistence-facts.ts';
import { PAUSE_ALL, PAUSE_NONE, PAUSE_WRITES } from './shared-layout.ts';
import type { ThreadParts } from './thread-setup.ts';

/** Directives that stay as they are while the data set is loaded. */
const FIXED: ReadonlySet<string> = new Set(['appendonly', 'dir']);
const SAVE_IN_PROGRESS = 'ERR Background save already in progress';
const STATUS_OF: Readonly<Record<SaveRequest, string>> = {
  save: 'OK',
  background: 'Background saving started',
  schedule: 'Background saving scheduled',
  cancel: 'Background saving cancelled',
};

/** An answer expected from main. */
type Pending = (answer: Answer) => void;

export class Services implements ServerServices {
  readonly commands: readonly CommandSpec[];
  readonly acl: AclDesk;
  readonly insight: InsightDesk;
  readonly #parts: ThreadParts;
  readonly #io: IoServer;
  readonly #logger: Logger;
  readonly #transport: string;
  readonly #toMain: (message: ToMain) => void;
  readonly #pending = new Map<number, Pending>();
  #nextId = 1;

  constructor(
    parts: ThreadParts,
    io: IoServer,
    logger: Logger,
    commands: readonly CommandSpec[],
    transport: string,
    toMain: (message: ToMain) => void,
  ) {
    this.#parts = parts;
    this.insight = new InsightDesk(parts);
    this.#io = io;
    this.#logger = logger;
    this.#transport = transport;
    this.commands = commands;
    this.#toMain = toMain;
    this.acl = new AclDesk(parts.acl, parts.table, (order, clientId, done) => {
      const id = this.#ask((answer) => done(answer.acl ?? { error: answer.error }));
      this.#toMain({ type: 'acl', id, thread: this.#thread, order, clientId });
    });
  }

  #ask(pending: Pending): number {
    const id = this.#nextId++;
    this.#pending.set(id, pending);
    return id;
  }

  /** An answer came from main. */
  answered(id: number, answer: Answer): void {
    const pending = this.#pending.get(id);
    this.#pending.delete(id);
    pending?.(answer);
  }

  get #thread(): number {
    return this.#parts.start.thread;
  }

  configGet(patterns: readonly string[]): readonly (readonly [string, string])[] {
    return this.#parts.config.get(patterns);
  }

  configText(name: string): string {
    return this.#parts.config.get([name])[0]?.[1] ?? '';
  }

  configSet(
    pairs: readonly (readonly [string, string])[],
    session: Session,
    mayWait: boolean,
    done: (error: string | null) => void,
  ): void {
    if (this.#parts.layout.isLoading && pairs.some(([name]) => FIXED.has(name.toLowerCase()))) {
      done(ERRORS.LOADING);
      return;
    }
    const words = pairs.flat();
    const isLocal = session.isLoopback;
    if (!mayWait) {
      // Inside a transaction the answer cannot wait for the other threads: this thread's copy
      // decides.
      const staged = this.#parts.config.stage(words, { localClient: isLocal });
      if (typeof staged === 'string') {
        done(staged);
        return;
      }
    }
    const id = this.#ask((answer) => {
      if (mayWait) done(answer.error);
    });
    this.#toMain({ type: 'config-set', id, thread: this.#thread, words, isLocal });
    if (!mayWait) done(null);
  }

  configRewrite(done: (error: string | null) => void): void {
    const id = this.#ask((answer) => done(answer.error));
    this.#toMain({ type: 'config-rewrite', id, thread: this.#thread });
  }

  configResetStat(): void {
    for (const stats of this.#parts.allStats) stats.reset();
    this.#parts.insight.slowLog.resetTotals();
    const { facts } = this.#parts.layout;
    facts[AOF_FACT.delayedSyncsBefore] = facts[AOF_FACT.delayedSyncs]!;
  }

  info(sections: readonly string[], done: (text: string) => void): void {
    flushKeyspaceStats(this.#parts.ctx, this.#parts.stats);
    done(infoText(this.#parts, sections, this.#transport));
  }

  /** Asks all I/O threads: directly where there is only this one. */
  #askClients(ask: ClientsAsk, selfId: number, done: Pending): void {
    if (this.#parts.layout.topology.ioThreads === 1) {
      done(this.answerClients(ask, selfId));
      return;
    }
    const id = this.#ask(done);
    this.#toMain({ type: 'clients', id, thread: this.#thread, ask, selfId });
  }

  /** This thread's part of an answer about clients. */
  answerClients(ask: ClientsAsk, selfId: number): Answer {
    if (ask.what === 'list') return { error: null, lines: listClients(this.#io, ask.filter) };
    if (ask.what === 'kill') {
      return { error: null, count: killClients(this.#io, ask.filter, selfId) };
    }
    return { error: null, count: unblockClient(this.#io, ask.clientId, ask.withError) ? 1 : 0 };
  }

  clientList(filter: ClientFilter, done: (lines: string) => void): void {
    this.#askClients({ what: 'list', filter }, -1, (answer) => {
      const lines = [...(answer.lines ?? [])].sort((a, b) => a[0] - b[0]);
      done(lines.map(([, line]) => `${line}\n`).join(''));
    });
  }

  clientKill(filter: ClientFilter, self: Session, done: (killed: number) => void): void {
    this.#askClients({ what: 'kill', filter }, self.id, (answer) => done(answer.count ?? 0));
  }

  hasClient(id: number): boolean {
    return this.#parts.ids.find(id) !== null;
  }

  clientUnblock(id: number, withError: boolean, done: (unblocked: boolean) => void): void {
    this.#askClients({ what: 'unblock', clientId: id, withError }, -1, (answer) =>
      done((answer.count ?? 0) > 0),
    );
  }

  clientPause(untilMs: number, writesOnly: boolean): void {
    const { layout } = this.#parts;
    // As in Redis, a pause is never weakened or shortened by a later one.
    const isPaused = layout.pauseMode !== PAUSE_NONE;
    const mode = writesOnly && layout.pauseMode !== PAUSE_ALL ? PAUSE_WRITES : PAUSE_ALL;
    layout.setPause(mode, isPaused ? Math.max(untilMs, layout.pauseUntilMs) : untilMs);
  }

  clientUnpause(): void {
    this.#parts.layout.setPause(PAUSE_NONE, 0);
    for (const ringer of this.#parts.ioRingers) ringer.ring();
  }

  get pubsub(): PubSubServices {
    return this.#parts.pubsub;
  }

  monitor(session: Session): boolean {
    return this.#parts.monitors.enter(session as Connection);
  }

  runJob(job: PoolJob, done: (bytes: Uint8Array) => void): void {
    const id = this.#ask((answer) => done(answer.bytes ?? new Uint8Array(0)));
    this.#toMain({ type: 'job', id, thread: this.#thread, job });
  }

  save(what: SaveRequest, mayWait: boolean, done: (outcome: SaveOutcome) => void): void {
    // Inside a transaction nobody waits for main: what it will say follows from the facts.
    const isSaving = this.#parts.layout.facts[FACT.isSaving] !== 0;
    const id = this.#ask(({ error, text = '' }) => {
      if (mayWait) done({ error, status: text });
    });
    this.#toMain({ type: 'save', id, thread: this.#thread, what });
    if (mayWait) return;
    if (isSaving && what !== 'cancel') done({ error: SAVE_IN_PROGRESS, status: '' });
    else done({ error: null, status: STATUS_OF[what] });
  }

  get lastSaveSeconds(): number {
    return Math.floor(this.#parts.layout.facts[FACT.lastSaveMs]! / 1000);
  }

  shutdown(
    save: boolean | null,
    now: boolean,
    force: boolean,
    done: (error: string) => void,
  ): void {
    const id = this.#ask((answer) =>
      done(answer.error ?? 'ERR Errors trying to SHUTDOWN. Check logs.'),
    );
    this.#toMain({ type: 'shutdown', id, thread: this.#thread, save, now, force });
  }

  aof(
    what: 'rewrite' | 'rewrite-later' | 'load',
    done: (error: string | null, text: string) => void,
  ): void {
    const id = this.#ask((answer) => done(answer.error, answer.text ?? ''));
    this.#toMain({ type: 'aof-ask', id, thread: this.#thread, what });
  }

  logPosition(): number {
    const { layout, guard } = this.#parts;
    return layout.facts[AOF_FACT.isEnabled] === 0 ? -1 : guard.journal.endPosition;
  }

  syncedPosition(): number {
    const { layout, guard, config } = this.#parts;
    const isOn = layout.facts[AOF_FACT.isEnabled] === AOF_IS_ON;
    return isOn && config.text('appendfsync') !== 'no' ? guard.journal.durablePosition : -1;
  }

  shutdownAbort(done: (error: string | null) => void): void {
    const id = this.#ask((answer) => done(answer.error));
    this.#toMain({ type: 'shutdown-abort', id, thread: this.#thread });
  }

  log(level: 'debug' | 'verbose' | 'notice' | 'warning', text: string): void {
    this.#logger.log(level, text);
  }

  debug(what: string, value: string): string | null {
    if (what === 'set-active-expire') {
      this.#parts.layout.setActiveExpireOff(value === '0');
      return null;
    }
    if (what === 'pause-cron') {
      this.#toMain({ type: 'pause-cron', isPaused: value !== '0' });
      return null;
    }
    const stack = new Error(`DEBUG ${what}`).stack ?? '';
    this.#toMain({ type: 'crash-drill', what, stack });
    return null;
  }
}
