import { describe, expect, test } from 'vitest';
import { ALL_COMMANDS } from '../../src/commands/registry.ts';
import { Evictor } from '../../src/keyspace/evictor.ts';
import { touchModeOf } from '../../src/keyspace/thread-state.ts';
import { CLOCK_START_MS, LocalRunner } from '../support/local-runner.ts';
import { type Random, withRandom } from '../support/random.ts';

const POLICIES = ['lru', 'lrm', 'lfu', 'random'].flatMap((how) => [
  `allkeys-${how}`,
  `volatile-${how}`,
]);
POLICIES.push('volatile-ttl');

interface Bench {
  readonly runner: LocalRunner;
  readonly evictor: Evictor;
  /** Keys that were evicted, as told before they went. */
  readonly evicted: string[];
  readonly expired: string[];
}

function benchOf(policy: string, random: Random, shards = 4): Bench {
  const runner = new LocalRunner(ALL_COMMANDS, { shards, databases: 3 });
  const { state } = runner;
  state.limits.maxmemoryPolicy = policy;
  state.policyTouchMode = touchModeOf(policy);
  state.touchMode = state.policyTouchMode;
  const evicted: string[] = [];
  const expired: string[] = [];
  const name = (db: number, buf: Uint8Array, from: number, to: number): string =>
    `${db}:${Buffer.from(buf.slice(from, to)).toString('latin1')}`;
  state.expirySink = {
    keyExpired: (db, buf, from, to) => expired.push(name(db, buf, from, to)),
    keyEvicted: (db, buf, from, to) => evicted.push(name(db, buf, from, to)),
    fieldExpired: () => undefined,
  };
  const evictor = new Evictor(
    runner.shards,
    state,
    () => true,
    () => random.next() / 2 ** 32,
  );
  evictor.setPolicy(policy);
  return { runner, evictor, evicted, expired };
}

/** One key is evicted, as MemoryRoom does it. False when there is none; -1 = nothing this time. */
function step(evictor: Evictor, looks = 1): boolean | -1 {
  let place = evictor.draw();
  if (place < 0) return false;
  if (evictor.isRandom) return evictor.takeRandom(place) ? true : -1;
  for (let i = 0; i < looks && place >= 0; i++) {
    evictor.look(place);
    place = evictor.draw();
  }
  for (let i = evictor.best(0); i >= 0; i = evictor.best(0)) if (evictor.take(i)) return true;
  return -1;
}

/** True when nothing is left to evict. */
function isEmpty(evictor: Evictor): boolean {
  for (let tries = 0; tries < 100; tries++) {
    const done = step(evictor);
    if (done !== -1) return !done;
  }
  return false;
}

/** Evicts until `count` keys have gone; returns the steps it took. */
function evict({ evictor }: Bench, count: number, looks = 1): number {
  let steps = 0;
  for (let left = count; left > 0; steps++) {
    if (steps > 1000 + count * 100) throw new Error('no key is found to evict');
    const done = step(evictor, looks);
    if (done === false) throw new Error(`nothing is left to evict, ${left} missing`);
    if (done === true) left -= 1;
  }
  return steps;
}

const seeded = (body: (random: Random) => void): Promise<void> =>
  withRandom((random) => Promise.resolve(body(random)));

describe('the order of a policy, where all keys are looked at', () => {
  // k0 is made first; then k0 is read last, k1 before it, and so on; k5 is changed after k6 ...
  const NAMES = Array.from({ length: 10 }, (_, i) => `k${i}`);
  const made = NAMES.map((name) => `0:${name}`);
  const reversed = [...made].reverse();

  function fill({ runner }: Bench, ttl: (i: number) => number): void {
    for (const [i, name] of NAMES.entries()) {
      runner.run('SET', name, 'v', 'PX', ttl(i));
      runner.advance(2000);
    }
  }

  test.each([
    ['allkeys-lru', reversed],
    ['volatile-lru', reversed],
    ['allkeys-lrm', made],
    ['volatile-lrm', made],
    ['volatile-ttl', [...made.slice(5), ...made.slice(0, 5)]],
  ])('%s', (policy, order) =>
    seeded((random) => {
      const bench = benchOf(policy, random);
      fill(bench, (i) => (i < 5 ? 9_000_000 : 1_000_000) + i);
      for (const name of [...NAMES].reverse()) {
        expect(bench.runner.run('GET', name)).toBe('$1\r\nv\r\n');
        bench.runner.advance(2000);
      }
      for (const gone of order) {
        evict(bench, 1, 100);
        expect(bench.evicted.at(-1)).toBe(gone);
      }
      expect(isEmpty(bench.evictor)).toBe(true);
      bench.runner.checkInvariants();
    }),
  );

  test.each(['allkeys-lfu', 'volatile-lfu'])('%s: what was used least', (policy) =>
    seeded((random) => {
      const bench = benchOf(policy, random);
      const { runner } = bench;
      runner.state.lfuLogFactor = 0;
      for (const [i, name] of NAMES.entries()) {
        runner.run('SET', name, 'v', 'EX', 10_000);
        for (let reads = 0; reads < 5 * ((i * 7) % 10); reads++) runner.run('GET', name);
      }
      const order = [...NAMES.keys()].sort((a, b) => ((a * 7) % 10) - ((b * 7) % 10));
      for (const i of order) {
        evict(bench, 1, 100);
        expect(bench.evicted.at(-1)).toBe(`0:k${i}`);
      }
    }),
  );

  test('lfu: a count that has decayed', () =>
    seeded((random) => {
      const bench = benchOf('allkeys-lfu', random);
      const { runner } = bench;
      runner.state.lfuLogFactor = 0;
      runner.run('SET', 'old', 'v');
      for (let reads = 0; reads < 20; reads++) runner.run('GET', 'old');
      runner.advance(30 * 60_000);
      runner.run('SET', 'new', 'v');
      expect(runner.run('OBJECT', 'FREQ', 'old')).toBe(':0\r\n');
      expect(runner.run('OBJECT', 'FREQ', 'new')).toBe(':5\r\n');
      evict(bench, 1, 100);
      expect(bench.evicted).toEqual(['0:old']);
    }));

  test('lrm: changes in place count, of every type; reads do not', () =>
    seeded((random) => {
      const bench = benchOf('allkeys-lrm', random);
      const { runner } = bench;
      const changes: readonly (readonly string[])[] = [
        ['SET', 'string', '12'],
        ['APPEND', 'string', '3'],
        ['INCR', 'string'],
        ['SETRANGE', 'string', '0', '9'],
        ['RPUSH', 'list', 'a', 'b'],
        ['LPOP', 'list'],
        ['HSET', 'hash', 'f', 'v', 'g', 'w'],
        ['HDEL', 'hash', 'f'],
        ['SADD', 'set', 'a', 'b'],
        ['SREM', 'set', 'a'],
        ['ZADD', 'zset', '1', 'a', '2', 'b'],
        ['ZINCRBY', 'zset', '1', 'a'],
        ['EXPIRE', 'zset', '100'],
        ['XADD', 'stream', '1', 'f', 'v'],
        ['XDEL', 'stream', '1'],
      ];
      for (const words of changes) {
        const key = words[1]!;
        runner.advance(5000);
        runner.run(...words);
        expect([words, runner.run('OBJECT', 'IDLETIME', key)]).toEqual([words, ':0\r\n']);
        runner.advance(5000);
        for (const read of ['TYPE', 'TTL', 'EXISTS']) runner.run(read, key);
        if (key === 'string') runner.run('GET', key);
        if (key === 'list') runner.run('LRANGE', key, '0', '-1');
        if (key === 'hash') runner.run('HGETALL', key);
        expect(runner.run('OBJECT', 'IDLETIME', key)).toBe(':5\r\n');
      }
    }));
});

test.each(POLICIES)('%s against a model: never a key that may stay', (policy) =>
  seeded((random) => {
    const bench = benchOf(policy, random);
    const { runner, evictor, evicted } = bench;
    const isVolatile = policy.startsWith('volatile');
    /** Whether a key has a TTL, by database and name. */
    const model = new Map<string, boolean>();
    for (let round = 0; round < 1500; round++) {
      runner.db = random.below(3);
      const name = `key:${random.below(300)}`;
      const id = `${runner.db}:${name}`;
      switch (random.below(7)) {
        case 0:
          runner.run('SET', name, 'x'.repeat(random.below(100)));
          model.set(id, false);
          break;
        case 1:
          runner.run('SET', name, 'v', 'EX', 1_000_000 + random.below(1000));
          model.set(id, true);
          break;
        case 2:
          runner.run('DEL', name);
          runner.run('RPUSH', name, ...Array.from({ length: 1 + random.below(300) }, String));
          model.set(id, false);
          break;
        case 3:
          if (runner.run('PERSIST', name) === ':1\r\n') model.set(id, false);
          break;
        case 4:
          if (runner.run('EXPIRE', name, 1_000_000) === ':1\r\n') model.set(id, true);
          break;
        default:
          for (let n = random.below(4); n > 0; n--) {
            if (step(evictor) !== true) continue;
            const gone = evicted.at(-1)!;
            expect(model.has(gone)).toBe(true);
            if (isVolatile) expect([gone, model.get(gone)]).toEqual([gone, true]);
            model.delete(gone);
          }
      }
      runner.advance(random.below(3000));
    }
    runner.checkInvariants();
    expect(runner.state.evictedKeys).toBe(evicted.length);
    const left = [...model.values()].filter((hasTtl) => !isVolatile || hasTtl).length;
    evict(bench, left);
    expect(evictor.recount()).toBe(0);
    expect(isEmpty(evictor)).toBe(true);
    let keys = 0;
    for (const shard of runner.shards) for (let db = 0; db < 3; db++) keys += shard.size(db);
    expect(keys).toBe(isVolatile ? model.size - left : 0);
    runner.checkInvariants();
  }),
);

test('noeviction evicts nothing', () =>
  seeded((random) => {
    const bench = benchOf('noeviction', random);
    bench.runner.run('SET', 'a', '1', 'EX', 100);
    expect(isEmpty(bench.evictor)).toBe(true);
    expect(bench.evictor.isOn).toBe(false);
  }));

test.each(['volatile-lru', 'volatile-random', 'volatile-ttl'])(
  '%s finds the few keys with a TTL among many without, and behind hints that are stale',
  (policy) =>
    seeded((random) => {
      const bench = benchOf(policy, random);
      const { runner } = bench;
      for (let i = 0; i < 8000; i++) runner.run('SET', `key:${i}`, 'v', 'EX', 1_000_000 + i);
      for (let i = 0; i < 8000; i++) if (i % 1000 !== 0) runner.run('PERSIST', `key:${i}`);
      // Each look takes at most 16 of some 50 hints a shard, and puts them right.
      expect(evict(bench, 8)).toBeLessThan(200);
      const gone = [0, 1, 2, 3, 4, 5, 6, 7].map((i) => `0:key:${i * 1000}`);
      expect([...bench.evicted].sort()).toEqual(gone);
      runner.checkInvariants();
      expect(isEmpty(bench.evictor)).toBe(true);
    }),
);

test('what has expired goes first, and counts as expired', () =>
  seeded((random) => {
    const bench = benchOf('allkeys-lru', random);
    const { runner, evictor } = bench;
    runner.run('SET', 'idle', 'v');
    runner.advance(1000);
    runner.run('SET', 'dead', 'v', 'PX', 10);
    runner.advance(2000);
    expect(step(evictor, 100)).toBe(true);
    expect(bench.expired).toEqual(['0:dead']);
    expect([runner.state.expiredKeys, runner.state.evictedKeys]).toEqual([1, 0]);
    expect(step(evictor, 100)).toBe(true);
    expect(bench.evicted).toEqual(['0:idle']);
  }));

test('a candidate that is used, deleted, moved or changed meanwhile stays', () =>
  seeded((random) => {
    for (const words of [
      ['GET', 'a'],
      ['DEL', 'a'],
      ['SET', 'a', 'x'.repeat(500)],
      ['MOVE', 'a', '1'],
      ['RENAME', 'a', 'b'],
      ['FLUSHDB'],
      ['SWAPDB', '0', '1'],
      ['PERSIST', 'a'],
    ]) {
      const bench = benchOf('volatile-lru', random);
      const { runner, evictor } = bench;
      runner.run('SET', 'a', 'v', 'EX', 1000);
      runner.advance(5000);
      for (let i = 0; i < 20; i++) evictor.look(evictor.draw());
      expect(evictor.best(0)).toBeGreaterThanOrEqual(0);
      expect(evictor.best(1 << evictor.best(0))).toBe(-1);
      runner.run(...words);
      expect([words, evictor.take(evictor.best(0))]).toEqual([words, false]);
      expect(evictor.best(0)).toBe(-1);
      runner.checkInvariants();
    }
  }));

test('a watched key that is evicted was touched', () =>
  seeded((random) => {
    const bench = benchOf('allkeys-random', random);
    const { runner } = bench;
    runner.run('SET', 'a', '1');
    runner.run('WATCH', 'a');
    const { shard, db, lo, hi, version } = runner.watched[0]!;
    expect(runner.shards[shard]!.watch.version(db, lo, hi)).toBe(version);
    evict(bench, 1);
    expect(runner.shards[shard]!.watch.version(db, lo, hi)).not.toBe(version);
  }));

test('what may not go now stays', () =>
  seeded((random) => {
    const bench = benchOf('allkeys-lru', random);
    const { runner } = bench;
    runner.run('SET', 'a', '1');
    runner.run('SET', 'b', '1');
    const asked: string[] = [];
    const evictor = new Evictor(runner.shards, runner.state, (_shard, _db, key) => {
      const name = Buffer.from(key.buf.slice(key.start, key.end)).toString('latin1');
      asked.push(name);
      return name === 'b';
    });
    evictor.setPolicy('allkeys-lru');
    for (let i = 0; i < 50; i++) step(evictor);
    expect(new Set(asked)).toEqual(new Set(['a', 'b']));
    expect(bench.evicted).toEqual(['0:b']);
    expect(runner.run('GET', 'a')).toBe('$1\r\n1\r\n');
  }));

test('clocks of threads that differ do not make a new key the oldest one', () =>
  seeded((random) => {
    const bench = benchOf('allkeys-lru', random);
    const { runner } = bench;
    runner.run('SET', 'old', 'v');
    runner.advance(10_000);
    runner.run('SET', 'new', 'v');
    runner.state.setTime(CLOCK_START_MS + 8000);
    expect(runner.run('OBJECT', 'IDLETIME', 'new')).toBe(':0\r\n');
    evict(bench, 1, 100);
    expect(bench.evicted).toEqual(['0:old']);
  }));

/** Keys in the order of their idle time; `evicted` of them went in that order. */
describe('quality beside an exact policy and beside Redis (a pool of 16, 5 samples)', () => {
  const KEYS = 4000;
  const EVICTED = 2000;

  /** Redis's way, over exact idle times: the keys that go. */
  function redisWay(idle: readonly number[], random: Random): number[] {
    const alive = [...idle.keys()];
    const gone: number[] = [];
    const isGone = new Uint8Array(idle.length);
    let pool: number[] = [];
    while (gone.length < EVICTED) {
      for (let i = 0; i < 5; i++) {
        const drawn = alive[random.below(alive.length)]!;
        if (isGone[drawn] === 0 && !pool.includes(drawn)) pool.push(drawn);
      }
      pool = pool.sort((a, b) => idle[b]! - idle[a]!).slice(0, 16);
      const best = pool.shift();
      if (best === undefined) continue;
      isGone[best] = 1;
      gone.push(best);
      alive.splice(alive.indexOf(best), 1);
    }
    return gone;
  }

  const inOldestHalf = (gone: readonly number[]): number =>
    gone.filter((i) => i < EVICTED).length / gone.length;

  test.each(['allkeys-lru', 'volatile-lru', 'volatile-ttl'])('%s', (policy) =>
    seeded((random) => {
      const bench = benchOf(policy, random, 8);
      const { runner } = bench;
      for (let i = 0; i < KEYS; i++) {
        runner.run('SET', String(i), 'v', 'EX', 100_000 + i * 10);
        runner.advance(1000);
      }
      evict(bench, EVICTED);
      const ours = inOldestHalf(bench.evicted.map((name) => Number(name.slice(2))));
      const idle = Array.from({ length: KEYS }, (_, i) => KEYS - i);
      expect(ours).toBeGreaterThan(0.85);
      expect(ours).toBeGreaterThan(inOldestHalf(redisWay(idle, random)) - 0.03);
    }),
  );

  test('shards lose keys in proportion to what they have', () =>
    seeded((random) => {
      const bench = benchOf('allkeys-random', random, 4);
      const { runner } = bench;
      // Three quarters of the keys in one shard.
      let inFirst = 0;
      for (let i = 0, left = 4000; left > 0; i++) {
        runner.context.locate(Buffer.from(String(i)), 0, String(i).length);
        const isFirst = runner.context.key2.shardIndex === 0;
        if (isFirst ? inFirst === 3000 : left <= 3000 - inFirst) continue;
        runner.run('SET', String(i), 'v');
        if (isFirst) inFirst += 1;
        left -= 1;
      }
      evict(bench, 2000);
      const left = runner.shards.map((shard) => shard.size(0));
      expect(Math.abs(left[0]! - 1500)).toBeLessThan(200);
    }));

  test('hit rate of a skewed load at the limit', () =>
    seeded((random) => {
      const bench = benchOf('allkeys-lru', random, 8);
      const { runner } = bench;
      const capacity = 500;
      let size = 0;
      // Exact LRU beside it: a Map in the order of use.
      const exact = new Map<number, true>();
      let hits = 0;
      let exactHits = 0;
      for (let i = 0; i < 20_000; i++) {
        const key = Math.floor(5000 * (random.next() / 2 ** 32) ** 3);
        runner.advance(1000);
        if (runner.run('GET', String(key)) !== '$-1\r\n') hits += 1;
        else {
          runner.run('SET', String(key), 'v');
          if (++size > capacity) {
            evict(bench, 1);
            size -= 1;
          }
        }
        if (exact.delete(key)) exactHits += 1;
        exact.set(key, true);
        if (exact.size > capacity) exact.delete(exact.keys().next().value!);
      }
      expect(hits).toBeGreaterThan(exactHits * 0.93);
    }));
});
