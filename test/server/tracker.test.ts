/** What a thread notes and tells, without sockets: the tracker over commands of one thread. */
import { describe, expect, it } from 'vitest';
import { HalfSipHash } from '../../src/base/half-sip-hash.ts';
import { ALL_COMMANDS } from '../../src/commands/registry.ts';
import { ActiveExpire } from '../../src/keyspace/active-expire.ts';
import { PrefixBoard } from '../../src/keyspace/prefix-board.ts';
import { TrackingTable } from '../../src/keyspace/tracking-table.ts';
import { Arena } from '../../src/memory/arena.ts';
import { readBatch } from '../../src/server/key-batch.ts';
import { createPostbox, Post } from '../../src/server/post.ts';
import { Spill } from '../../src/server/spill.ts';
import { Tracker } from '../../src/server/tracker.ts';
import { DoorbellRinger } from '../../src/sync/doorbell.ts';
import { type Argument, CLOCK_START_MS, LocalRunner } from '../support/local-runner.ts';

const CONN = 4;
const GENERATION = 17;

/** Commands of one client that tracks, and of others, on I/O thread 1. */
class Scene {
  readonly runner = new LocalRunner(ALL_COMMANDS);
  readonly table: TrackingTable;
  readonly tracker: Tracker;
  readonly told: string[] = [];
  isTracking = false;

  constructor(stripeBytes: number) {
    const { context, state } = this.runner;
    const hasher = new HalfSipHash(0x01234567, 0x89abcdef);
    this.table = new TrackingTable(TrackingTable.create(stripeBytes), hasher);
    const words = new Int32Array(new SharedArrayBuffer(64));
    const spill = new Spill(Arena.create(1 << 20, 64).buffer, words, 0);
    const ringer = new DoorbellRinger(words, 1, () => undefined);
    const post = new Post([createPostbox()], [ringer], spill);
    this.tracker = new Tracker(1, this.table, new PrefixBoard(this.table, 1), context, post);
    this.tracker.local = {
      keyChanged: (conn, generation, isOwn, buf, from, to) => {
        expect([conn, generation]).toEqual([CONN, GENERATION]);
        const key = Buffer.from(buf.subarray(from, to)).toString();
        this.told.push(isOwn ? `own ${key}` : key);
      },
      batchChanged: (buf, from, to) => {
        readBatch(buf, from, to, (client, _generation, bytes, start, end) => {
          const key = Buffer.from(bytes.subarray(start, end)).toString();
          this.told.push(`${client === 0 ? 'nobody' : 'somebody'} ${key}`);
        });
      },
      allChanged: () => this.told.push('all'),
      flush: () => undefined,
    };
    state.trackingWords = this.table.words;
    state.changeSink = this.tracker;
    const host = context.host;
    context.host = { ...host, client: () => this.#client() };
    this.table.enter(true);
  }

  #client(): { io: number; conn: number; generation: number; tracksReads: boolean } {
    const conn = this.isTracking ? CONN : CONN + 1;
    return { io: 1, conn, generation: GENERATION, tracksReads: this.isTracking };
  }

  /** A command of the client that tracks; what it reads is noted. */
  own(...words: readonly Argument[]): void {
    this.isTracking = true;
    this.other(...words);
    const name = String(words[0]).toLowerCase();
    const row = this.runner.table.rows.find((one) => one.fullName === name)!;
    this.tracker.observe(row, this.runner.context);
    this.isTracking = false;
  }

  other(...words: readonly Argument[]): void {
    this.runner.run(...words);
  }

  take(): string[] {
    return this.told.splice(0);
  }
}

describe('a tracker', () => {
  it('notes every key of a read, and tells of the first change of each', () => {
    const scene = new Scene(1 << 20);
    scene.own('MGET', 'a', 'b', 'a');
    scene.own('SET', 'c', 1);
    expect([scene.table.keys, scene.table.items]).toEqual([2, 2]);
    scene.other('SET', 'a', 1);
    scene.other('SET', 'a', 2);
    scene.other('SET', 'c', 2);
    expect(scene.take()).toEqual(['a']);
    scene.own('INCRBY', 'b', 1);
    expect(scene.take()).toEqual(['own b']);
    scene.own('SUNION', 'x', 'y');
    scene.other('SADD', 'y', 1);
    scene.other('FLUSHALL');
    expect(scene.take()).toEqual(['y', 'all']);
    expect(scene.table.keys).toBe(0);
    scene.table.checkInvariants();
  });

  it('tells of what expires, with its name', () => {
    const scene = new Scene(1 << 20);
    scene.other('SET', 'k', 'value', 'PX', 10);
    scene.other('HSET', 'h', 'f', 1);
    scene.other('HPEXPIRE', 'h', 10, 'FIELDS', 1, 'f');
    scene.own('GET', 'k');
    scene.own('HGETALL', 'h');
    scene.runner.advance(20);
    expect(scene.runner.state.nowMs).toBe(CLOCK_START_MS + 20);
    scene.own('GET', 'k');
    // As in Redis: the client whose command meets it counts as the one that changes it.
    expect(scene.take()).toEqual(['own k']);
    const expire = scene.runner.shards.map((shard) => new ActiveExpire(shard));
    for (const one of expire) while (!one.slice());
    expect(scene.take()).toEqual(['h']);
  });

  it('takes no key that it cannot keep: its client is told at once', () => {
    const scene = new Scene(64 * 1024);
    const keys = Array.from({ length: 20_000 }, (_, i) => `some-key-with-a-long-name-${i}`);
    for (const key of keys) scene.own('GET', key);
    const given = new Set(scene.take());
    expect(given.size).toBeGreaterThan(1000);
    expect(scene.table.keys).toBeGreaterThan(500);
    scene.table.checkInvariants();
    for (const key of keys) scene.other('SET', key, 1);
    const told = scene.take();
    expect(told.length).toBe(new Set(told).size);
    expect(new Set([...given, ...told])).toEqual(new Set(keys));
    scene.own('GET', 'x'.repeat(100_000));
    expect(scene.take()).toEqual(['x'.repeat(100_000)]);
  });

  it('keeps to its limit', () => {
    const scene = new Scene(1 << 20);
    scene.tracker.setLimit(50);
    for (let i = 0; i < 1000; i++) scene.own('GET', `key:${i}`);
    expect(scene.table.keys).toBe(50);
    expect(scene.take().length).toBe(950);
    scene.tracker.setLimit(0);
    for (let i = 1000; i < 2000; i++) scene.own('GET', `key:${i}`);
    expect(scene.table.keys).toBe(1050);
    scene.tracker.setLimit(10);
    for (let n = 0; n < 10 && scene.table.keys > 10; n++) scene.tracker.tick();
    expect(scene.table.keys).toBe(10);
  });

  it('says whose change it was to those who track prefixes', () => {
    const scene = new Scene(1 << 20);
    new PrefixBoard(scene.table, 1).add(1, Uint8Array.from(Buffer.from('user:')));
    scene.other('MSET', 'user:1', 1, 'other', 2, 'user:2', 3);
    expect(scene.take()).toEqual([]);
    scene.tracker.flush();
    expect(scene.take()).toEqual(['somebody user:1', 'somebody user:2']);
    scene.tracker.flush();
    expect(scene.take()).toEqual([]);
    scene.other('PEXPIRE', 'user:1', 10);
    scene.runner.advance(20);
    scene.other('GET', 'user:1');
    scene.tracker.flush();
    expect(scene.take()).toEqual(['somebody user:1', 'nobody user:1']);
  });
});
