/**
 * DurabilityThread: takes what commands append to the journal, and writes it to the append-only
 * file. Main tells it by orders (AofOrder) which file that is; what is synced when is up to
 * AofWriter.
 *
 * With `always` it works by calls that block, and parks on its doorbell: a batch is on disk as soon
 * as can be. Otherwise it waits in Node's own loop, because writes and syncs go on meanwhile.
 */
import type { MessagePort } from 'node:worker_threads';
import { errnoNumber, errnoText } from '../base/errno-text.ts';
import { AofWriter, type SyncPolicy } from '../durability/aof-writer.ts';
import { type DrainSink, JournalDrain } from '../durability/journal-drain.ts';
import { openDisk } from '../durability/log-disk.ts';
import { type DiskCall, TimedDisk } from '../durability/timed-disk.ts';
import { Doorbell, type DoorbellRinger, watchDoorbell } from '../sync/doorbell.ts';
import { ringEventfd } from '../transport/libc.ts';
import { AOF_FACT } from './aof-facts.ts';
import { ConfigStore } from './config/store.ts';
import { type AofOrder, ControlPort, type ToMain, type ToThread } from './control.ts';
import { InsightMemory } from './insight/insight-memory.ts';
import { type LatencyEvent, LatencyEvents } from './insight/latency-events.ts';
import { fileLogWriter, type LogFilter, Logger } from './log.ts';
import { MODE_SNAPSHOT, REFUSE_LOG_FAILED, SharedLayout } from './shared-layout.ts';
import { ringerOf, type ThreadStart } from './thread-setup.ts';

/** Longest park: control messages ring, so that this is only for safety. */
const PARK_MS_MAX = 1000;
/**
 * Pause after a turn that has brought records, where no reply waits for the disk: many of them are
 * one write then, and nobody pays for waking this thread meanwhile. Without it a third of a core
 * went into small writes (SET at pipeline 16).
 */
const PACE_MS = 4;
/**
 * With `always`, a batch waits this share of the time that a sync takes, up to a bound, for the
 * clients whose replies have just left: otherwise the clients fall into two halves that wait for
 * each other's syncs. Not where batches are of one record.
 */
const GATHER_SHARE = 0.25;
const GATHER_MS_MAX = 2;
const GATHER_RECORDS_MIN = 2;
/** A wait shorter than this is not worth a park. */
const GATHER_MS_MIN = 0.03;
/** Weight of the newest batch in the averages of records and sync times. */
const AVERAGE_SHARE = 0.1;
/** Longest sleep in Node's loop; a timer also keeps the loop alive. */
const IDLE_MS_MAX = 1 << 30;

/** The latency event of a slow call. */
const EVENT_OF: Readonly<Record<DiskCall, LatencyEvent>> = {
  write: 'aof-write',
  sync: 'aof-fsync-always',
  'sync-later': 'aof-fsync',
  rename: 'aof-rename',
};

/** What becomes of records. */
const DISCARD = 0;
/** Nothing is written before the next cut, which opens the file named by the order. */
const AWAIT_CUT = 1;
const WRITE = 2;

class DurabilityThread implements DrainSink {
  readonly #layout: SharedLayout;
  readonly #config: ConfigStore;
  readonly #logger: Logger;
  readonly #control: ControlPort<ToMain, ToThread>;
  readonly #port: MessagePort;
  readonly #bell: Doorbell;
  readonly #watchBell: () => void;
  readonly #ioRingers: DoorbellRinger[] = [];
  readonly #writer: AofWriter;
  readonly #drain: JournalDrain;
  readonly #facts: Float64Array;
  readonly #events: LatencyEvents;
  readonly #disk = new TimedDisk(openDisk(), (call, ms) => {
    this.#events.note(EVENT_OF[call], ms, Date.now());
  });
  #state = DISCARD;
  /** The file of AWAIT_CUT. */
  #path = '';
  /** Orders that wait until everything before them is on disk. */
  #settling: { readonly id: number; readonly closes: boolean }[] = [];
  #stopping = false;
  #timer: NodeJS.Timeout | null = null;
  #isTurnDue = false;
  /** With `always`: averages of records a batch, and of the ms that its write and sync took. */
  #batchRecords = 0;
  #batchMs = 0;
  #recordsBefore = 0;
  /** Between two turns that bring records: see PACE_MS. */
  #isPaused = false;
  #isFailing = false;

  constructor(start: ThreadStart, port: MessagePort) {
    const { buffers, thread } = start;
    this.#layout = new SharedLayout(buffers.control, buffers.rings);
    const layout = this.#layout;
    this.#events = new LatencyEvents(new InsightMemory(buffers.insight, layout.threadCount));
    this.#config = ConfigStore.restore(start.config);
    this.#logger = new Logger({
      role: 'D',
      level: this.#config.text('loglevel') as LogFilter,
      write: fileLogWriter(this.#config.path('logfile')),
    });
    this.#port = port;
    this.#control = new ControlPort(port);
    this.#bell = new Doorbell(layout.words, layout.bellWord(thread));
    this.#watchBell = watchDoorbell(layout.words, layout.bellWord(thread), () => this.#soon());
    for (let io = 1; io <= layout.topology.ioThreads; io++) {
      this.#ioRingers.push(ringerOf(layout, io, ringEventfd));
    }
    this.#facts = layout.facts;
    this.#drain = new JournalDrain(buffers.journal, layout.doubles[layout.durablePositionIndex]!);
    this.#writer = new AofWriter(
      this.#disk,
      {
        durable: (position) => this.#durable(position),
        cutReached: () => this.#control.send({ type: 'aof-cut' }),
        failing: (error) => this.#failing(error),
        log: (level, text) => this.#logger.log(level, text),
        wake: () => this.#woken(),
      },
      () => performance.now(),
    );
    this.#applyConfig();
    this.#control.send({ type: 'ready', thread, transport: '' });
    this.#turn();
  }

  #applyConfig(): void {
    const config = this.#config;
    this.#writer.policy = config.text('appendfsync') as SyncPolicy;
    this.#events.thresholdMs = config.int('latency-monitor-threshold');
    this.#drain.hasTimestamps = config.bool('aof-timestamp-enabled');
    this.#logger.setLevel(config.text('loglevel') as LogFilter);
  }

  // ---- what the journal brings

  get isFull(): boolean {
    return this.#state === WRITE && this.#writer.isFull;
  }

  add(buf: Uint8Array, from: number, to: number): void {
    if (this.#state === WRITE) this.#writer.add(buf, from, to);
  }

  mark(position: number): void {
    if (this.#state === WRITE) this.#writer.mark(position);
  }

  cut(): void {
    if (this.#state === WRITE) this.#writer.cut();
    else if (this.#state === AWAIT_CUT) this.#beginFile();
  }

  /** Everything from here on goes to a new file of commands. */
  #beginFile(): void {
    try {
      this.#writer.open(this.#path, true);
      this.#state = WRITE;
      this.#control.send({ type: 'aof-began', error: null });
    } catch (error) {
      this.#state = DISCARD;
      this.#control.send({ type: 'aof-began', error: errnoText(error) });
    }
  }

  get #durablePosition(): number {
    return this.#layout.doubles[this.#layout.durablePositionIndex]!;
  }

  #durable(position: number): void {
    const { doubles, durablePositionIndex } = this.#layout;
    doubles[durablePositionIndex] = position;
    for (const ringer of this.#ioRingers) ringer.ring();
  }

  #failing(error: unknown): void {
    this.#facts[AOF_FACT.writeError] = error === null ? 0 : errnoNumber(error);
    if (this.#isFailing === (error !== null)) return;
    this.#isFailing = error !== null;
    if (this.#isFailing) this.#layout.refuseWrites(REFUSE_LOG_FAILED);
    else this.#layout.allowWrites(REFUSE_LOG_FAILED);
  }

  // ---- orders of main

  /** False when the thread shall end. */
  #poll(): boolean {
    for (let m = this.#control.poll(); m !== null; m = this.#control.poll()) {
      if (m.type === 'stop') this.#stopping = true;
      else if (m.type === 'config') {
        this.#config.applyChanges(m.record);
        this.#applyConfig();
        this.#answer(m.id, null);
      } else if (m.type === 'aof') this.#obey(m.id, m.order);
    }
    return !this.#stopping;
  }

  #answer(id: number, error: string | null): void {
    this.#control.send({ type: 'answer', id, answer: { error } });
  }

  #obey(id: number, order: AofOrder): void {
    switch (order.do) {
      case 'append':
        this.#answer(id, this.#append(order.path));
        return;
      case 'collect':
        this.#giveUp();
        this.#path = order.path;
        this.#state = AWAIT_CUT;
        this.#answer(id, null);
        return;
      case 'end-cut':
        this.#answer(id, this.#endCut(order.path));
        return;
      case 'settle':
        this.#settling.push({ id, closes: false });
        return;
      case 'close':
        this.#settling.push({ id, closes: true });
        return;
      case 'discard':
        this.#giveUp();
        this.#answer(id, null);
    }
  }

  #append(path: string): string | null {
    try {
      this.#writer.open(path, false);
    } catch (error) {
      return errnoText(error);
    }
    this.#drain.forgetDatabase();
    this.#state = WRITE;
    return null;
  }

  #endCut(path: string | null): string | null {
    try {
      this.#writer.endCut(path);
      return null;
    } catch (error) {
      return errnoText(error);
    }
  }

  /** What is collected is not needed. */
  #giveUp(): void {
    this.#writer.close();
    this.#state = DISCARD;
  }

  /** Answers orders that wait for the disk. With an error at hand they do not wait for it to go. */
  #endSettling(): void {
    if (this.#settling.length === 0) return;
    const { isBusy, isSettled, isOpen } = this.#writer;
    if (isOpen && !isSettled && !(this.#isFailing && !isBusy)) return;
    for (const { id, closes } of this.#settling.splice(0)) {
      const error = isOpen && !isSettled ? 'the append-only file cannot be written' : null;
      if (closes) this.#giveUp();
      this.#answer(id, error);
    }
  }

  // ---- the loop

  /** A write or a sync has ended. */
  #woken(): void {
    if (this.#isPaused) this.#write();
    else this.#soon();
  }

  /** A turn soon, from Node's loop. */
  #soon(): void {
    if (this.#isTurnDue) return;
    this.#isTurnDue = true;
    setImmediate(() => {
      this.#isTurnDue = false;
      this.#turn();
    });
  }

  /** Works until it has to wait in Node's loop. */
  #turn(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    this.#isPaused = false;
    for (;;) {
      this.#bell.awake();
      const isGoingOn = this.#poll();
      const took = this.#drain.drain(this, Date.now());
      if (took && this.#isBlocking) this.#gather();
      if (took && this.#state !== WRITE) this.#durable(this.#drain.position);
      const startMs = performance.now();
      this.#write();
      if (took) this.#noteBatch(performance.now() - startMs);
      if (!isGoingOn && !took) {
        this.#end();
        return;
      }
      const isBlocking = this.#isBlocking;
      if (took) {
        if (isBlocking) continue;
        if (this.#drain.hasMore || this.#writer.policy === 'always') this.#soon();
        else {
          this.#isPaused = true;
          this.#timer = setTimeout(() => this.#turn(), PACE_MS);
        }
        return;
      }
      if (!this.#bell.prepare()) continue;
      if (!isBlocking) break;
      this.#bell.park(Math.min(this.#writer.idleMs, PARK_MS_MAX));
    }
    this.#watchBell();
    const idleMs = Math.min(this.#writer.idleMs, IDLE_MS_MAX);
    this.#timer = setTimeout(() => this.#turn(), idleMs);
  }

  get #isBlocking(): boolean {
    return this.#writer.policy === 'always' && !this.#writer.isBusy;
  }

  /** Waits a little for more records: see GATHER_SHARE. */
  #gather(): void {
    if (this.#batchRecords < GATHER_RECORDS_MIN) return;
    const deadlineMs = performance.now() + Math.min(this.#batchMs * GATHER_SHARE, GATHER_MS_MAX);
    const enough = this.#recordsBefore + this.#batchRecords * 2;
    while (this.#drain.records < enough) {
      const leftMs = deadlineMs - performance.now();
      if (leftMs < GATHER_MS_MIN) return;
      if (this.#bell.prepare()) this.#bell.park(leftMs);
      this.#bell.awake();
      this.#drain.drain(this, Date.now());
    }
  }

  #noteBatch(ms: number): void {
    const records = this.#drain.records - this.#recordsBefore;
    this.#recordsBefore = this.#drain.records;
    this.#batchRecords += (records - this.#batchRecords) * AVERAGE_SHARE;
    this.#batchMs += (ms - this.#batchMs) * AVERAGE_SHARE;
  }

  #write(): void {
    const writer = this.#writer;
    writer.isSyncSuspended =
      this.#config.bool('no-appendfsync-on-rewrite') &&
      (this.#layout.words[this.#layout.durabilityModeWord]! & MODE_SNAPSHOT) !== 0;
    writer.pump(this.#settling.length !== 0);
    // A cut leaves nothing to be written: with it everything there is is on disk.
    const isAll = this.#state === WRITE && writer.isSettled && !this.#isFailing;
    if (isAll && this.#durablePosition < this.#drain.position) this.#durable(this.#drain.position);
    this.#endSettling();
    const facts = this.#facts;
    facts[AOF_FACT.fileBytes] = writer.fileBytes;
    facts[AOF_FACT.bufferBytes] = writer.queuedBytes;
    facts[AOF_FACT.pendingSyncs] = writer.isSyncing ? 1 : 0;
    facts[AOF_FACT.delayedSyncs] = writer.delayedSyncs;
  }

  /** The other threads have ended, and the journal is empty: everything goes to disk. */
  #end(): void {
    if (this.#writer.isBusy) {
      this.#soon();
      return;
    }
    if (this.#writer.isOpen && !this.#writer.flush()) {
      this.#logger.warning('What was written last is not in the append-only file.');
    }
    this.#port.close();
  }
}

/** Runs the durability thread until main stops it. `port` leads to main. */
export function runDurabilityThread(start: ThreadStart, port: MessagePort): void {
  new DurabilityThread(start, port);
}
