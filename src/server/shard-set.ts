/**
 * ShardSet: which shards a command needs, worked out from its keys. One object is reused.
 */
import { scanShardIndex } from '../commands/scan-cursor.ts';
import type { CommandSpec } from '../commands/spec.ts';
import { type CommandRow, KeyIndexes, keyIndexes } from '../commands/table.ts';
import type { ArgView } from '../resp/request-parser.ts';
import type { ShardLocks } from './shard-locks.ts';
import type { ThreadContext } from './thread-context.ts';

export class ShardSet {
  /** Shards in ascending order: [0, count). */
  readonly shards: Int32Array;
  count = 0;
  readonly #marks: Uint8Array;
  readonly #keys = new KeyIndexes();

  constructor(shardCount: number) {
    this.shards = new Int32Array(shardCount);
    this.#marks = new Uint8Array(shardCount);
  }

  clear(): void {
    const marks = this.#marks;
    // For the usual few, a loop; the call of `fill` alone takes longer.
    for (let i = 0; i < marks.length; i++) marks[i] = 0;
  }

  mark(shard: number): void {
    this.#marks[shard] = 1;
  }

  markAll(): void {
    this.#marks.fill(1);
  }

  /** Turns the marks into the list. */
  collect(): void {
    this.count = 0;
    for (let i = 0; i < this.#marks.length; i++) {
      if (this.#marks[i] === 1) this.shards[this.count++] = i;
    }
  }

  /** True when this thread has all of them for itself. */
  areMine(locks: ShardLocks): boolean {
    for (let i = 0; i < this.count; i++) if (!locks.isMine(this.shards[i]!)) return false;
    return true;
  }

  /** Marks what a command needs. `ctx` must have begun with its arguments. O(keys). */
  markCommand(row: CommandRow, args: ArgView, ctx: ThreadContext): void {
    const spec: CommandSpec = row.spec;
    if (spec.place !== 'shard' || spec.shards === 'each' || spec.shards === 'none') return;
    if (spec.shards === 'all' || spec.needsAll?.(args) === true) {
      this.markAll();
    } else if (spec.shards === 'cursor') {
      const { length } = this.shards;
      for (let i = scanShardIndex(args, length); i < length; i++) this.mark(i);
    } else if (row.keysStep !== 0) {
      ctx.keepKeys();
      ctx.lookAtKeys(row.keysFrom, row.keysStep);
      for (let i = row.keysFrom; i < args.count; i += row.keysStep) this.mark(ctx.shardOf(i));
    } else if (keyIndexes(spec.keys, args, this.#keys)) {
      ctx.keepKeys();
      for (let i = 0; i < this.#keys.count; i++) this.mark(ctx.at(this.#keys.index[i]!).index);
    }
  }

  /** Sets the list to what one command needs. */
  ofCommand(row: CommandRow, args: ArgView, ctx: ThreadContext): void {
    this.clear();
    this.markCommand(row, args, ctx);
    this.collect();
  }
}
