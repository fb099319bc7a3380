import { describe, expect, it } from 'vitest';
import { ALL_COMMANDS } from '../../src/commands/registry.ts';
import { Defragmenter } from '../../src/keyspace/defragmenter.ts';
import { keyspaceDigest } from '../../src/keyspace/digest.ts';
import { randomCommand } from '../fuzz/diff-commands.ts';
import { decodeReply } from '../support/decode-reply.ts';
import { LocalRunner } from '../support/local-runner.ts';
import { type Random, withRandom } from '../support/random.ts';
import { allStreams } from '../support/stream-facts.ts';

const DATABASES = 3;
/** What these answer or do is drawn at random, or depends on where blocks are. */
const UNEQUAL = new Set([
  ...['SPOP', 'SRANDMEMBER', 'HRANDFIELD', 'ZRANDMEMBER', 'RANDOMKEY', 'MEMORY', 'DEBUG'],
  'OBJECT',
]);

function digestOf(runner: LocalRunner): string {
  return Buffer.from(keyspaceDigest(runner.shards, DATABASES)).toString('hex');
}

function defragment(runner: LocalRunner): Defragmenter[] {
  return runner.shards.map((shard) => {
    const defragmenter = new Defragmenter(shard);
    while (!defragmenter.step());
    return defragmenter;
  });
}

function held(runner: LocalRunner): number {
  return runner.shards.reduce((sum, { arena }) => sum + arena.heldBytes(), 0);
}

function used(runner: LocalRunner): number {
  return runner.shards.reduce((sum, { arena }) => sum + arena.usedBytes(), 0);
}

const text = (random: Random, length: number) =>
  String.fromCharCode(97 + random.below(26)).repeat(length);

/** Adds entries to a stream, of which a group reads some. */
function fillStream(
  run: (...words: string[]) => void,
  key: string,
  names: readonly string[],
): void {
  for (const name of names) run('XADD', key, '*', 'field', name);
  for (const name of names.slice(0, 4)) {
    run('XADD', key, 'IDMP', 'producer', name, '*', 'field', name);
  }
  run('XGROUP', 'CREATE', key, 'group', '0');
  const count = String(1 + (names.length >>> 1));
  run('XREADGROUP', 'GROUP', 'group', names[0]!, 'COUNT', count, 'STREAMS', key, '>');
  run('XREADGROUP', 'GROUP', 'group', names[0]!, 'CLAIM', '1', 'STREAMS', key, '>');
}

/** Makes or grows keys of all types, with elements of `length` or fewer bytes. */
function fill(run: (...words: string[]) => void, random: Random, keys: number, length: number) {
  for (let i = 0; i < keys; i++) {
    const n = random.below(1 << random.below(8));
    const id = random.below(100_000);
    const elements = Array.from({ length: n + 1 }, () => text(random, 1 + random.below(length)));
    const names = elements.map((element, at) => `${element}${at}`);
    const pairs = names.flatMap((name, at) => [name, elements[at]!]);
    switch (random.below(7)) {
      case 5:
        fillStream(run, `x${id}`, names);
        break;
      case 0:
        run('SET', `s${id}`, text(random, 10 + random.below(4096)));
        break;
      case 1:
        run('SET', `s${id}`, text(random, 10 + random.below(300)), 'PX', '1000000');
        break;
      case 2:
        run('RPUSH', `l${id}`, ...elements);
        break;
      case 3:
        run('SADD', `t${id}`, ...names);
        break;
      case 4:
        run('HSET', `h${id}`, ...pairs);
        if (n > 0) run('HPEXPIRE', `h${id}`, '1000000', 'FIELDS', '1', names[0]!);
        break;
      default:
        run('ZADD', `z${id}`, ...names.flatMap((name, at) => [String(at % 17), name]));
    }
  }
}

/** Keys of a runner by SCAN, over all shards. */
function keysOf(runner: LocalRunner): string[] {
  const names: string[] = [];
  for (const shard of runner.shards) {
    const dict = shard.dict(0);
    for (let unit = 0; unit < dict.unitCount; unit++) {
      dict.visitUnit(unit, (ref) => {
        const at = shard.keyOffset(ref);
        const bytes = shard.u8.subarray(at, at + shard.keyLength(ref));
        names.push(Buffer.from(bytes).toString('latin1'));
      });
    }
  }
  return names.sort();
}

describe('a shrunken data set of mixed sizes', () => {
  it('holds at most 1.3 times its live bytes after a pass, and is the same', async () => {
    await withRandom(async (random) => {
      const runner = new LocalRunner(ALL_COMMANDS, { shards: 1, databases: DATABASES });
      fill((...words) => runner.run(...words), random, 7000, 60);
      for (let i = 0; i < 8000; i++) runner.run('SET', `string:${i}`, text(random, (i * 7) % 4096));
      const large = Array.from({ length: 8000 }, (_, i) => `${i}:${text(random, i % 90)}`);
      for (let at = 0; at < large.length; at += 100) {
        const part = large.slice(at, at + 100);
        for (const name of ['big1', 'big2']) {
          runner.run('SADD', `${name}set`, ...part);
          runner.run('RPUSH', `${name}list`, ...part);
          runner.run('HSET', `${name}hash`, ...part.flatMap((field) => [field, 'v']));
          runner.run('ZADD', `${name}zset`, ...part.flatMap((m, i) => [String(i), m]));
          fillStream((...words) => runner.run(...words), `${name}stream`, part);
        }
      }
      for (const name of keysOf(runner)) {
        if (!name.startsWith('big') && random.below(4) !== 0) runner.run('DEL', name);
      }
      for (const [command, type] of [['SREM', 'set'] as const, ['HDEL', 'hash'] as const]) {
        runner.run(command, `big1${type}`, ...large.filter((_, i) => i % 4 !== 0));
      }
      runner.run('ZREM', 'big1zset', ...large.filter((_, i) => i % 4 !== 0));
      const ids = (
        decodeReply(runner.run('XRANGE', 'big1stream', '-', '+')) as [string, unknown][]
      ).map(([id]) => id);
      const gone = ids.filter((_, i) => i % 256 >= 64);
      runner.run('XDEL', 'big1stream', ...gone);
      runner.run('XACK', 'big1stream', 'group', ...ids.filter((_, i) => i % 4 !== 0));
      runner.run('DEL', 'big2set', 'big2list', 'big2hash', 'big2zset', 'big2stream');
      for (const shard of runner.shards) while (!shard.lazy.step(1000));
      const digest = digestOf(runner);
      const streams = allStreams(runner);
      const usedBytes = used(runner);
      expect(held(runner)).toBeGreaterThan(usedBytes * 1.5);
      const passes = defragment(runner);
      expect(held(runner)).toBeLessThan(usedBytes * 1.3);
      expect(used(runner)).toBe(usedBytes);
      expect(digestOf(runner)).toBe(digest);
      expect(allStreams(runner)).toEqual(streams);
      runner.checkInvariants();
      expect(passes.reduce((sum, { hits }) => sum + hits, 0)).toBeGreaterThan(1000);
      // Nothing is left to do: no block moves any more.
      for (const { hits } of defragment(runner)) expect(hits).toBeLessThan(100);
    });
  });

  it('of one size each: 25 % of the blocks of each class fit into a quarter of the slabs', () => {
    for (const bytes of [1, 200, 3900, 9000, 16_000]) {
      const runner = new LocalRunner(ALL_COMMANDS, { shards: 1, databases: 1 });
      const count = Math.min(20_000, Math.ceil(4_000_000 / (bytes + 40)));
      for (let i = 0; i < count; i++) runner.run('SET', `key:${i}`, 'x'.repeat(bytes));
      for (let i = 0; i < count; i++) if (i % 4 !== 0) runner.run('DEL', `key:${i}`);
      expect(held(runner)).toBeGreaterThan(used(runner) * 2);
      defragment(runner);
      expect(held(runner)).toBeLessThan(used(runner) * 1.15 + 32 * 4096);
      runner.checkInvariants();
    }
  });
});

describe('steps between commands', () => {
  it('change no reply and no value, whatever runs in between', async () => {
    await withRandom(async (random) => {
      const options = { shards: 1, databases: DATABASES, arenaBytes: 1 << 26 };
      const runner = new LocalRunner(ALL_COMMANDS, options);
      const twin = new LocalRunner(ALL_COMMANDS, options);
      const defragmenter = new Defragmenter(runner.shards[0]!);
      defragmenter.elementsMax = 20;
      const run = (...words: string[]) => {
        if (UNEQUAL.has(words[0]!.toUpperCase())) return;
        const reply = runner.run(...words);
        const expected = twin.run(...words);
        if (reply !== expected) expect(reply, JSON.stringify(words)).toBe(expected);
      };
      let passes = 0;
      for (let round = 0; round < 12; round++) {
        setLimits(runner, random);
        Object.assign(twin.state.limits, runner.state.limits);
        fill(run, random, round % 4 === 0 ? 600 : 40, 10);
        for (const name of keysOf(runner)) {
          if (random.below(8) < (round % 4 === 0 ? 6 : 1)) run('DEL', name);
        }
        for (let i = 0; i < 150; i++) {
          const families = ['string', 'generic', 'list', 'hash', 'set', 'zset', 'stream'] as const;
          const command = randomCommand(random, families);
          // In some rounds only: after it, there is nothing to move for the rest of a round.
          if (command[0] !== 'FLUSHDB' || round % 4 === 3) run(...command);
          for (let n = random.below(4); n > 0; n--) if (defragmenter.step()) passes += 1;
          if (random.oneIn(12)) runner.checkInvariants();
        }
        if (random.oneIn(8)) run('SWAPDB', '0', '1');
        if (random.oneIn(20)) run('FLUSHDB');
        for (let i = random.below(60); i > 0; i--) {
          const { hits } = defragmenter;
          if (defragmenter.step()) passes += 1;
          if (defragmenter.hits !== hits) runner.checkInvariants();
        }
        runner.shards[0]!.lazy.step(1000);
        twin.shards[0]!.lazy.step(1000);
        expect(digestOf(runner)).toBe(digestOf(twin));
        expect(allStreams(runner)).toEqual(allStreams(twin));
      }
      expect(passes).toBeGreaterThan(3);
      expect(defragmenter.hits).toBeGreaterThan(50);
      runner.checkInvariants();
    });
  });
});

/** Small limits, so that few elements make large values. */
function setLimits(runner: LocalRunner, random: Random): void {
  const { limits } = runner.state;
  limits.hashMaxListpackEntries = random.pick([4, 16, 128]);
  limits.setMaxListpackEntries = random.pick([4, 16, 128]);
  limits.setMaxIntsetEntries = random.pick([4, 64]);
  limits.zsetMaxListpackEntries = random.pick([4, 16, 128]);
  limits.listMaxListpackSize = random.pick([-1, -2, 3, 16]);
}
