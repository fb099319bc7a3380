/**
 * Names of keyspace events, and what handlers of several families tell alike. Everything here costs
 * a load and a branch where nobody listens.
 */
import { asciiBytes } from '../base/bytes.ts';
import {
  EVENT_GENERIC,
  EVENT_KEY_MISS,
  EVENT_NEW,
  EVENT_OVERWRITTEN,
  EVENT_TYPE_CHANGED,
  NAME_DEL,
  NAME_NEW,
} from '../keyspace/events.ts';
import type { Key } from '../keyspace/key.ts';
import { NO_TTL, type Shard } from '../keyspace/shard.ts';
import type { CommandContext } from './spec.ts';

const name = asciiBytes;

export const NAME_EXPIRE = name('expire');
export const NAME_PERSIST = name('persist');
export const NAME_RENAME_FROM = name('rename_from');
export const NAME_RENAME_TO = name('rename_to');
export const NAME_MOVE_FROM = name('move_from');
export const NAME_MOVE_TO = name('move_to');
export const NAME_COPY_TO = name('copy_to');
export const NAME_RESTORE = name('restore');
export const NAME_OVERWRITTEN = name('overwritten');
export const NAME_TYPE_CHANGED = name('type_changed');

export const NAME_SET = name('set');
export const NAME_APPEND = name('append');
export const NAME_SETRANGE = name('setrange');
export const NAME_INCRBY = name('incrby');
export const NAME_INCRBYFLOAT = name('incrbyfloat');
export const NAME_SETBIT = name('setbit');
export const NAME_PFADD = name('pfadd');

export const NAME_LPUSH = name('lpush');
export const NAME_RPUSH = name('rpush');
export const NAME_LPOP = name('lpop');
export const NAME_RPOP = name('rpop');
export const NAME_LINSERT = name('linsert');
export const NAME_LSET = name('lset');
export const NAME_LREM = name('lrem');
export const NAME_LTRIM = name('ltrim');
export const NAME_SORTSTORE = name('sortstore');

export const NAME_SADD = name('sadd');
export const NAME_SREM = name('srem');
export const NAME_SPOP = name('spop');
export const NAME_SINTERSTORE = name('sinterstore');
export const NAME_SUNIONSTORE = name('sunionstore');
export const NAME_SDIFFSTORE = name('sdiffstore');

export const NAME_XADD = name('xadd');
export const NAME_XTRIM = name('xtrim');
export const NAME_XDEL = name('xdel');
export const NAME_XSETID = name('xsetid');
export const NAME_XGROUP_CREATE = name('xgroup-create');
export const NAME_XGROUP_SETID = name('xgroup-setid');
export const NAME_XGROUP_DESTROY = name('xgroup-destroy');
export const NAME_XGROUP_CREATECONSUMER = name('xgroup-createconsumer');
export const NAME_XGROUP_DELCONSUMER = name('xgroup-delconsumer');

export const NAME_ZADD = name('zadd');
export const NAME_ZINCR = name('zincr');
export const NAME_ZREM = name('zrem');
export const NAME_ZREMRANGEBYRANK = name('zremrangebyrank');
export const NAME_ZREMRANGEBYSCORE = name('zremrangebyscore');
export const NAME_ZREMRANGEBYLEX = name('zremrangebylex');
export const NAME_ZPOPMIN = name('zpopmin');
export const NAME_ZPOPMAX = name('zpopmax');
export const NAME_ZINTERSTORE = name('zinterstore');
export const NAME_ZUNIONSTORE = name('zunionstore');
export const NAME_ZDIFFSTORE = name('zdiffstore');
export const NAME_ZRANGESTORE = name('zrangestore');
export const NAME_GEORADIUSSTORE = name('georadiusstore');
export const NAME_GEOSEARCHSTORE = name('geosearchstore');

export const NAME_HSET = name('hset');
export const NAME_HDEL = name('hdel');
export const NAME_HINCRBY = name('hincrby');
export const NAME_HINCRBYFLOAT = name('hincrbyfloat');
export const NAME_HEXPIRE = name('hexpire');
export const NAME_HPERSIST = name('hpersist');

/**
 * True where a reader of several keys has to escalate before it looks for them: run twice, it would
 * tell of the same misses twice.
 */
export function missesNeedWorker(ctx: CommandContext): boolean {
  if ((ctx.state.eventMask & EVENT_KEY_MISS) === 0) return false;
  return !ctx.mayRun(Number.POSITIVE_INFINITY);
}

/** A key was deleted by a command, by itself or with its last element. */
export function tellDeleted(ctx: CommandContext, key: Key): void {
  ctx.state.event(EVENT_GENERIC, NAME_DEL, ctx.db, key);
}

/**
 * A key was written whole by the last createValue or createRooted of `shard`: `kind` and `what`
 * after what became of an older value of the key. `type` is the type of the new one.
 */
export function tellStored(
  ctx: CommandContext,
  shard: Shard,
  key: Key,
  type: number,
  kind: number,
  what: Uint8Array,
): void {
  const { state, db } = ctx;
  if (state.eventMask === 0) return;
  tellReplaced(ctx, shard, key, type, db);
  state.event(kind, what, db, key);
}

/** What became of an older value of a key in database `db` that was written whole. */
export function tellReplaced(
  ctx: CommandContext,
  shard: Shard,
  key: Key,
  type: number,
  db: number,
): void {
  const { state } = ctx;
  if (shard.replacedType < 0) return;
  state.event(EVENT_OVERWRITTEN, NAME_OVERWRITTEN, db, key);
  if (shard.replacedType !== type) state.event(EVENT_TYPE_CHANGED, NAME_TYPE_CHANGED, db, key);
}

/**
 * A key was put in the place of another, which Redis deletes before: the new one is told as such
 * even then. To be called before the command's own event.
 */
export function tellPutAnew(ctx: CommandContext, shard: Shard, key: Key, db: number): void {
  if (shard.replacedType >= 0) ctx.state.event(EVENT_NEW, NAME_NEW, db, key);
}

/** A key was given a time of expiry with its value; `expireMs` as for Shard.createString. */
export function tellExpiry(ctx: CommandContext, key: Key, expireMs: number): void {
  if (expireMs > NO_TTL) ctx.state.event(EVENT_GENERIC, NAME_EXPIRE, ctx.db, key);
}
