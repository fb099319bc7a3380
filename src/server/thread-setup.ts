/**
 * What every I/O thread and shard worker sets up from the buffers that main hands out.
 */
import { HalfSipHash } from '../base/half-sip-hash.ts';
import { ALL_COMMANDS } from '../commands/registry.ts';
import { CommandTable } from '../commands/table.ts';
import { PrefixBoard } from '../keyspace/prefix-board.ts';
import { Shard } from '../keyspace/shard.ts';
import { ThreadState } from '../keyspace/thread-state.ts';
import { TrackingTable } from '../keyspace/tracking-table.ts';
import { Arena } from '../memory/arena.ts';
import { ReplyWriter } from '../resp/reply-writer.ts';
import { Doorbell, DoorbellRinger } from '../sync/doorbell.ts';
import { pageDiscarder } from '../transport/libc.ts';
import { AclCommands } from './acl/acl-commands.ts';
import { AclGate } from './acl/gate.ts';
import type { UserRecord } from './acl/user.ts';
import { AclUsers } from './acl/users.ts';
import { BlockedServe } from './blocked-serve.ts';
import { ChannelBoard } from './channel-board.ts';
import { ClientCards } from './client-cards.ts';
import { ClientIds } from './client-ids.ts';
import { noOutputLimits, type OutputLimits, outputLimit } from './client-limits.ts';
import { CommandHooks } from './command-hooks.ts';
import { readCommandLimits } from './command-limits.ts';
import { readOutputBufferLimits } from './config/special-directives.ts';
import type { ConfigSnapshot } from './config/store.ts';
import { ConfigStore } from './config/store.ts';
import type { Connection } from './connection.ts';
import { EventPublisher } from './event-publisher.ts';
import { Insight } from './insight/insight.ts';
import { fileLogWriter, type LogFilter, Logger } from './log.ts';
import { MemoryRoom } from './memory-room.ts';
import { Monitors } from './monitors.ts';
import { Post } from './post.ts';
import { PubSub } from './pub-sub.ts';
import { applyRenames } from './renames.ts';
import { ShardLocks } from './shard-locks.ts';
import { MODE_MONITOR, MODE_TRACKING, type SharedBuffers, SharedLayout } from './shared-layout.ts';
import { SnapshotGuard } from './snapshot-guard.ts';
import { Spill } from './spill.ts';
import { ThreadContext } from './thread-context.ts';
import { ThreadStats } from './thread-stats.ts';
import { Tracker } from './tracker.ts';
import { WaitRecords } from './wait-records.ts';
import { WriteGuard } from './write-guard.ts';

/** `workerData` of I/O threads and shard workers. */
export interface ThreadStart {
  readonly thread: number;
  readonly buffers: SharedBuffers;
  readonly hashKey: readonly [number, number];
  readonly config: ConfigSnapshot;
  readonly startedMs: number;
  readonly runId: string;
  readonly executable: string;
  readonly users: readonly UserRecord[];
}

/** Wakes a thread through its eventfd; given by threads that can (io_uring). */
export type WakeByFd = (fd: number) => void;

export interface ThreadParts {
  readonly start: ThreadStart;
  readonly layout: SharedLayout;
  readonly table: CommandTable;
  readonly config: ConfigStore;
  readonly ctx: ThreadContext;
  readonly reply: ReplyWriter;
  readonly locks: ShardLocks;
  readonly spill: Spill;
  readonly bell: Doorbell;
  readonly workerRingers: readonly DoorbellRinger[];
  readonly ioRingers: readonly DoorbellRinger[];
  readonly stats: ThreadStats;
  /** What may wait to be sent to clients. */
  readonly output: OutputLimits;
  readonly allStats: readonly ThreadStats[];
  readonly guard: WriteGuard;
  /** Wakes the snapshot thread. */
  readonly snapshotRinger: DoorbellRinger;
  readonly room: MemoryRoom;
  readonly hooks: CommandHooks;
  /** Letters to the I/O threads. */
  readonly post: Post;
  readonly cards: ClientCards;
  readonly ids: ClientIds;
  readonly tracker: Tracker;
  readonly records: WaitRecords;
  readonly serve: BlockedServe;
  readonly pubsub: PubSub;
  readonly monitors: Monitors<Connection>;
  /** Permissions, by this thread's copy of the users. */
  readonly acl: AclGate;
  readonly events: EventPublisher;
  readonly insight: Insight;
}

const REPLY_BYTES = 64 * 1024;

/** Makes a thread's own objects over the shared buffers, I/O thread or shard worker. */
export function setUpThread(start: ThreadStart, wakeByFd: WakeByFd): ThreadParts {
  const { buffers, thread } = start;
  const layout = new SharedLayout(buffers.control, buffers.rings);
  const config = ConfigStore.restore(start.config);
  const state = new ThreadState();
  state.setTime(Date.now());
  const hasher = new HalfSipHash(start.hashKey[0], start.hashKey[1]);
  const shards = buffers.arenas.map((a, i) => new Shard(i, Arena.attach(a), hasher, state));
  for (const { arena } of shards) arena.discard = pageDiscarder(arena.buffer);
  const reply = new ReplyWriter(REPLY_BYTES);
  const host = {
    visitShards: unset,
    beginBuild: unset,
    endBuild: unset,
    inParallel: unset,
    noteWatch: unset,
    sleep: unset,
    client: unset,
    block: unset,
    output: { max: unset, exceeded: unset },
  };
  const ctx = new ThreadContext(shards, hasher, state, reply, host);
  const { ioThreads, shardThreads, commandRows } = layout.topology;
  const ringers = (from: number, count: number): DoorbellRinger[] =>
    Array.from({ length: count }, (_, i) => ringerOf(layout, from + i, wakeByFd));
  const workerRingers = ringers(layout.workerThread(0), shardThreads);
  const snapshotRinger = ringerOf(layout, layout.snapshotThread, wakeByFd);
  const snapshotGuard = new SnapshotGuard(layout, buffers.snapshot, {
    ringOwner: (shard) => workerRingers[layout.ownerOf(shard)]!.ring(),
    ringWriter: () => snapshotRinger.ring(),
  });
  const allStats = Array.from(
    { length: layout.threadCount },
    (_, t) => new ThreadStats(buffers.control, layout.statsOffset(t), commandRows),
  );
  const locks = new ShardLocks(layout, thread, workerRingers);
  const stats = allStats[thread]!;
  const guard = new WriteGuard(
    layout,
    buffers.journal,
    ringerOf(layout, layout.durabilityThread, wakeByFd),
    snapshotGuard,
  );
  const keys = trackingTable(buffers.tracking, hasher, layout);
  state.trackingWords = keys.words;
  const spill = new Spill(buffers.spill, layout.words, layout.spillLockWord);
  const ioRingers = ringers(1, ioThreads);
  const table = new CommandTable(applyRenames(ALL_COMMANDS, config.renames));
  const post = new Post(buffers.postboxes, ioRingers, spill);
  const records = new WaitRecords(spill);
  const board = new ChannelBoard(buffers.channels, new HalfSipHash(...start.hashKey));
  const cards = new ClientCards(buffers.cards, layout.topology.connections);
  const tracker = new Tracker(thread, keys, new PrefixBoard(keys, ioThreads), ctx, post);
  const pubsub = new PubSub(board, post, thread <= ioThreads ? thread - 1 : -1);
  const insight = threadInsight(start, layout, hasher, cards, ctx);
  const parts: ThreadParts = {
    start,
    layout,
    table,
    config,
    ctx,
    reply,
    locks,
    spill,
    bell: new Doorbell(layout.words, layout.bellWord(thread)),
    workerRingers,
    ioRingers,
    stats,
    output: noOutputLimits(),
    allStats,
    guard,
    snapshotRinger,
    room: new MemoryRoom({ layout, shards, state, locks, stats, allStats, guard }),
    hooks: new CommandHooks(guard),
    post,
    ids: new ClientIds(buffers.ids, ioThreads, layout.topology.connections),
    tracker,
    records,
    serve: new BlockedServe({ thread, ctx, table, records, locks, post, guard, tracker, stats }),
    cards,
    insight,
    monitors: new Monitors({ layout, post, cards, thread }),
    acl: new AclGate(new AclUsers(new AclCommands(table), start.users), stats),
    pubsub,
    events: new EventPublisher(state, pubsub, guard),
  };
  connect(parts);
  applyCommandLimits(parts);
  return parts;
}

/** Tells the parts of a thread of each other. */
function connect(parts: ThreadParts): void {
  const { ctx, hooks, room, insight, monitors, tracker } = parts;
  const { state } = ctx;
  ctx.log = (level, text) => threadLogger(parts).log(level, text);
  ctx.guard = hooks;
  hooks.events = parts.events;
  ctx.publisher = parts.pubsub;
  ctx.watch = insight;
  room.onCycle = (ms) => insight.events.note('eviction-cycle', ms, state.nowMs);
  hooks.observe(MODE_MONITOR, (row) => monitors.observe(row, ctx));
  state.expirySink = parts.guard;
  state.changeSink = tracker;
  hooks.observe(MODE_TRACKING, tracker.observe);
}

function trackingTable(
  buffers: readonly SharedArrayBuffer[],
  hasher: HalfSipHash,
  layout: SharedLayout,
): TrackingTable {
  return new TrackingTable(buffers, hasher, (isAny) => {
    if (isAny) layout.addMode(MODE_TRACKING);
    else layout.removeMode(MODE_TRACKING);
  });
}

/** A log of this thread with the configuration as it is now. */
export function threadLogger({ config, layout, start }: ThreadParts): Logger {
  return new Logger({
    role: start.thread < layout.workerThread(0) ? 'I' : 'W',
    level: config.text('loglevel') as LogFilter,
    write: fileLogWriter(config.path('logfile')),
  });
}

function threadInsight(
  { buffers, thread }: ThreadStart,
  layout: SharedLayout,
  hasher: HalfSipHash,
  cards: ClientCards,
  ctx: ThreadContext,
): Insight {
  return new Insight({
    buffer: buffers.insight,
    threads: layout.threadCount,
    thread,
    hash: (buf, from, end) => {
      hasher.hash(buf, from, end);
      return hasher.lo;
    },
    face: (client = ctx.host.client()) => {
      const { io, conn } = client;
      if (io === 0) return { address: '', name: '' };
      return { address: cards.address(io, conn), name: cards.name(io, conn) };
    },
    isServing: () => !layout.isLoading,
  });
}

function unset(): never {
  throw new Error('the thread is not set up yet');
}

/** Rings another thread by its doorbell word, and its eventfd where it has one by then. */
export function ringerOf(layout: SharedLayout, thread: number, wakeByFd: WakeByFd): DoorbellRinger {
  const at = layout.bellWord(thread);
  return new DoorbellRinger(layout.words, at, () => {
    const fd = layout.wakeFd(thread);
    if (fd >= 0) wakeByFd(fd);
    else Atomics.notify(layout.words, at);
  });
}

/** Takes over what data commands need to know of the configuration. */
export function applyCommandLimits(parts: ThreadParts): void {
  const { config, ctx, output } = parts;
  readCommandLimits(config, ctx.state);
  ctx.ahead.window = config.int('prefetch-batch-max-size');
  const classes = readOutputBufferLimits(config.text('client-output-buffer-limit'));
  output.normal = outputLimit(classes.normal);
  output.pubsub = outputLimit(classes.pubsub);
  parts.acl.logLengthMax = config.int('acllog-max-len');
  parts.events.configure(config.text('notify-keyspace-events'));
  parts.insight.configure(config);
  parts.stats.isTracking = config.bool('latency-tracking');
  parts.guard.isEvictionLazy = config.bool('lazyfree-lazy-eviction');
  parts.tracker.setLimit(config.int('tracking-table-max-keys'));
  parts.room.configure({
    policy: ctx.limits.maxmemoryPolicy,
    samples: config.int('maxmemory-samples'),
    tenacity: config.int('maxmemory-eviction-tenacity'),
    isLazy: parts.guard.isEvictionLazy,
  });
}
