/**
 * Runs shard commands on one thread, without sockets or workers: a command table over a few shards
 * with a virtual clock. Command tables use it; the same tables run against whole servers too.
 */

import { HalfSipHash } from '../../src/base/half-sip-hash.ts';
import type { CommandSpec } from '../../src/commands/spec.ts';
import { ESCALATE } from '../../src/commands/spec.ts';
import { CommandTable } from '../../src/commands/table.ts';
import { shardHeaderBytes } from '../../src/keyspace/entry-blocks.ts';
import type { Key } from '../../src/keyspace/key.ts';
import { Shard } from '../../src/keyspace/shard.ts';
import { ThreadState } from '../../src/keyspace/thread-state.ts';
import { Arena } from '../../src/memory/arena.ts';
import { wrongArity } from '../../src/resp/errors.ts';
import { ReplyWriter } from '../../src/resp/reply-writer.ts';
import { ArgView } from '../../src/resp/request-parser.ts';
import { ThreadContext, visitHeld } from '../../src/server/thread-context.ts';

export type Argument = string | number | Uint8Array;

export interface LocalRunnerOptions {
  readonly shards?: number;
  readonly databases?: number;
  readonly arenaBytes?: number;
  /**
   * Units above which handlers escalate first (then they run without a limit), as on an I/O thread.
   */
  readonly workMax?: number;
}

/** Start of the virtual clock: a round date in 2027. */
export const CLOCK_START_MS = 1_800_000_000_000;

export class LocalRunner {
  readonly table: CommandTable;
  readonly state = new ThreadState();
  readonly reply = new ReplyWriter();
  readonly context: ThreadContext;
  readonly shards: Shard[] = [];
  readonly watched: { shard: number; db: number; lo: number; hi: number; version: number }[] = [];
  /** How often a handler escalated. */
  escalations = 0;
  /** Bytes of replies beyond which the client is closed, and how often it was to be. */
  outputMax = Number.POSITIVE_INFINITY;
  cutOffs = 0;
  db = 0;
  readonly #workMax: number;

  constructor(specs: readonly CommandSpec[], options: LocalRunnerOptions = {}) {
    const databases = options.databases ?? 16;
    const hasher = new HalfSipHash(0x01234567, 0x89abcdef);
    this.table = new CommandTable(specs);
    this.state.setTime(CLOCK_START_MS);
    for (let i = 0; i < (options.shards ?? 4); i++) {
      const arena = Arena.create(options.arenaBytes ?? 1 << 28, shardHeaderBytes(databases));
      Shard.format(arena, databases);
      this.shards.push(new Shard(i, arena, hasher, this.state));
    }
    this.state.limits.databases = databases;
    this.context = new ThreadContext(this.shards, hasher, this.state, this.reply, {
      visitShards: (visit, from) => visitHeld(this.shards, visit, from),
      noteWatch: (shard: Shard, db: number, key: Key, version: number) => {
        this.watched.push({ shard: shard.index, db, lo: key.lo, hi: key.hi, version });
      },
      beginBuild: () => undefined,
      endBuild: () => undefined,
      inParallel: () => false,
      sleep: () => undefined,
      block: () => undefined,
      client: () => ({ io: 0, conn: 0, generation: 0, tracksReads: false }),
      output: {
        max: () => this.outputMax,
        exceeded: () => {
          this.cutOffs += 1;
        },
      },
    });
    this.#workMax = options.workMax ?? Number.POSITIVE_INFINITY;
  }

  /** Moves the virtual clock on. */
  advance(ms: number): void {
    this.state.setTime(this.state.nowMs + ms);
  }

  /** Runs one command and returns the reply's bytes as latin1 text. */
  run(...words: readonly Argument[]): string {
    const args = argView(words);
    this.reply.clear();
    let row = this.table.find(args.buf, args.offset[0]!, args.end(0));
    if (row === null) throw new Error(`no command ${String(words[0])} in this table`);
    if (row.subcommands !== null && args.count > 1) {
      row = row.subcommands.find(args.buf, args.offset[1]!, args.end(1)) ?? row;
    }
    if (!row.acceptsCount(args.count)) {
      this.reply.error(wrongArity(row.fullName));
    } else {
      this.context.begin(args, this.db);
      this.context.workMax = this.#workMax;
      if (this.context.run(row) === ESCALATE) {
        this.escalations += 1;
        if (this.reply.length !== 0) throw new Error('a handler escalated after it had replied');
        this.context.workMax = Number.POSITIVE_INFINITY;
        this.context.begin(args, this.db);
        this.context.run(row);
      }
    }
    return Buffer.from(this.reply.buf.subarray(0, this.reply.length)).toString('latin1');
  }

  /** Checks every invariant of every shard. */
  checkInvariants(): void {
    for (const shard of this.shards) shard.checkInvariants();
  }
}

/** Arguments as a parser would deliver them, at odd offsets of one buffer. */
export function argView(words: readonly Argument[]): ArgView {
  const parts = words.map((word) =>
    word instanceof Uint8Array ? Buffer.from(word) : Buffer.from(String(word), 'latin1'),
  );
  const args = new ArgView();
  args.buf = new Uint8Array(parts.reduce((sum, part) => sum + part.length + 3, 3));
  let at = 3;
  for (const part of parts) {
    args.buf.set(part, at);
    args.push(at, part.length);
    at += part.length + 3;
  }
  return args;
}
