/** Blocked commands in the wait tables of several shards, beside a model. */
import { expect, test } from 'vitest';
import { ALL_COMMANDS } from '../../src/commands/registry.ts';
import { TYPE_LIST } from '../../src/keyspace/entry.ts';
import { Arena } from '../../src/memory/arena.ts';
import { ArgView } from '../../src/resp/request-parser.ts';
import { Spill } from '../../src/server/spill.ts';
import { SERVED, SERVING, WAITING, WaitRecords } from '../../src/server/wait-records.ts';
import { LocalRunner } from '../support/local-runner.ts';
import { withRandom } from '../support/random.ts';

const KEYS = 12;

function argsOf(words: readonly string[]): ArgView {
  const args = new ArgView();
  args.buf = Buffer.from(words.join(''), 'latin1');
  let at = 0;
  for (const word of words) {
    args.push(at, word.length);
    at += word.length;
  }
  return args;
}

test('waiters of a key come in order of arrival, whoever leaves before', async () => {
  await withRandom(async (random) => {
    const runner = new LocalRunner(ALL_COMMANDS, { shards: 3 });
    const ctx = runner.context;
    const lock = new Int32Array(new SharedArrayBuffer(64));
    const spill = new Spill(Arena.create(8 << 20, 64).buffer, lock, 0);
    const records = new WaitRecords(spill);
    /** Records that wait, with their keys; in order of arrival. */
    interface Wait {
      readonly ref: number;
      readonly db: number;
      readonly keys: Set<string>;
      readonly words: readonly string[];
      readonly isForGone: boolean;
    }
    const model: Wait[] = [];
    const waitersOf = (db: number, key: string): number[] => {
      ctx.begin(argsOf(['', key]), db);
      const { waits } = ctx.at(1);
      const refs: number[] = [];
      for (let node = waits.first(db, ctx.key.lo, ctx.key.hi); node !== 0; ) {
        expect(records.argumentOf(node)).toBeGreaterThan(0);
        refs.push(records.recordOf(node));
        node = records.after(node);
      }
      return refs;
    };
    for (let step = 0; step < 2000; step++) {
      if (model.length < 40 && random.below(2) === 0) {
        const count = 1 + random.below(4);
        const keys = Array.from({ length: count }, () => `k${random.below(KEYS)}`);
        const words = ['BLPOP', ...keys, '0'];
        const db = random.below(2);
        ctx.begin(argsOf(words), db);
        const client = { io: 1, conn: step, generation: step + 1, tracksReads: false };
        const timeoutMs = random.below(2) * 1000;
        const isForGone = random.oneIn(3);
        const what = { first: 1, count, type: TYPE_LIST, target: 0 };
        const wish = { ...what, timeoutMs, isNullReply: false, isForGone };
        const ref = records.create(ctx, 7, client, wish, 0);
        expect(ref).not.toBe(0);
        expect([records.conn(ref), records.generation(ref), records.row(ref)]).toEqual([
          step,
          step + 1,
          7,
        ]);
        expect(records.deadlineMs(ref) === 0).toBe(timeoutMs === 0);
        model.push({ ref, db, keys: new Set(keys), words, isForGone });
      } else if (model.length !== 0) {
        const [gone] = model.splice(random.below(model.length), 1);
        const { ref, words } = gone!;
        const args = new ArgView();
        records.readArgs(ref, args);
        expect(Array.from({ length: args.count }, (_, i) => args.text(i))).toEqual(words);
        expect(records.turn(ref, WAITING, SERVING)).toBe(true);
        expect(records.turn(ref, WAITING, SERVING)).toBe(false);
        expect(records.turn(ref, SERVING, SERVED)).toBe(true);
        // Some shards first: the record stays until the last list has let go of it.
        const busy = random.below(4);
        if (!records.unlinkAll(ref, ctx.shards, (shard) => shard !== busy)) {
          expect(records.unlinkAll(ref, ctx.shards, () => true)).toBe(true);
        }
        records.free(ref);
      }
      let forGone = 0;
      for (let db = 0; db < 2; db++) {
        for (let k = 0; k < KEYS; k++) {
          const expected = model.filter((wait) => wait.db === db && wait.keys.has(`k${k}`));
          expect(waitersOf(db, `k${k}`)).toEqual(expected.map((wait) => wait.ref));
          const isAwaited = ctx.at(1).waits.isForGone(db, ctx.key.lo, ctx.key.hi);
          expect(isAwaited).toBe(expected.some((wait) => wait.isForGone));
          if (isAwaited) forGone += 1;
        }
      }
      expect(ctx.shards.reduce((sum, shard) => sum + shard.waits.sizeForGone, 0)).toBe(forGone);
      const isEmpty = ctx.shards.every((shard) => shard.waits.isEmpty);
      expect(isEmpty).toBe(model.length === 0);
    }
  });
});
