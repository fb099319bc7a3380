/** What an IoServer is made of: the surroundings of one I/O thread. */
import type { CommandTable } from '../commands/table.ts';
import type { ReplyWriter } from '../resp/reply-writer.ts';
import type { ParserLimits } from '../resp/request-parser.ts';
import type { Doorbell } from '../sync/doorbell.ts';
import type { AclGate } from './acl/gate.ts';
import type { BlockedServe } from './blocked-serve.ts';
import type { ClientCards } from './client-cards.ts';
import type { ClientIds } from './client-ids.ts';
import type { ClientLimits } from './client-limits.ts';
import type { Post } from './post.ts';
import type { PubSub } from './pub-sub.ts';
import type { ShardLocks } from './shard-locks.ts';
import type { SharedLayout } from './shared-layout.ts';
import type { Spill } from './spill.ts';
import type { ThreadContext } from './thread-context.ts';
import type { ThreadStats } from './thread-stats.ts';
import type { Tracker } from './tracker.ts';
import type { WaitRecords } from './wait-records.ts';
import type { WriteGuard } from './write-guard.ts';

export interface IoServerParts {
  readonly layout: SharedLayout;
  readonly thread: number;
  readonly ctx: ThreadContext;
  readonly reply: ReplyWriter;
  readonly stats: ThreadStats;
  readonly guard: WriteGuard;
  readonly parserLimits: ParserLimits;
  readonly limits: ClientLimits;
  readonly bell: Doorbell;
  readonly spill: Spill;
  readonly post: Post;
  readonly cards: ClientCards;
  readonly ids: ClientIds;
  readonly tracker: Tracker;
  readonly locks: ShardLocks;
  readonly records: WaitRecords;
  readonly serve: BlockedServe;
  readonly pubsub: PubSub;
  readonly acl: AclGate;
  readonly table: CommandTable;
  /** The ring of this thread's letters. */
  readonly postbox: SharedArrayBuffer;
  /** Looks for control messages. */
  readonly pollControl: () => void;
  /** Makes `onWake` come again after the events that are waiting now. */
  readonly wakeSoon: () => void;
  /** Called when the doorbell word says parked: arms whatever else wakes this thread. */
  readonly onParked: () => void;
}
