/**
 * Long reads that two workers do together, on one thread: the second one helps whenever the first
 * has met a member, so what is run where is the same in every run.
 */
import { beforeEach, describe, expect, test } from 'vitest';
import { HalfSipHash } from '../../src/base/half-sip-hash.ts';
import { SET_COMMANDS } from '../../src/commands/set.ts';
import { ZSET_COMMANDS } from '../../src/commands/zset.ts';
import { Shard } from '../../src/keyspace/shard.ts';
import { ThreadState } from '../../src/keyspace/thread-state.ts';
import { Arena } from '../../src/memory/arena.ts';
import { ERRORS } from '../../src/resp/errors.ts';
import { ParallelRuns } from '../../src/server/parallel-runs.ts';
import { Spill } from '../../src/server/spill.ts';
import { JOB_BOARD_WORDS, JobBoard } from '../../src/sync/job-board.ts';
import { decodeReply } from '../support/decode-reply.ts';
import { type Argument, LocalRunner } from '../support/local-runner.ts';

const SPILL_LOCK = JOB_BOARD_WORDS;
const MEMBERS = 40_000;
const HASH_KEY = [0x01234567, 0x89abcdef] as const;

/** How often the helper is asked, in members met by the owner. */
let helpEvery = 1000;
let helped = 0;

interface Pair {
  readonly runner: LocalRunner;
  readonly alone: LocalRunner;
  readonly board: JobBoard;
  readonly spill: Spill;
  readonly spillArena: Arena;
}

/** A runner whose long reads get help from a second worker, and one beside it that works alone. */
function newPair(spillBytes: number): Pair {
  const specs = [...SET_COMMANDS, ...ZSET_COMMANDS];
  const runner = new LocalRunner(specs);
  const words = new Int32Array(new SharedArrayBuffer(64));
  const board = new JobBoard(words, 0);
  const spillArena = Arena.create(spillBytes, 64);
  const spill = new Spill(spillArena.buffer, words, SPILL_LOCK);
  const hasher = new HalfSipHash(HASH_KEY[0], HASH_KEY[1]);
  const state = new ThreadState();
  const views = runner.shards.map(
    ({ arena }, i) => new Shard(i, Arena.attach(arena.buffer), hasher, state),
  );
  const helper = new ParallelRuns(views, board, spill, () => undefined);
  const owner = new ParallelRuns(runner.shards, board, spill, () => {
    if (helper.help()) helped += 1;
  });
  runner.context.host.inParallel = (work, wants, visit) => {
    let met = 0;
    return owner.run(work, wants, (buf, from, to, score) => {
      met += 1;
      if (met % helpEvery === 0 && helper.help()) helped += 1;
      return visit(buf, from, to, score);
    });
  };
  return { runner, alone: new LocalRunner(specs), board, spill, spillArena };
}

function sorted(reply: string): unknown {
  const decoded = decodeReply(reply);
  return Array.isArray(decoded) ? [...decoded].sort() : decoded;
}

/** Both reply the same, members in any order; true when there was help. */
function same({ runner, alone, spillArena }: Pair, ...words: readonly Argument[]): boolean {
  const before = helped;
  expect(sorted(runner.run(...words))).toEqual(sorted(alone.run(...words)));
  expect(spillArena.usedBytes()).toBe(0);
  return helped > before;
}

function add({ runner, alone }: Pair, key: string, members: readonly Argument[]): void {
  for (const one of [runner, alone]) one.run('SADD', key, ...members);
}

/** Hashtables of names and of integers over several shards, small sets, and a missing one. */
function fill(pair: Pair, suffix = ''): void {
  const names = Array.from({ length: MEMBERS }, (_, i) => `member:${i}${suffix}`);
  add(pair, 'a', names);
  add(pair, 'b', names.slice(MEMBERS / 2));
  add(pair, 'c', [...names.slice(MEMBERS / 3), ...Array.from({ length: 5000 }, (_, i) => i)]);
  add(pair, 'pack', [names[0]!, names[MEMBERS - 1]!, 'x']);
  add(pair, 'ints', [1, 2, 3, 70_000]);
}

/** Both reply the same bytes; true when there was help. */
function sameOrder({ runner, alone, spillArena }: Pair, ...words: readonly Argument[]): boolean {
  const before = helped;
  expect(runner.run(...words) === alone.run(...words)).toBe(true);
  expect(spillArena.usedBytes()).toBe(0);
  return helped > before;
}

/** Large sorted sets; a set in place of one of them is put back, too. */
function fillScored({ runner, alone }: Pair): void {
  for (const one of [runner, alone]) {
    const members = Array.from({ length: MEMBERS }, (_, i) => [(i * 7) % 1000, `member:${i}`]);
    one.run('ZREMRANGEBYRANK', 'z', 0, -1);
    one.run('ZREMRANGEBYRANK', 'y', 0, -1);
    one.run('ZADD', 'z', ...members.flat());
    one.run('ZADD', 'y', ...members.slice(MEMBERS / 2).flat(), 'inf', 'first', '-0.1', 'last');
  }
}

const KEYS = ['a', 'b', 'c', 'pack', 'none', 'ints'];

beforeEach(() => {
  helpEvery = 1000;
  helped = 0;
});

describe.each([['INTER'], ['UNION'], ['DIFF']])('S%s', (operation) => {
  test('replied, counted and stored', () => {
    const pair = newPair(1 << 24);
    fill(pair);
    for (const keys of [['c', 'a', 'b'], ['a', 'a'], KEYS]) {
      const isHelped = same(pair, `S${operation}`, ...keys);
      expect(isHelped).toBe(operation !== 'INTER' || keys !== KEYS);
      same(pair, `S${operation}CARD`, keys.length, ...keys);
      for (const limit of [1, 999, 5000, MEMBERS]) {
        same(pair, `S${operation}CARD`, keys.length, ...keys, 'LIMIT', limit);
      }
      for (const destination of ['new', keys[0]!]) {
        same(pair, `S${operation}STORE`, destination, ...keys);
        same(pair, 'SMEMBERS', destination);
      }
      pair.runner.checkInvariants();
      fill(pair);
    }
  });
});

describe.each([['INTER'], ['UNION'], ['DIFF']])('Z%s', (operation) => {
  test('replied, counted and stored', () => {
    const pair = newPair(1 << 24);
    fill(pair);
    fillScored(pair);
    for (const keys of [
      ['z', 'y', 'b'],
      ['a', 'z'],
      ['y', 'pack', 'none', 'z'],
    ]) {
      const isHelped = sameOrder(pair, `Z${operation}`, keys.length, ...keys, 'WITHSCORES');
      expect(isHelped).toBe(operation !== 'INTER' || !keys.includes('none'));
      if (operation === 'INTER') {
        for (const limit of [0, 1, 9999, MEMBERS]) {
          sameOrder(pair, 'ZINTERCARD', keys.length, ...keys, 'LIMIT', limit);
        }
      }
      const weights = [2, '-inf', 0.5, '1e300'].slice(0, keys.length);
      const isWeighted = operation !== 'DIFF' && keys.length === 3;
      for (const aggregate of isWeighted ? ['SUM', 'MIN', 'MAX', 'COUNT'] : []) {
        const options = ['WEIGHTS', ...weights, 'AGGREGATE', aggregate, 'WITHSCORES'];
        sameOrder(pair, `Z${operation}`, keys.length, ...keys, ...options);
      }
      for (const destination of ['new', keys[0]!]) {
        sameOrder(pair, `Z${operation}STORE`, destination, keys.length, ...keys);
        sameOrder(pair, 'ZRANGE', destination, 0, -1, 'WITHSCORES');
        fillScored(pair);
      }
      pair.runner.checkInvariants();
    }
  });
});

test('spill memory that has no room for the job', () => {
  const pair = newPair(1 << 24);
  fill(pair);
  const taken = pair.spill.take((1 << 23) + (1 << 22));
  expect(taken).not.toBe(0);
  const { runner, alone } = pair;
  expect(sorted(runner.run('SUNION', 'a', 'b'))).toEqual(sorted(alone.run('SUNION', 'a', 'b')));
  expect(helped).toBe(0);
  pair.spill.free(taken);
  expect(same(pair, 'SUNION', 'a', 'b')).toBe(true);
});

test('spill memory that has no room for outputs', () => {
  const pair = newPair(1 << 18);
  fill(pair, 'y'.repeat(300));
  helpEvery = 1;
  const { runner, alone, spillArena } = pair;
  const words = ['SUNIONSTORE', 'd', 'b', 'a'] as const;
  expect(runner.run(...words)).toBe(alone.run(...words));
  expect(helped).toBe(1);
  expect(spillArena.usedBytes()).toBe(0);
  same(pair, 'SMEMBERS', 'd');
});

test('members too long for an output', () => {
  const pair = newPair(1 << 24);
  const members = Array.from({ length: 30 }, (_, i) => `${i}${'z'.repeat(300_000)}`);
  fill(pair);
  add(pair, 'long', members);
  same(pair, 'SUNION', 'a', 'b', 'long');
  same(pair, 'SUNION', 'long', 'a', 'b');
  same(pair, 'SUNIONSTORE', 'd', 'b', 'a', 'long', 'b');
  same(pair, 'SCARD', 'd');
});

test('a board that another worker has', () => {
  const pair = newPair(1 << 24);
  fill(pair);
  expect(pair.board.tryTake()).toBe(true);
  expect(same(pair, 'SUNION', 'a', 'b')).toBe(false);
  pair.board.release();
  expect(same(pair, 'SUNION', 'a', 'b')).toBe(true);
});

test('a result that the arena has no room for', () => {
  const pair = newPair(1 << 24);
  fill(pair);
  const { runner } = pair;
  const full = runner.shards.map(({ arena }) => {
    const blocks: number[] = [];
    for (let bytes = 1 << 20; bytes >= 8; bytes >>>= 1) {
      for (let ref = arena.alloc(bytes); ref !== 0; ref = arena.alloc(bytes)) blocks.push(ref);
    }
    return blocks;
  });
  expect(runner.run('SUNIONSTORE', 'd', 'a', 'b', 'c')).toMatch(/^-OOM /);
  expect(pair.spillArena.usedBytes()).toBe(0);
  for (const [i, blocks] of full.entries()) {
    for (const ref of blocks) runner.shards[i]!.arena.free(ref);
  }
  same(pair, 'SUNIONSTORE', 'd', 'a', 'b', 'c');
});

test('a reply that becomes too large gives everything back', () => {
  for (const helps of [1, 1000, 30_000]) {
    const pair = newPair(1 << 24);
    fill(pair);
    helpEvery = helps;
    const { runner } = pair;
    runner.reply.readBytesMax = 200_000;
    expect(runner.run('SUNION', 'a', 'c')).toBe(`-${ERRORS.REPLY_TOO_LARGE}\r\n`);
    expect(pair.spillArena.usedBytes()).toBe(0);
    runner.reply.readBytesMax = Number.POSITIVE_INFINITY;
    same(pair, 'SUNION', 'a', 'c');
  }
});
