/**
 * What all threads of a server share besides the arenas: one control buffer with lock words,
 * doorbells, switches and counters, and the rings.
 *
 * LAYOUT of the control buffer (64-byte lines)
 *   line 0            magic, version, I/O threads, shard workers, shards, command rows
 *   line 1            switches: pause mode, unix ms until (two words), loading, shutdown, active
 *                     expire off
 *   line 2            spill lock word, build word, long commands on their way
 *   line 3            maxmemory in bytes (f64), unix ms since when it is exceeded (f64, 0 = it is
 *                     not), round of client eviction (word)
 *   line 4            job board of long reads      (sync/job-board.ts)
 *   line 5            durability: mode, loading, write refusal, token of large records, snapshot:
 *                     number, shards left, token of large values, style (words); durable position
 *                     (f64 at byte 32 of the line); delay of snapshots for each key in us (word)
 *   lines 6..13       facts about persistence for INFO (64 f64)
 *   then              one line a shard: lock word                (sync/lock-word.ts)
 *   then              one line a thread: doorbell, eventfd       (sync/doorbell.ts), of I/O
 *                     threads also clients that monitor, lines sent to them (server/monitors.ts)
 *   then              one statistics block a thread              (server/thread-stats.ts)
 *   then              one fence word a connection of each I/O thread     (sync/fence.ts)
 * Thread numbers: 0 main, 1..I the I/O threads, I+1..I+K the shard workers, then those that come
 * and go: durability thread, snapshot thread, loader. Shard s is owned by worker s % K.
 */
import { formatRing, ringBytes } from '../sync/ring.ts';
import { threadStatsBytes } from './thread-stats.ts';

const MAGIC = 0x54435452;
const VERSION = 1;
const LINE_WORDS = 16;
const LINE_BYTES = 64;

const SWITCHES = LINE_WORDS;
const PAUSE_MODE = SWITCHES;
const ACTIVE_EXPIRE_OFF = SWITCHES + 4;
const PAUSE_UNTIL_F64 = (SWITCHES * 4) / 8 + 4;
const SPILL_LOCK = 2 * LINE_WORDS;
const BUILD = SPILL_LOCK + 1;
const LONG_COMMANDS = SPILL_LOCK + 2;
const MAXMEMORY_F64 = (3 * LINE_BYTES) / 8;
const EXCEEDED_F64 = MAXMEMORY_F64 + 1;
const CLIENT_ROUND = 3 * LINE_WORDS + 4;
const JOB_BOARD = 4 * LINE_WORDS;
const DURABILITY = 5 * LINE_WORDS;
const DURABLE_F64 = (5 * LINE_BYTES + 32) / 8;
const FACTS_F64 = (6 * LINE_BYTES) / 8;
const FACTS = 64;
const SHARDS = 14 * LINE_WORDS;
/** Durability thread, snapshot thread, loader. */
const EXTRA_THREADS = 3;

/** Data bytes of a ring from an I/O thread to a shard worker. Touched only when used. */
const COMMAND_RING_BYTES = 1024 * 1024;
/** Data bytes of a ring from a shard worker to an I/O thread. */
const REPLY_RING_BYTES = 1024 * 1024;

const MONITOR_OF_THREAD = 2;

/** Value of the loading word while the append-only file is loaded. */
const REPLAYING = 2;

/** Bits of the durability mode. */
export const MODE_JOURNAL = 1;
export const MODE_ALWAYS = 2;
export const MODE_SNAPSHOT = 4;
/** Some client monitors, or has its keys tracked. */
export const MODE_MONITOR = 8;
export const MODE_TRACKING = 16;

/** Why write commands are refused: bits, both may be set. */
export const REFUSE_NOTHING = 0;
export const REFUSE_SNAPSHOT_FAILED = 1;
export const REFUSE_LOG_FAILED = 2;

export const PAUSE_NONE = 0;
export const PAUSE_WRITES = 1;
export const PAUSE_ALL = 2;

/** How many threads and shards a server has. */
export interface Topology {
  readonly ioThreads: number;
  readonly shardThreads: number;
  readonly shards: number;
  readonly commandRows: number;
  /** Connections that one I/O thread can have. */
  readonly connections: number;
}

/** The buffers to hand to every thread. */
export interface SharedBuffers {
  readonly control: SharedArrayBuffer;
  readonly rings: SharedArrayBuffer;
  readonly spill: SharedArrayBuffer;
  /** The ring of the append-only file, and what is not durable yet (durability/journal.ts). */
  readonly journal: SharedArrayBuffer;
  /** Encoded entries on their way to the snapshot thread (durability/snapshot-frames.ts). */
  readonly snapshot: SharedArrayBuffer;
  /** What the threads share that load a snapshot file (sync/load-board.ts). */
  readonly load: SharedArrayBuffer;
  /** Letters to each I/O thread (server/post.ts). */
  readonly postboxes: readonly SharedArrayBuffer[];
  /** Who the clients are (server/client-cards.ts). */
  readonly cards: SharedArrayBuffer;
  /** Where the clients are (server/client-ids.ts). */
  readonly ids: SharedArrayBuffer;
  /** What clients have cached (keyspace/tracking-table.ts). */
  readonly tracking: readonly SharedArrayBuffer[];
  /** Who is subscribed to what (server/channel-board.ts). */
  readonly channels: SharedArrayBuffer;
  /** What the server tells about itself (server/insight/insight-memory.ts). */
  readonly insight: SharedArrayBuffer;
  readonly arenas: readonly SharedArrayBuffer[];
}

export class SharedLayout {
  readonly words: Int32Array;
  readonly topology: Topology;
  readonly #control: SharedArrayBuffer;
  readonly #rings: SharedArrayBuffer;
  readonly #doubles: Float64Array;

  /** Makes and formats the control buffer and the rings. */
  static create(topology: Topology): { control: SharedArrayBuffer; rings: SharedArrayBuffer } {
    const threads = slotsOf(topology);
    const control = new SharedArrayBuffer(
      fencesOffset(topology) + topology.ioThreads * fenceBytes(topology),
    );
    const words = new Int32Array(control);
    words.set([
      MAGIC,
      VERSION,
      topology.ioThreads,
      topology.shardThreads,
      topology.shards,
      topology.commandRows,
      topology.connections,
    ]);
    for (let t = 0; t < threads; t++) words[bellWord(topology, t) + 1] = -1;
    const rings = new SharedArrayBuffer(ringsBytes(topology));
    for (let io = 1; io <= topology.ioThreads; io++) {
      for (let worker = 0; worker < topology.shardThreads; worker++) {
        formatRing(rings, commandRingOffset(topology, io, worker), COMMAND_RING_BYTES);
        formatRing(rings, replyRingOffset(topology, io, worker), REPLY_RING_BYTES);
      }
    }
    return { control, rings };
  }

  /** Attaches to buffers made by `create`. Throws when they are not such buffers. */
  constructor(control: SharedArrayBuffer, rings: SharedArrayBuffer) {
    this.words = new Int32Array(control);
    if (this.words[0] !== MAGIC || this.words[1] !== VERSION) {
      throw new Error('shared layout: not a control buffer of this version');
    }
    this.topology = {
      ioThreads: this.words[2]!,
      shardThreads: this.words[3]!,
      shards: this.words[4]!,
      commandRows: this.words[5]!,
      connections: this.words[6]!,
    };
    this.#control = control;
    this.#rings = rings;
    this.#doubles = new Float64Array(control, 0, SHARDS / 2);
  }

  get control(): SharedArrayBuffer {
    return this.#control;
  }

  get rings(): SharedArrayBuffer {
    return this.#rings;
  }

  get threadCount(): number {
    return 1 + this.topology.ioThreads + this.topology.shardThreads;
  }

  /** Thread numbers of the threads that come and go. */
  get durabilityThread(): number {
    return this.threadCount;
  }

  get snapshotThread(): number {
    return this.threadCount + 1;
  }

  get loaderThread(): number {
    return this.threadCount + 2;
  }

  /** Thread number of shard worker `worker` (0-based). */
  workerThread(worker: number): number {
    return 1 + this.topology.ioThreads + worker;
  }

  /** 0-based worker that owns a shard. */
  ownerOf(shard: number): number {
    return shard % this.topology.shardThreads;
  }

  lockWord(shard: number): number {
    return SHARDS + shard * LINE_WORDS;
  }

  get spillLockWord(): number {
    return SPILL_LOCK;
  }

  /** Not 0 while a thread reads under a hold that it will take back for itself. */
  get buildWord(): number {
    return BUILD;
  }

  /** Clients evicted so far, modulo 2^32 (server/client-eviction.ts). */
  get clientRoundWord(): number {
    return CLIENT_ROUND;
  }

  get jobBoardWord(): number {
    return JOB_BOARD;
  }

  bellWord(thread: number): number {
    return bellWord(this.topology, thread);
  }

  /** Eventfd that wakes a thread which sleeps in the kernel; -1 = it parks on its doorbell word. */
  wakeFd(thread: number): number {
    return Atomics.load(this.words, this.bellWord(thread) + 1);
  }

  setWakeFd(thread: number, fd: number): void {
    Atomics.store(this.words, this.bellWord(thread) + 1, fd);
  }

  /** Clients of I/O thread `io` (from 1 on) that MONITOR; the word behind it numbers lines. */
  monitorWord(io: number): number {
    return this.bellWord(io) + MONITOR_OF_THREAD;
  }

  commandRing(io: number, worker: number): number {
    return commandRingOffset(this.topology, io, worker);
  }

  replyRing(io: number, worker: number): number {
    return replyRingOffset(this.topology, io, worker);
  }

  /** Byte offset of a thread's statistics block in the control buffer. */
  statsOffset(thread: number): number {
    return statsOffset(this.topology) + thread * threadStatsBytes(this.topology.commandRows);
  }

  /** The fence words of an I/O thread, by connection index. */
  fences(io: number): Int32Array {
    const offset = fencesOffset(this.topology) + (io - 1) * fenceBytes(this.topology);
    return new Int32Array(this.#control, offset, this.topology.connections);
  }

  /** Commands sent to workers because they may take long that have not ended. */
  get longCommands(): number {
    return Atomics.load(this.words, LONG_COMMANDS);
  }

  addLongCommands(count: number): void {
    Atomics.add(this.words, LONG_COMMANDS, count);
  }

  /**
   * One of the PAUSE constants. A plain read: a command that races with CLIENT PAUSE may go either
   * way.
   */
  get pauseMode(): number {
    return this.words[PAUSE_MODE]!;
  }

  /** Unix ms at which a pause ends. */
  get pauseUntilMs(): number {
    return this.#doubles[PAUSE_UNTIL_F64]!;
  }

  setPause(mode: number, untilMs: number): void {
    this.#doubles[PAUSE_UNTIL_F64] = untilMs;
    Atomics.store(this.words, PAUSE_MODE, mode);
  }

  get isActiveExpireOff(): boolean {
    return this.words[ACTIVE_EXPIRE_OFF] !== 0;
  }

  setActiveExpireOff(isOff: boolean): void {
    Atomics.store(this.words, ACTIVE_EXPIRE_OFF, isOff ? 1 : 0);
  }

  /** Index of the mode word: MODE bits, 0 = commands need not care about durability. */
  get durabilityModeWord(): number {
    return DURABILITY;
  }

  /** Not 0 while the data set is loaded. */
  get isLoading(): boolean {
    return this.words[DURABILITY + 1] !== 0;
  }

  /** While commands of the append-only file run: the clock stands at 0. */
  get isReplaying(): boolean {
    return this.words[DURABILITY + 1] === REPLAYING;
  }

  setReplaying(): void {
    Atomics.store(this.words, DURABILITY + 1, REPLAYING);
  }

  setLoading(isLoading: boolean): void {
    Atomics.store(this.words, DURABILITY + 1, isLoading ? 1 : 0);
  }

  /** REFUSE bits. */
  get writeRefusal(): number {
    return this.words[DURABILITY + 2]!;
  }

  /** Sets a REFUSE bit. */
  refuseWrites(reason: number): void {
    Atomics.or(this.words, DURABILITY + 2, reason);
  }

  /** Clears a REFUSE bit. */
  allowWrites(reason: number): void {
    Atomics.and(this.words, DURABILITY + 2, ~reason);
  }

  /** Sets MODE bits. */
  addMode(bits: number): void {
    Atomics.or(this.words, DURABILITY, bits);
  }

  /** Clears MODE bits. */
  removeMode(bits: number): void {
    Atomics.and(this.words, DURABILITY, ~bits);
  }

  /** Not 0 while a thread appends a record that is too large for one frame. */
  get largeRecordWord(): number {
    return DURABILITY + 3;
  }

  /** Goes up by one with each snapshot, at the instant that it shows. */
  get snapshotIdWord(): number {
    return DURABILITY + 4;
  }

  /** Shards that their owners have not walked to the end since the last flip of the epoch. */
  get snapshotLeftWord(): number {
    return DURABILITY + 5;
  }

  /** Not 0 while an owner writes a large value into a snapshot. */
  get snapshotLargeWord(): number {
    return DURABILITY + 6;
  }

  /** How entries are written (durability/snapshot-emitter.ts). */
  get snapshotStyleWord(): number {
    return DURABILITY + 7;
  }

  get snapshotDelayWord(): number {
    return DURABILITY + 10;
  }

  /** Doubles of the control buffer, among them the position up to which the log is on disk. */
  get doubles(): Float64Array {
    return this.#doubles;
  }

  get durablePositionIndex(): number {
    return DURABLE_F64;
  }

  /** Facts about persistence that INFO shows, see FACT. */
  get facts(): Float64Array {
    return this.#doubles.subarray(FACTS_F64, FACTS_F64 + FACTS);
  }

  /** Memory limit of the keyspace in bytes; 0 = none. */
  get maxmemory(): number {
    return this.#doubles[MAXMEMORY_F64]!;
  }

  setMaxmemory(bytes: number): void {
    this.#doubles[MAXMEMORY_F64] = bytes;
  }

  /**
   * Unix ms at which a thread found `maxmemory` exceeded that nobody has found kept since; 0 = it
   * is kept. Any thread sets it; those that race write about the same.
   */
  get exceededSinceMs(): number {
    return this.#doubles[EXCEEDED_F64]!;
  }

  setExceededSince(unixMs: number): void {
    this.#doubles[EXCEEDED_F64] = unixMs;
  }
}

function slotsOf(topology: Topology): number {
  return 1 + topology.ioThreads + topology.shardThreads + EXTRA_THREADS;
}

function bellWord(topology: Topology, thread: number): number {
  return SHARDS + (topology.shards + thread) * LINE_WORDS;
}

function statsOffset(topology: Topology): number {
  const threads = slotsOf(topology);
  return (SHARDS + (topology.shards + threads) * LINE_WORDS) * 4;
}

function ringLineBytes(capacity: number): number {
  return (ringBytes(capacity) + LINE_BYTES - 1) & ~(LINE_BYTES - 1);
}

function commandRingOffset(topology: Topology, io: number, worker: number): number {
  return ((io - 1) * topology.shardThreads + worker) * ringLineBytes(COMMAND_RING_BYTES);
}

function replyRingOffset(topology: Topology, io: number, worker: number): number {
  const commandRings =
    topology.ioThreads * topology.shardThreads * ringLineBytes(COMMAND_RING_BYTES);
  return (
    commandRings + ((io - 1) * topology.shardThreads + worker) * ringLineBytes(REPLY_RING_BYTES)
  );
}

function ringsBytes(topology: Topology): number {
  return replyRingOffset(topology, topology.ioThreads + 1, 0);
}

function fencesOffset(topology: Topology): number {
  const threads = slotsOf(topology);
  return statsOffset(topology) + threads * threadStatsBytes(topology.commandRows);
}

function fenceBytes(topology: Topology): number {
  return (topology.connections * 4 + LINE_BYTES - 1) & ~(LINE_BYTES - 1);
}
