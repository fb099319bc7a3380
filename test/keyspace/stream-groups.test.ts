/** Consumer groups beside a model of maps, copied and freed, and in an arena that fills up. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  DELIVERIES_MAX,
  GROUP_EXISTS,
  READ_UNKNOWN,
  type StreamGroups,
} from '../../src/keyspace/stream-groups.ts';
import { StreamValues } from '../../src/keyspace/stream-value.ts';
import { StreamId } from '../../src/structures/stream-id.ts';
import { LocalRunner } from '../support/local-runner.ts';

type Name =
  | 'create'
  | 'destroy'
  | 'setId'
  | 'addConsumer'
  | 'deleteConsumer'
  | 'deliver'
  | 'redeliver'
  | 'release'
  | 'acknowledge'
  | 'dropReferences'
  | 'times'
  | 'copy';
type Operation = readonly [Name, number, number, number];

const NAMES: readonly Name[] = [
  ...(['create', 'create', 'destroy', 'setId', 'addConsumer', 'addConsumer'] as const),
  ...([
    'deleteConsumer',
    'deliver',
    'deliver',
    'deliver',
    'deliver',
    'deliver',
    'deliver',
  ] as const),
  ...(['redeliver', 'release', 'acknowledge', 'acknowledge', 'acknowledge'] as const),
  ...(['dropReferences', 'times', 'copy'] as const),
];

const operations: fc.Arbitrary<Operation[]> = fc.array(
  fc.tuple(fc.constantFrom(...NAMES), fc.nat({ max: 2 }), fc.nat({ max: 3 }), fc.nat({ max: 250 })),
  { maxLength: 250 },
);

interface Pending {
  time: number;
  deliveries: number;
  owner: string | null;
}

interface Group {
  last: number;
  read: number;
  /** By name: when it was seen, and active. */
  readonly consumers: Map<string, [number, number]>;
  readonly pending: Map<number, Pending>;
  hasTimes: boolean;
}

const TIMES = [0, 1, 1_700_000_000_000, 2 ** 32, 2 ** 48 - 1];
const DELIVERIES = [0, 1, 2, 2 ** 32, 2 ** 48 - 2, DELIVERIES_MAX];

/** IDs in all words, from a small number. */
const idOf = (n: number): StreamId => new StreamId().set(n >>> 4, 0x80000000 + n, 7, n & 3);
const bytesOf = (name: string): Buffer => Buffer.from(name, 'latin1');

class Model {
  readonly runner: LocalRunner;
  streams: StreamValues;
  readonly groups = new Map<string, Group>();
  readonly #id = new StreamId();

  constructor(arenaBytes = 1 << 22) {
    this.runner = new LocalRunner([], { shards: 1, arenaBytes, databases: 1 });
    this.streams = new StreamValues(this.runner.shards[0]!);
    expect(this.streams.openDetached()).toBe(true);
  }

  get real(): StreamGroups {
    return this.streams.groups;
  }

  #refOf(name: string): number {
    const bytes = bytesOf(name);
    return this.real.find(bytes, 0, bytes.length);
  }

  #consumerOf(group: number, name: string): number {
    const bytes = bytesOf(name);
    return this.real.findConsumer(group, bytes, 0, bytes.length);
  }

  run([name, a, b, c]: Operation): void {
    const groupName = `group ${a}`;
    const bytes = bytesOf(groupName);
    const group = this.groups.get(groupName);
    const ref = this.#refOf(groupName);
    expect(ref !== 0).toBe(group !== undefined);
    if (name === 'create') {
      const made = this.real.create(bytes, 0, bytes.length, idOf(c), READ_UNKNOWN);
      expect(made === GROUP_EXISTS).toBe(group !== undefined);
      if (group !== undefined) return;
      const consumers = new Map<string, [number, number]>();
      const pending = new Map<number, Pending>();
      this.groups.set(groupName, {
        last: c,
        read: READ_UNKNOWN,
        consumers,
        pending,
        hasTimes: false,
      });
    } else if (name === 'destroy') {
      // The others go on for long enough to grow.
      if (c % 4 !== 0) return;
      expect(this.streams.destroyGroup(bytes, 0, bytes.length)).toBe(group !== undefined);
      this.groups.delete(groupName);
    } else if (name === 'copy') {
      this.#copy();
    } else if (name === 'dropReferences') {
      const was = [...this.groups.values()].filter(({ pending }) => pending.delete(c)).length > 0;
      expect(this.streams.dropReferences(idOf(c))).toBe(was);
      const waits = [...this.groups.values()].some(({ last }) => idOf(last).compare(idOf(c)) < 0);
      expect(this.streams.isReferenced(idOf(c))).toBe(waits);
    } else if (group !== undefined) {
      this.#runOn(name, group, ref, `consumer ${b}`, c);
    }
  }

  #runOn(name: Name, group: Group, ref: number, consumerName: string, c: number): void {
    const { real } = this;
    const bytes = bytesOf(consumerName);
    const consumer = this.#consumerOf(ref, consumerName);
    expect(consumer !== 0).toBe(group.consumers.has(consumerName));
    const known = group.pending.get(c);
    const at = real.findPending(ref, idOf(c));
    expect(at !== 0).toBe(known !== undefined);
    const time = TIMES[c % TIMES.length]!;
    const deliveries = DELIVERIES[c % DELIVERIES.length]!;
    if (name === 'setId') {
      real.setLastId(ref, idOf(c));
      real.setRead(ref, c * 2 ** 40);
      group.last = c;
      group.read = c * 2 ** 40;
    } else if (name === 'addConsumer') {
      if (consumer !== 0) {
        real.setActive(consumer, c);
        group.consumers.get(consumerName)![1] = c;
        return;
      }
      this.#consumerOf(ref, consumerName);
      expect(real.addConsumer(ref, bytes, 0, bytes.length, 1000 + c)).not.toBe(0);
      group.consumers.set(consumerName, [1000 + c, -1]);
    } else if (name === 'deleteConsumer') {
      if (consumer === 0 || c % 3 !== 0) return;
      const own = [...group.pending].filter(([, { owner }]) => owner === consumerName);
      this.#consumerOf(ref, consumerName);
      expect(real.deleteConsumer(ref, consumer)).toBe(own.length);
      for (const [id] of own) group.pending.delete(id);
      group.consumers.delete(consumerName);
    } else if (name === 'deliver' || name === 'release') {
      const owner = name === 'release' || consumer === 0 ? null : consumerName;
      const to = owner === null ? 0 : consumer;
      expect(real.deliver(ref, to, idOf(c), time, deliveries)).toBe(true);
      group.pending.set(c, { time, deliveries, owner });
    } else if (name === 'redeliver') {
      if (known === undefined) return;
      expect(real.redeliver(ref, at, time, deliveries)).toBe(true);
      known.time = time;
      known.deliveries = deliveries;
    } else if (name === 'acknowledge') {
      expect(real.acknowledge(ref, idOf(c))).toBe(group.pending.delete(c));
    } else if (name === 'times') {
      expect(real.timesOf(ref)).not.toBeNull();
      group.hasTimes = true;
    }
  }

  /** Goes on with a copy; the old one is freed slice by slice. */
  #copy(): void {
    const shard = this.runner.shards[0]!;
    const { root } = this.streams;
    const copy = this.streams.copyRoot(root, shard);
    expect(copy).not.toBe(0);
    this.streams.attachRoot(root);
    this.streams.drop();
    while (!shard.lazy.step(2));
    this.streams.attachRoot(copy);
    for (const group of this.groups.values()) group.hasTimes = false;
  }

  check(): void {
    const { real } = this;
    real.checkInvariants();
    expect(real.size).toBe(this.groups.size);
    for (const [name, group] of this.groups) {
      const ref = this.#refOf(name);
      expect(real.lastId(ref, this.#id).compare(idOf(group.last))).toBe(0);
      expect(real.read(ref)).toBe(group.read);
      expect(real.consumersOf(ref).size).toBe(group.consumers.size);
      for (const [consumer, [seen, active]] of group.consumers) {
        const one = this.#consumerOf(ref, consumer);
        expect([real.seen(one), real.active(one)]).toEqual([seen, active]);
      }
      const nobody = [...group.pending.values()].filter(({ owner }) => owner === null).length;
      expect(real.released(ref)).toBe(nobody);
      this.#checkPending(group, ref);
    }
  }

  #checkPending(group: Group, ref: number): void {
    const { real } = this;
    const { u32 } = this.runner.shards[0]!;
    const order = [...group.pending].sort(([a], [b]) => idOf(a).compare(idOf(b)));
    const pending = real.pendingOf(ref);
    expect(pending.size).toBe(order.length);
    let index = 0;
    for (let goesOn = pending.seekFirst(); goesOn; goesOn = pending.next()) {
      const [id, { time, deliveries, owner }] = order[index]!;
      const { at } = pending;
      expect(this.#id.load(u32, at).compare(idOf(id))).toBe(0);
      expect([real.timeAt(at), real.deliveriesAt(at)]).toEqual([time, deliveries]);
      const expected = owner === null ? 0 : this.#consumerOf(ref, owner);
      expect(real.ownerAt(at)).toBe(expected);
      index += 1;
    }
    if (!group.hasTimes) return;
    const times = real.timesOf(ref)!;
    const byTime = order.toSorted(
      ([a, one], [b, two]) => one.time - two.time || idOf(a).compare(idOf(b)),
    );
    index = 0;
    for (let goesOn = times.seekFirst(); goesOn; goesOn = times.next()) {
      const [id, { time }] = byTime[index]!;
      expect(real.timeOf(times.at)).toBe(time);
      expect(real.idOfTime(times.at, this.#id).compare(idOf(id))).toBe(0);
      index += 1;
    }
    expect(index).toBe(byTime.length);
  }

  drop(): void {
    const shard = this.runner.shards[0]!;
    this.streams.drop();
    while (!shard.lazy.step(3));
    expect(shard.arena.usedBytes()).toBe(0);
  }
}

describe('groups', () => {
  test('are maps', () => {
    fc.assert(
      fc.property(operations, (all) => {
        const model = new Model();
        for (const [i, operation] of all.entries()) {
          model.run(operation);
          if (i % 4 === 0 || operation[0] === 'copy') model.check();
          else model.real.checkInvariants();
        }
        model.check();
        model.drop();
      }),
      { numRuns: 60 },
    );
  });

  test('stay whole in an arena that is full', () => {
    const model = new Model(1 << 18);
    for (const group of [0, 1]) {
      model.run(['create', group, 0, 0]);
      for (const consumer of [0, 1, 2]) model.run(['addConsumer', group, consumer, 0]);
      model.run(['times', group, 0, 0]);
    }
    const { real } = model;
    const names = ['group 0', 'group 1'].map(bytesOf);
    const refs = names.map((name) => real.find(name, 0, name.length));
    const counts = [0, 0];
    let isFull = false;
    for (let n = 0; !isFull; n++) {
      const group = refs[n % 2]!;
      const name = bytesOf(`consumer ${n % 3}`);
      const consumer = real.findConsumer(group, name, 0, name.length);
      isFull = !real.deliver(group, consumer, new StreamId().set(0, n, 0, 0), n, 1);
      if (!isFull) counts[n % 2]! += 1;
    }
    real.checkInvariants();
    expect(counts[0]! + counts[1]!).toBeGreaterThan(1000);
    expect(refs.map((group) => real.pendingOf(group).size)).toEqual(counts);
    // Whoever has an entry may change, as long as there is room in the lists.
    for (let n = 0; n < 200; n += 2) {
      const name = bytesOf(`consumer ${(n + 1) % 3}`);
      const consumer = real.findConsumer(refs[0]!, name, 0, name.length);
      real.deliver(refs[0]!, consumer, new StreamId().set(0, n, 0, 0), n + 7, 2);
      real.checkInvariants();
    }
    expect(real.pendingOf(refs[0]!).size).toBe(counts[0]);
    model.drop();
  });
});
