/** What the parts of the dispatcher share: its surroundings, its answers, its limits. */
import type { CommandRow, CommandTable } from '../commands/table.ts';
import type { ReplyWriter } from '../resp/reply-writer.ts';
import type { ArgView } from '../resp/request-parser.ts';
import type { DoorbellRinger } from '../sync/doorbell.ts';
import type { AclGate } from './acl/gate.ts';
import type { BlockedServe } from './blocked-serve.ts';
import type { Connection } from './connection.ts';
import type { MemoryRoom } from './memory-room.ts';
import type { Monitors } from './monitors.ts';
import type { Post } from './post.ts';
import type { ShardLocks } from './shard-locks.ts';
import type { SharedLayout } from './shared-layout.ts';
import type { Spill } from './spill.ts';
import type { ThreadContext } from './thread-context.ts';
import type { ThreadStats } from './thread-stats.ts';
import type { Tracker } from './tracker.ts';
import type { WriteGuard } from './write-guard.ts';

/** The command was consumed: replied to, queued, or sent to a worker. */
export const CONSUMED = 0;
/** It has to wait (order, full ring, pause): it stays in the connection's input. */
export const HELD = 1;
export type DispatchStatus = typeof CONSUMED | typeof HELD;

/** Work an I/O thread does under a lease, in units of 16 bytes or one element: some 20 us. */
export const LEASE_WORK_MAX = 2048;
/**
 * Arguments up to which a multi-key command is worked out here; larger ones go to a worker
 * unhashed.
 */
export const LEASE_ARGS_MAX = 128;

/** What the dispatcher needs for session commands. */
export interface SessionRunner {
  /** Runs a session command and writes its reply, or (where it may) suspends the connection. */
  run(c: Connection, row: CommandRow, args: ArgView, canSuspend: boolean): void;
  /** Runs a session command of a queue whose reply, now or later, goes to `done`. */
  runAside(c: Connection, row: CommandRow, args: ArgView, done: (reply: Uint8Array) => void): void;
  /** Lets the connection wait until the returned function is called. */
  hold(c: Connection): () => void;
  /** Whether `enable-debug-command` lets this client use DEBUG. */
  mayDebug(c: Connection): boolean;
  /** Whether `enable-module-command` lets this client load and unload modules. */
  mayUseModules(c: Connection): boolean;
  /** Closes a connection that speaks HTTP, without a reply. */
  refuseHttp(c: Connection): void;
}

export interface DispatcherParts {
  readonly layout: SharedLayout;
  readonly thread: number;
  readonly table: CommandTable;
  readonly ctx: ThreadContext;
  readonly reply: ReplyWriter;
  readonly locks: ShardLocks;
  readonly spill: Spill;
  readonly stats: ThreadStats;
  readonly workers: readonly DoorbellRinger[];
  readonly sessions: SessionRunner;
  readonly guard: WriteGuard;
  readonly room: MemoryRoom;
  readonly post: Post;
  readonly monitors: Monitors<Connection>;
  readonly tracker: Tracker;
  readonly serve: BlockedServe;
  readonly acl: AclGate;
}

/**
 * How long a held command tries again in each turn. After that the core is left to whoever holds
 * what it needs, which may be the thread that it displaced: for RETRY_SOON_MS at a time. Of
 * 57,000 GETs beside a snapshot on two cores, 66 waited for more than 1.6 ms; 125 did with 0.5 ms
 * of trying and sleeps of 1 ms.
 */
const EAGER_MS = 0.1;
export const RETRY_SOON_MS = 0.1;

/** A held command tries again at once, or, on false, a while later. */
export function triesEagerly(c: Connection): boolean {
  return c.contendedSinceMs !== 0 && performance.now() - c.contendedSinceMs < EAGER_MS;
}

/** The command asks again: soon where that gets on, otherwise with the next event. */
export function waitForRoom(c: Connection, room: MemoryRoom): DispatchStatus {
  c.contendedSinceMs = room.hasFreed ? performance.now() : 0;
  c.isStalled = true;
  return HELD;
}
