/**
 * BlockedServe: gives what a command has put into keys to the clients that wait for them, on the
 * thread that ran it and before it lets go of its shards: nobody else can come in between. One per
 * thread.
 */
import { ESCALATE } from '../commands/spec.ts';
import { type CommandRow, type CommandTable, KeyIndexes, keyIndexes } from '../commands/table.ts';
import type { Ref } from '../memory/arena.ts';
import { ArgView } from '../resp/request-parser.ts';
import { isTimed, sampleWeight } from './command-watch.ts';
import { LETTER, NO_BYTES, type Post } from './post.ts';
import type { ShardLocks } from './shard-locks.ts';
import type { ShardSet } from './shard-set.ts';
import type { ThreadContext } from './thread-context.ts';
import type { ThreadStats } from './thread-stats.ts';
import type { Tracker } from './tracker.ts';
import {
  SERVED,
  SERVING,
  WAIT_DENIED,
  WAIT_FOR_GONE,
  WAIT_RESP3,
  WAITING,
  type WaitRecords,
} from './wait-records.ts';
import type { WriteGuard } from './write-guard.ts';

/** `b` of a served letter: the client may not run its command any more, nothing was taken. */
export const SERVED_DENIED = 1;

/** Numbers of a key in ThreadState.ready. */
const READY_NUMBERS = 4;
/** Lists that one element passes through at most before it comes to rest. */
const CHAIN_MAX = 64;

/** Takes the reply of a blocked client of this thread: bytes [start, end) of `buf`. */
export type DeliverHere = (
  ref: Ref,
  denied: boolean,
  buf: Uint8Array,
  start: number,
  end: number,
  gate: number,
) => void;

export interface BlockedServeParts {
  readonly thread: number;
  readonly ctx: ThreadContext;
  readonly table: CommandTable;
  readonly records: WaitRecords;
  readonly locks: ShardLocks;
  readonly post: Post;
  readonly guard: WriteGuard;
  readonly tracker: Tracker;
  readonly stats: ThreadStats;
}

export class BlockedServe {
  /** On I/O threads: hands a reply over without a letter. */
  deliverHere: DeliverHere | null = null;
  readonly #parts: BlockedServeParts;
  readonly #args = new ArgView();
  readonly #keys = new KeyIndexes();
  /** Commands that this thread tried to serve. */
  #tries = 0;

  constructor(parts: BlockedServeParts) {
    this.#parts = parts;
  }

  // ---- before a command

  /**
   * Whether everything is held that serving those who wait for the keys of a command may need: the
   * shards of the lists that elements move on to. Marks what is missing in `missing`. Its own
   * shards are held.
   */
  hasShards(row: CommandRow, missing: ShardSet | null): boolean {
    if (!row.isWrite) return true;
    const { ctx } = this.#parts;
    const { args, db } = ctx;
    const keys = this.#keys;
    const { spec } = row;
    if (spec.place !== 'shard' || spec.shards !== 'keys') return true;
    if (row.isAcrossDatabases) return this.#hasForAll(row, missing);
    if (row.singleKey !== 0) {
      if (ctx.at(row.singleKey).waits.isEmpty) return true;
      return this.#hasFor(ctx.key.shardIndex, db, ctx.key.lo, ctx.key.hi, missing, 0);
    }
    if (!keyIndexes(spec.keys, args, keys)) return true;
    let hasAll = true;
    for (let i = 0; i < keys.count; i++) {
      if (ctx.at(keys.index[i]!).waits.isEmpty) continue;
      const { shardIndex, lo, hi } = ctx.key;
      if (!this.#hasFor(shardIndex, db, lo, hi, missing, 0)) hasAll = false;
    }
    return hasAll;
  }

  /** The same for commands whose key may be in another database, which they name. */
  #hasForAll(row: CommandRow, missing: ShardSet | null): boolean {
    const { ctx } = this.#parts;
    const keys = this.#keys;
    if (!keyIndexes(row.spec.keys, ctx.args, keys)) return true;
    let hasAll = true;
    for (let i = 0; i < keys.count; i++) {
      const shard = ctx.at(keys.index[i]!);
      if (shard.waits.isEmpty) continue;
      const { lo, hi } = ctx.key;
      for (let db = 0; db < shard.databases; db++) {
        if (!this.#hasFor(shard.index, db, lo, hi, missing, 0)) hasAll = false;
      }
    }
    return hasAll;
  }

  /** The same for one key, and for those that its waiters pass elements on to. */
  #hasFor(
    shard: number,
    db: number,
    lo: number,
    hi: number,
    missing: ShardSet | null,
    depth: number,
  ): boolean {
    const { ctx, records, locks, guard } = this.#parts;
    let hasAll = true;
    let node = ctx.shards[shard]!.waits.first(db, lo, hi);
    for (; node !== 0 && depth < CHAIN_MAX; node = records.after(node)) {
      const ref = records.recordOf(node);
      const target = records.targetShard(ref);
      if (target < 0 || records.state(ref) !== WAITING) continue;
      if (!locks.isMine(target)) {
        if (missing === null) return false;
        missing.mark(target);
        hasAll = false;
        continue;
      }
      records.readArgs(ref, this.#args);
      const { args, db: outerDb } = ctx;
      ctx.begin(this.#args, db);
      ctx.at(records.targetArgument(ref));
      const { lo: nextLo, hi: nextHi } = ctx.key;
      const isReady = guard.prepareKey(ctx.shards[target]!, db, ctx.key);
      ctx.begin(args, outerDb);
      if (!isReady) return false;
      if (!this.#hasFor(target, db, nextLo, nextHi, missing, depth + 1)) hasAll = false;
    }
    return hasAll;
  }

  // ---- after it

  /**
   * Serves who waits for the keys that are ready, in the order in which they became so: of several
   * keys a client gets that which received something first. Their shards are held.
   */
  serve(): void {
    const { ctx, locks } = this.#parts;
    const { ready } = ctx.state;
    const { args, db } = ctx;
    // What the command took long over may have expired.
    ctx.state.setTime(Date.now());
    // Serving may make other keys ready: they come last.
    for (let i = 0; i < ready.length; i += READY_NUMBERS) {
      // What eviction or expiry has noted may be of a shard that was held for it alone.
      if (!locks.isMine(ready[i]!)) continue;
      this.#serveKey(ready[i]!, ready[i + 1]!, ready[i + 2]!, ready[i + 3]!);
    }
    ready.length = 0;
    ctx.begin(args, db);
  }

  /**
   * Looks again whether a blocked command has something to take, which may be there because time
   * has passed. Between two commands; shards that are not free are left out.
   */
  retry(ref: Ref): void {
    const { ctx, locks, records } = this.#parts;
    const db = records.db(ref);
    records.forKeys(ref, (shard, lo, hi) => {
      if (records.state(ref) !== WAITING || !locks.lease(shard)) return;
      ctx.state.noteReady(shard, db, lo, hi);
      this.serve();
      locks.endLease(shard);
    });
  }

  #serveKey(shard: number, db: number, lo: number, hi: number): void {
    const { ctx, records, guard } = this.#parts;
    const { waits } = ctx.shards[shard]!;
    let next = 0;
    for (let node = waits.first(db, lo, hi); node !== 0; node = next) {
      next = records.after(node);
      const ref = records.recordOf(node);
      if (records.state(ref) !== WAITING) continue;
      records.readArgs(ref, this.#args);
      ctx.begin(this.#args, db);
      if (!this.#isThere(ref, node) && !records.hasFlag(ref, WAIT_FOR_GONE)) {
        if (this.#isGone(node) && !waits.isForGone(db, lo, hi)) return;
        continue;
      }
      // Where time alone has made it ready, no command has seen to the key.
      if (!guard.prepareKey(ctx.shards[shard]!, db, ctx.key)) continue;
      if (!records.turn(ref, WAITING, SERVING)) continue;
      if (!this.#run(ref, node)) records.turn(ref, SERVING, WAITING);
    }
  }

  /** True when the key of a waiter does not exist: nobody can be served. */
  #isGone(node: number): boolean {
    const { ctx, records } = this.#parts;
    const shard = ctx.at(records.argumentOf(node));
    return shard.find(ctx.db, ctx.key) === 0;
  }

  /** True when a waiter's key has a value of the type that its client wants. */
  #isThere(ref: Ref, node: number): boolean {
    const { ctx, records } = this.#parts;
    const shard = ctx.at(records.argumentOf(node));
    const entry = shard.find(ctx.db, ctx.key);
    return entry !== 0 && shard.typeOf(entry) === records.type(ref);
  }

  /** Runs a blocked command for the key of `node`. False when it goes on waiting. */
  #run(ref: Ref, node: number): boolean {
    const { ctx, records, table, guard, tracker } = this.#parts;
    if (records.hasFlag(ref, WAIT_DENIED)) {
      this.#deliver(ref, node, true, 0, 0);
      return true;
    }
    const { reply } = ctx;
    const { resp3, length: mark } = reply;
    const { gate } = guard;
    const { touchMode } = ctx.state;
    const { workMax } = ctx;
    reply.resp3 = records.hasFlag(ref, WAIT_RESP3);
    guard.gate = 0;
    ctx.workMax = Number.POSITIVE_INFINITY;
    ctx.servedKey = records.argumentOf(node);
    ctx.isStillBlocked = false;
    tracker.beginServing(records.io(ref), records.conn(ref), records.generation(ref));
    const row = table.rows[records.row(ref)]!;
    const tries = this.#tries++;
    const started = isTimed(ctx.watch, tries) ? performance.now() : -1;
    const status = ctx.run(row);
    ctx.servedKey = 0;
    ctx.workMax = workMax;
    ctx.state.touchMode = touchMode;
    if (status === ESCALATE) throw new Error('a blocked command escalated while it was served');
    const isServed = !ctx.isStillBlocked;
    if (!isServed) records.setRetry(ref, ctx.retryMs);
    if (isServed) {
      if (started >= 0) this.#timed(row, ref, performance.now() - started, tries, mark);
      this.#deliver(ref, node, false, mark, guard.gate);
    }
    tracker.endServing();
    reply.truncate(mark);
    reply.resp3 = resp3;
    guard.gate = gate;
    return isServed;
  }

  /** Notes the time that a command took once it was served: what it waited is no part of it. */
  #timed(row: CommandRow, ref: Ref, ms: number, tries: number, mark: number): void {
    const { ctx, records, stats } = this.#parts;
    const { watch, reply } = ctx;
    const nanos = ms * 1e6;
    stats.time(row.index, nanos, sampleWeight(watch, tries));
    if (nanos < watch.noteNanos) return;
    const client = {
      io: records.io(ref),
      conn: records.conn(ref),
      generation: records.generation(ref),
      tracksReads: false,
    };
    watch.note(row, this.#args, nanos, reply.length - mark, client);
  }

  #deliver(ref: Ref, node: number, denied: boolean, mark: number, gate: number): void {
    const { ctx, records, post, thread } = this.#parts;
    const { reply } = ctx;
    const end = denied ? mark : reply.length;
    records.unlink(node, ctx.shards);
    const io = records.io(ref);
    const conn = records.conn(ref);
    const generation = records.generation(ref);
    records.turn(ref, SERVING, SERVED);
    if (io === thread && this.deliverHere !== null) {
      this.deliverHere(ref, denied, reply.buf, mark, end, gate);
      return;
    }
    const bytes = { buf: reply.buf, from: mark, to: end };
    const b = denied ? SERVED_DENIED : 0;
    post.send(io, LETTER.served, conn, generation, ref, b, gate, NO_BYTES, bytes);
  }
}
