/** Snapshots beside commands: a file has what was there at the flip, whatever happens meanwhile. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { DIGEST_BYTES, mixEntry } from '../../src/keyspace/digest.ts';
import { TYPE_STREAM } from '../../src/keyspace/entry.ts';
import { DATA_COMMANDS } from '../durability/payload.ts';
import { FAMILIES, type Family, randomCommand } from '../fuzz/diff-commands.ts';
import { LocalRunner } from '../support/local-runner.ts';
import { type Random, withRandom } from '../support/random.ts';
import { loadInto, SnapshotHarness } from '../support/snapshot-harness.ts';
import { streamFacts } from '../support/stream-facts.ts';

const DATA_FAMILIES: readonly Family[] = FAMILIES.filter((family) => family !== 'transaction');
const KEYS = ['a', 'b', 'c', 'd', 'e{a}', '', 'big', 'other'];
const DATABASES = 3;
/** Files for Redis 7.0 do not say when consumers were active. */
const STREAM_FACTS = { seen: true, active: false };
/** A delay for each key that is next to none, but ends the hold of a walk. */
const ENTRY_BY_ENTRY = -1e9;

let directory = '';
let path = '';

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'tessera-walk-'));
  path = join(directory, 'dump.rdb');
});

afterEach(() => {
  rmSync(directory, { recursive: true, force: true });
});

function newRunner(shards = 4): LocalRunner {
  return new LocalRunner(DATA_COMMANDS, { shards, arenaBytes: 1 << 26 });
}

/** Everything there is: a line for each key. */
function contents(runner: LocalRunner): string[] {
  const lines: string[] = [];
  for (const shard of runner.shards) {
    for (let db = 0; db < shard.databases; db++) {
      const dict = shard.dict(db);
      for (let unit = 0; unit < dict.unitCount; unit++) {
        dict.visitUnit(unit, (ref) => {
          const digest = new Uint8Array(DIGEST_BYTES);
          mixEntry(digest, shard, ref);
          const isStream = shard.typeOf(ref) === TYPE_STREAM;
          const facts = isStream ? JSON.stringify(streamFacts(shard, ref, STREAM_FACTS)) : '';
          const at = shard.keyOffset(ref);
          const key = Buffer.from(shard.u8.slice(at, at + shard.keyLength(ref))).toString('latin1');
          const value = Buffer.from(digest).toString('hex');
          lines.push(`${db} ${JSON.stringify(key)} ${value}${facts} ${shard.expireMs(ref)}`);
        });
      }
    }
  }
  return lines.sort();
}

/** What the file holds. */
function loaded(shards: number, from: LocalRunner): string[] {
  const other = newRunner(shards);
  other.state.setTime(from.state.nowMs);
  expect(loadInto(other, path)).toBeNull();
  other.checkInvariants();
  return contents(other);
}

/** A command that makes one key, large or small, of any type. */
function makeKey(random: Random, key: string): readonly string[] {
  const count = random.oneIn(3) ? 600 + random.below(3000) : 1 + random.below(20);
  const element = 'element-of-some-length:'.repeat(random.below(3) + 1);
  const many = Array.from({ length: count }, (_, i) => `${element}${i}`);
  switch (random.below(8)) {
    case 0:
      return ['RPUSH', key, ...many];
    case 5:
      return ['XADD', key, '*', ...many];
    case 6:
      return ['XGROUP', 'CREATE', key, 'g', '0', 'MKSTREAM'];
    case 1:
      return ['SADD', key, ...many];
    case 2:
      return ['ZADD', key, ...many.flatMap((name, i) => [String(i / 7), name])];
    case 3:
      return ['HSET', key, ...many.flatMap((name, i) => [name, `v${i}`])];
    case 4:
      return ['SET', key, 'x'.repeat(random.oneIn(2) ? 100_000 : 700_000)];
    default:
      return ['SET', key, `small ${count}`, 'PX', '100000'];
  }
}

/** Commands that touch more than their arguments say. */
function wideCommand(random: Random): readonly string[] {
  const key = random.pick(KEYS);
  const db = String(random.below(DATABASES));
  switch (random.below(8)) {
    case 0:
      return ['SWAPDB', db, String(random.below(DATABASES))];
    case 1:
      return ['FLUSHDB'];
    case 2:
      return random.oneIn(3) ? ['FLUSHALL'] : ['DEL', key];
    case 3:
      return ['MOVE', key, db];
    case 4:
      return ['COPY', key, random.pick(KEYS), 'DB', db, 'REPLACE'];
    case 5:
      return ['RENAME', key, random.pick(KEYS)];
    case 6:
      return ['SORT', key, 'BY', 'nosort', 'STORE', random.pick(KEYS)];
    default:
      return ['DEBUG', 'POPULATE', '20', key];
  }
}

function fill(random: Random, harness: SnapshotHarness): void {
  for (let db = 0; db < DATABASES; db++) {
    harness.runner.db = db;
    for (const key of KEYS) if (!random.oneIn(4)) harness.run(...makeKey(random, key));
    const fillers = 50 + random.below(500);
    for (let i = 0; i < fillers; i++) harness.run('SET', `filler:${db}:${i}`, `value ${i}`);
  }
}

/** One random step beside the walks. */
function step(random: Random, harness: SnapshotHarness): void {
  const { runner } = harness;
  if (random.oneIn(20)) runner.db = random.below(DATABASES);
  if (random.oneIn(3)) harness.turn();
  if (random.oneIn(4)) harness.consume(random.below(4));
  if (random.oneIn(5)) random.pick(runner.shards).lazy.step(1 + random.below(8));
  const command = random.oneIn(12)
    ? wideCommand(random)
    : random.oneIn(15)
      ? makeKey(random, random.pick(KEYS))
      : randomCommand(random, DATA_FAMILIES);
  const name = command[0]!;
  const bytes = Buffer.from(name, 'latin1');
  if (name === 'SELECT' || runner.table.find(bytes, 0, bytes.length)?.spec.place !== 'shard') {
    if (name !== 'DEBUG') return;
  }
  harness.tryRun(...command);
}

describe('a snapshot has what was there at the flip', () => {
  test.each([1, 4, 5])('while commands of all families run on %i shards', async (shards) => {
    await withRandom(async (random) => {
      for (let round = 0; round < 2; round++) {
        const harness = new SnapshotHarness(newRunner(shards));
        fill(random, harness);
        for (let snapshot = 0; snapshot < 3; snapshot++) {
          for (let i = random.below(60); i > 0; i--) step(random, harness);
          const before = contents(harness.runner);
          harness.open(path);
          harness.flip(random.oneIn(2) ? ENTRY_BY_ENTRY : 0);
          for (let i = random.below(300); i > 0 && !harness.isComplete; i--) step(random, harness);
          harness.finish();
          expect(loaded(shards, harness.runner)).toEqual(before);
          expect(harness.left).toBe(0);
          harness.runner.checkInvariants();
        }
      }
    });
  });

  test('while a cancelled one has left entries behind', async () => {
    await withRandom(async (random) => {
      for (let round = 0; round < 4; round++) {
        const harness = new SnapshotHarness(newRunner());
        fill(random, harness);
        harness.open(path);
        harness.flip(random.oneIn(2) ? ENTRY_BY_ENTRY : 0);
        for (let i = random.below(60); i > 0; i--) step(random, harness);
        harness.cancel();
        for (let i = random.below(60); i > 0; i--) step(random, harness);
        harness.consume();
        harness.open(path);
        // The digest is taken at the flip: walks that are still under way end before it.
        while (harness.left !== 0) harness.turn();
        const before = contents(harness.runner);
        harness.flip();
        for (let i = random.below(100); i > 0 && !harness.isComplete; i--) step(random, harness);
        harness.finish();
        expect(loaded(4, harness.runner)).toEqual(before);
        harness.runner.checkInvariants();
      }
    });
  });
});

/** What clients of a group do, one command after the other. */
function groupCommand(random: Random, key: string): readonly string[] {
  const id = `${1 + random.below(3000)}-0`;
  const consumer = random.pick(['one', 'two']);
  switch (random.below(6)) {
    case 0:
      return ['XACK', key, 'g', id];
    case 1:
      return ['XADD', key, '*', 'f', 'v'];
    case 2:
      return ['XCLAIM', key, 'g', consumer, '0', id, 'FORCE', 'JUSTID'];
    case 3:
      return ['XDEL', key, id];
    case 4:
      return ['XNACK', key, 'g', 'FAIL', 'IDS', '1', id];
    default:
      return ['XREADGROUP', 'GROUP', 'g', consumer, 'COUNT', '9', 'STREAMS', key, '>'];
  }
}

test.each([
  ['a large stream', 3000],
  ['a small one', 20],
])('%s that clients read meanwhile', async (_name, entries) => {
  await withRandom(async (random) => {
    const harness = new SnapshotHarness(newRunner(1));
    for (let i = 0; i < entries; i++)
      harness.run('XADD', 's', `${i + 1}-0`, 'field', `some value ${i}`);
    harness.run('XGROUP', 'CREATE', 's', 'g', '0');
    for (let i = 0; i < 100; i++) harness.run(...groupCommand(random, 's'));
    for (let snapshot = 0; snapshot < 3; snapshot++) {
      const before = contents(harness.runner);
      harness.open(path);
      harness.flip(ENTRY_BY_ENTRY);
      for (let i = 0; i < 60 && !harness.isComplete; i++) {
        harness.tryRun(...groupCommand(random, 's'));
        if (random.oneIn(3)) harness.turn();
        if (random.oneIn(4)) harness.consume(random.below(4));
      }
      harness.finish();
      expect(loaded(1, harness.runner)).toEqual(before);
      harness.runner.checkInvariants();
    }
    if (entries > 1000) expect(harness.heldBack).toBeGreaterThan(0);
  });
});
