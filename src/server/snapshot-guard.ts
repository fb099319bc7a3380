/**
 * SnapshotGuard: before a command of one thread runs while a snapshot is written: the entries that
 * it may change are written first. Its shards are held.
 */

import type { KeySpec } from '../commands/spec.ts';
import type { CommandRow } from '../commands/table.ts';
import { KeyIndexes, keyIndexes } from '../commands/table.ts';
import { EMIT_LARGE, EMITTED, SnapshotEmitter } from '../durability/snapshot-emitter.ts';
import type { Key } from '../keyspace/key.ts';
import type { Shard } from '../keyspace/shard.ts';
import type { SharedLayout } from './shared-layout.ts';
import type { ThreadContext } from './thread-context.ts';

/** What a command does to entries. */
const UNKNOWN = 0;
const CHANGES_NOTHING = 1;
const CHANGES_KEYS = 2;
/** The same key in another database, too. */
const CHANGES_DATABASES = 3;
/** Flushes: entries go on living in tables that wait to be freed, where their owner finds them. */
const FLUSHES = 4;
/** Everything at once: it waits for the end of the snapshot. */
const CHANGES_ALL = 5;

const KINDS: ReadonlyMap<string, number> = new Map([
  ['flushall', FLUSHES],
  ['flushdb', FLUSHES],
  // Tables keep their mark of the database that they were.
  ['swapdb', CHANGES_NOTHING],
  ['move', CHANGES_DATABASES],
  ['copy', CHANGES_DATABASES],
  ['debug|reload', CHANGES_ALL],
  // Makes keys that are not there, only.
  ['debug|populate', CHANGES_NOTHING],
]);

/** A list entry of lazy freeing, so that a flush does not have to free at once. */
const DETACHED_BYTES = 68;

/** Whom to wake. */
export interface SnapshotRingers {
  /** The owner of a shard. */
  ringOwner(shard: number): void;
  /** The snapshot thread. */
  ringWriter(): void;
}

export class SnapshotGuard {
  readonly #words: Int32Array;
  readonly #layout: SharedLayout;
  readonly #emitter: SnapshotEmitter;
  readonly #ringers: SnapshotRingers;
  readonly #keys = new KeyIndexes();
  /** By row: what it does, and the specifications of keys that it may change. */
  #kinds: Uint8Array = new Uint8Array(512);
  readonly #specs: (readonly KeySpec[])[] = [];
  #id = -1;

  constructor(layout: SharedLayout, ring: SharedArrayBuffer, ringers: SnapshotRingers) {
    this.#words = layout.words;
    this.#layout = layout;
    this.#emitter = new SnapshotEmitter(ring);
    this.#ringers = ringers;
  }

  /** See WriteGuard.prepare. */
  prepare(row: CommandRow, ctx: ThreadContext): boolean {
    const kind = this.#kindOf(row);
    if (kind === CHANGES_NOTHING || ctx.state.isReadOnly) return true;
    if (row.readsOnly?.(ctx.args) === true) return true;
    this.#followStyle();
    if (kind === FLUSHES) return canDetach(ctx.shards);
    if (kind === CHANGES_ALL) return false;
    if (row.singleKey !== 0) return this.#prepareKey(ctx.at(row.singleKey), ctx.db, ctx.key, kind);
    if (!keyIndexes(this.#specs[row.index]!, ctx.args, this.#keys)) return true;
    let isReady = true;
    for (let i = 0; i < this.#keys.count; i++) {
      const shard = ctx.at2(this.#keys.index[i]!);
      if (!this.#prepareKey(shard, ctx.db, ctx.key2, kind)) isReady = false;
    }
    return isReady;
  }

  /** The same for one key, which is about to be evicted. */
  prepareKey(shard: Shard, db: number, key: Key): boolean {
    this.#followStyle();
    return this.#emitKey(shard, db, key);
  }

  #kindOf(row: CommandRow): number {
    if (row.index >= this.#kinds.length) {
      const grown = new Uint8Array(row.index * 2);
      grown.set(this.#kinds);
      this.#kinds = grown;
    }
    if (this.#kinds[row.index] === UNKNOWN) {
      this.#kinds[row.index] = kindOf(row);
      const { keys } = row.spec;
      const changed = keys.filter(({ flags }) => !flags.includes('RO'));
      // What XREADGROUP changes is no entry of a stream, so that Redis says it reads its keys.
      this.#specs[row.index] = changed.length === 0 ? keys : changed;
    }
    return this.#kinds[row.index]!;
  }

  #followStyle(): void {
    const id = this.#words[this.#layout.snapshotIdWord]!;
    if (id === this.#id) return;
    this.#id = id;
    this.#emitter.setStyle(this.#words[this.#layout.snapshotStyleWord]!);
  }

  #prepareKey(shard: Shard, db: number, key: Key, kind: number): boolean {
    if (kind !== CHANGES_DATABASES) return this.#emitKey(shard, db, key);
    let isReady = true;
    for (let other = 0; other < shard.databases; other++) {
      if (shard.size(other) !== 0 && !this.#emitKey(shard, other, key)) isReady = false;
    }
    return isReady;
  }

  #emitKey(shard: Shard, db: number, key: Key): boolean {
    const ref = shard.dict(db).find(key.buf, key.start, key.end, key.lo, key.hi);
    if (ref === 0 || !shard.isOld(ref)) return true;
    const status = this.#emitter.emitOne(shard, shard.databaseAtFlip(db), ref);
    if (status === EMITTED) {
      this.#ringers.ringWriter();
      return true;
    }
    if (status === EMIT_LARGE) {
      shard.wantEmitted(db, key.lo, key.hi);
      this.#ringers.ringOwner(shard.index);
    }
    return false;
  }
}

function kindOf(row: CommandRow): number {
  const { spec } = row;
  const name = row.isDebug ? `debug|${spec.name}` : (spec.origin ?? row.fullName);
  const known = KINDS.get(name);
  if (known !== undefined) return known;
  const hasKeys = spec.place === 'shard' && spec.shards !== 'none';
  return hasKeys && row.isHeldAsWrite ? CHANGES_KEYS : CHANGES_NOTHING;
}

/** Whether every shard can detach all its databases in O(1). */
function canDetach(shards: readonly Shard[]): boolean {
  for (const { arena, databases } of shards) {
    const blocks: number[] = [];
    while (blocks.length < databases) {
      const block = arena.alloc(DETACHED_BYTES);
      if (block === 0) break;
      blocks.push(block);
    }
    for (const block of blocks) arena.free(block);
    if (blocks.length < databases) return false;
  }
  return true;
}
