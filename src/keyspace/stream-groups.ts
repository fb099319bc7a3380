/**
 * StreamGroups: the consumer groups of a stream, their consumers and pending entries.
 *
 * LAYOUT
 *   in the stream's root (stream-value.ts): a NameTable of groups
 *   group (u32 words)
 *     0..3   last ID delivered           4..5   f64: entries read, -1 = not known
 *     6..13  IdTree of pending entries: key = ID (4 words), payload = time, count, owner (4 words)
 *     14..21 IdTree of the same by time: key = time (2 words), ID (4 words)
 *     22     1 = the tree by time is kept  23..24 NameTable of consumers
 *     25     length of the name, whose bytes follow
 *   consumer
 *     0..1   f64: last seen, ms          2..3   f64: last active, ms, -1 = never
 *     4..11  IdTree of its pending entries: key = ID
 *     12     length of the name, whose bytes follow
 *   payload of a pending entry
 *     0  time of delivery in ms, low word    1  deliveries, low word
 *     2  upper 16 bits of the time, and above them of the deliveries; all 48 ones = 2^63 - 1
 *     3  the consumer, 0 = nobody (XNACK)
 *
 * The tree by time comes into being with the first who asks for pending entries by age (XREADGROUP
 * with CLAIM): groups of which nobody does pay nothing for it.
 *
 * INVARIANT  a pending entry is in the tree of its group, in that of its consumer, and in that by
 *            time where it is kept; in no other.
 */
import type { Arena, Ref } from '../memory/arena.ts';
import { ID_TREE_FULL, ID_TREE_PRESENT, IdTree } from '../structures/id-tree.ts';
import { NameTable } from '../structures/name-table.ts';
import { ID_WORDS, StreamId } from '../structures/stream-id.ts';

const LAST = 0;
const READ = 4;
const PENDING = 6;
const BY_TIME = 14;
const HAS_TIMES = 22;
const CONSUMERS = 23;
const GROUP_NAME = 25;

const SEEN = 0;
const ACTIVE = 2;
const OWN = 4;
const CONSUMER_NAME = 12;

const PAYLOAD_WORDS = 4;
const TIME = ID_WORDS;
const DELIVERIES = ID_WORDS + 1;
const HIGHS = ID_WORDS + 2;
const OWNER = ID_WORDS + 3;

const TIME_WORDS = 2;
const TWO_32 = 4294967296;
/** Times and deliveries have 48 bits. */
const MAX_48 = 2 ** 48 - 1;

/** A consumer with more pending entries than these stays where it is when memory is tidied up. */
const OWNED_MOVED_MAX = 1000;

/** Entries read: not known. */
export const READ_UNKNOWN = -1;
/** Deliveries of an entry that nobody should get again: 2^63 - 1 for clients. */
export const DELIVERIES_MAX = Number.POSITIVE_INFINITY;
/** `create`: there is a group of the name. */
export const GROUP_EXISTS = -1;

export class StreamGroups {
  /** Of the open stream; a NameTable is used for names of groups, too. */
  readonly table: NameTable;
  readonly consumers: NameTable;
  /** Pending entries of the group that `pendingOf` was asked for last. */
  readonly pending: IdTree;
  /** Those of a consumer, `ownOf`. */
  readonly own: IdTree;
  /** Those by time, `timesOf`. */
  readonly times: IdTree;
  readonly #arena: Arena;
  readonly #u32: Uint32Array;
  readonly #f64: Float64Array;
  readonly #id = new StreamId();

  constructor(arena: Arena) {
    this.#arena = arena;
    this.#u32 = arena.u32;
    this.#f64 = arena.f64;
    this.table = new NameTable(arena, GROUP_NAME);
    this.consumers = new NameTable(arena, CONSUMER_NAME);
    this.pending = new IdTree(arena, ID_WORDS, PAYLOAD_WORDS);
    this.own = new IdTree(arena, ID_WORDS, 0);
    this.times = new IdTree(arena, TIME_WORDS + ID_WORDS, 0);
  }

  /** Opens the groups whose NameTable is at u32 index `base`. */
  attach(base: number): this {
    this.table.attach(base);
    return this;
  }

  // ---- groups

  /** Number of groups. */
  get size(): number {
    return this.table.size;
  }

  /** The group of a name, or 0. */
  find(buf: Uint8Array, from: number, to: number): Ref {
    return this.table.find(buf, from, to);
  }

  /** Makes a group. 0 when the arena is full, GROUP_EXISTS when there is one. */
  create(buf: Uint8Array, from: number, to: number, lastId: StreamId, read: number): Ref {
    if (this.table.find(buf, from, to) !== 0) return GROUP_EXISTS;
    const group = this.table.add(buf, from, to);
    if (group === 0) return 0;
    this.setLastId(group, lastId);
    this.setRead(group, read);
    return group;
  }

  /** Frees a group that is in no table any more with all that it has. O(its entries). */
  freeGroup(group: Ref): void {
    while (!this.#freeGroupSlice(group, Number.POSITIVE_INFINITY));
    this.#arena.free(group);
  }

  lastId(group: Ref, id: StreamId): StreamId {
    return id.load(this.#u32, group * 2 + LAST);
  }

  setLastId(group: Ref, id: StreamId): void {
    id.store(this.#u32, group * 2 + LAST);
  }

  /** Entries that the group has read, or READ_UNKNOWN. */
  read(group: Ref): number {
    return this.#f64[group + (READ >>> 1)]!;
  }

  setRead(group: Ref, count: number): void {
    this.#f64[group + (READ >>> 1)] = count;
  }

  // ---- consumers

  /** Points `consumers` at those of a group. */
  consumersOf(group: Ref): NameTable {
    return this.consumers.attach(group * 2 + CONSUMERS);
  }

  /** The consumer of a name, or 0. */
  findConsumer(group: Ref, buf: Uint8Array, from: number, to: number): Ref {
    return this.consumersOf(group).find(buf, from, to);
  }

  /** Makes a consumer, which `findConsumer` has just not found, seen now. 0: the arena is full. */
  addConsumer(group: Ref, buf: Uint8Array, from: number, to: number, nowMs: number): Ref {
    const consumer = this.consumersOf(group).add(buf, from, to);
    if (consumer === 0) return 0;
    this.setSeen(consumer, nowMs);
    this.setActive(consumer, -1);
    return consumer;
  }

  /**
   * Frees the consumer that `findConsumer` has just found and its pending entries; how many they
   * were. O(them).
   */
  deleteConsumer(group: Ref, consumer: Ref): number {
    const own = this.ownOf(consumer);
    const count = own.size;
    const { pending } = this;
    this.pendingOf(group);
    own.freeSlice(Number.POSITIVE_INFINITY, (at) => {
      this.#id.load(this.#u32, at);
      const { msHi, msLo, seqHi, seqLo } = this.#id;
      if (!pending.lookFor(msHi, msLo, seqHi, seqLo).find()) throw new Error(DAMAGED);
      this.#dropTime(group, pending.at);
      pending.remove();
    });
    this.consumers.removeFound();
    return count;
  }

  seen(consumer: Ref): number {
    return this.#f64[consumer + (SEEN >>> 1)]!;
  }

  setSeen(consumer: Ref, ms: number): void {
    this.#f64[consumer + (SEEN >>> 1)] = ms;
  }

  /** When the consumer last got or claimed an entry; -1 = never. */
  active(consumer: Ref): number {
    return this.#f64[consumer + (ACTIVE >>> 1)]!;
  }

  setActive(consumer: Ref, ms: number): void {
    this.#f64[consumer + (ACTIVE >>> 1)] = ms;
  }

  /** Points `own` at the pending entries of a consumer. */
  ownOf(consumer: Ref): IdTree {
    return this.own.attach(consumer * 2 + OWN);
  }

  // ---- pending entries

  /** Points `pending` at those of a group. */
  pendingOf(group: Ref): IdTree {
    return this.pending.attach(group * 2 + PENDING);
  }

  /** Moves `pending` to the entry of an ID of a group; its record, or 0 where it is not pending. */
  findPending(group: Ref, id: StreamId): number {
    const tree = this.pendingOf(group).lookFor(id.msHi, id.msLo, id.seqHi, id.seqLo);
    return tree.find() ? tree.at : 0;
  }

  /** Number of pending entries that nobody has. O(consumers). */
  released(group: Ref): number {
    let count = this.pendingOf(group).size;
    const consumers = this.consumersOf(group);
    for (let i = 0; i < consumers.size; i++) count -= this.ownOf(consumers.at(i)).size;
    return count;
  }

  /** When the entry of the record at u32 index `at` was delivered last: ms. */
  timeAt(at: number): number {
    return (this.#u32[at + HIGHS]! & 0xffff) * TWO_32 + this.#u32[at + TIME]!;
  }

  /** How many times, or DELIVERIES_MAX. */
  deliveriesAt(at: number): number {
    const count = (this.#u32[at + HIGHS]! >>> 16) * TWO_32 + this.#u32[at + DELIVERIES]!;
    return count === MAX_48 ? DELIVERIES_MAX : count;
  }

  /** The consumer that has it, 0 = nobody. */
  ownerAt(at: number): Ref {
    return this.#u32[at + OWNER]!;
  }

  /**
   * Makes an entry pending for a consumer (0 = nobody), or where it is pending gives it to the
   * consumer. `timeMs` from 0 on, `deliveries` up to DELIVERIES_MAX. False when the arena is full:
   * nothing has changed then. O(log n), O(1) for the greatest ID.
   */
  deliver(group: Ref, consumer: Ref, id: StreamId, timeMs: number, deliveries: number): boolean {
    const { pending } = this;
    this.pendingOf(group).lookFor(id.msHi, id.msLo, id.seqHi, id.seqLo);
    const payload = pending.insert();
    if (payload === ID_TREE_FULL) return false;
    const { at } = pending;
    const isNew = payload !== ID_TREE_PRESENT;
    const owner = isNew ? 0 : this.ownerAt(at);
    if (owner !== consumer && consumer !== 0 && !this.#take(consumer, id)) {
      if (isNew) pending.remove();
      return false;
    }
    const time = Math.max(0, Math.min(timeMs, MAX_48));
    if (!this.#moveTime(group, id, isNew ? -1 : this.timeAt(at), time)) {
      if (owner !== consumer && consumer !== 0) this.#leave(consumer, id);
      if (isNew) pending.remove();
      return false;
    }
    if (owner !== consumer && owner !== 0) this.#leave(owner, id);
    this.#write(at, consumer, time, deliveries);
    return true;
  }

  /** Notes that the entry of the record `at` was delivered to its owner once more. */
  redeliver(group: Ref, at: number, timeMs: number, deliveries: number): boolean {
    const time = Math.max(0, Math.min(timeMs, MAX_48));
    this.#id.load(this.#u32, at);
    if (!this.#moveTime(group, this.#id, this.timeAt(at), time)) return false;
    this.#write(at, this.ownerAt(at), time, deliveries);
    return true;
  }

  #write(at: number, consumer: Ref, time: number, deliveries: number): void {
    const u32 = this.#u32;
    const count = Math.max(0, deliveries === DELIVERIES_MAX ? MAX_48 : deliveries);
    const shown = Math.min(count, deliveries === DELIVERIES_MAX ? MAX_48 : MAX_48 - 1);
    u32[at + TIME] = time >>> 0;
    u32[at + DELIVERIES] = shown >>> 0;
    const high = Math.floor(shown / TWO_32);
    u32[at + HIGHS] = ((high << 16) | Math.floor(time / TWO_32)) >>> 0;
    u32[at + OWNER] = consumer;
  }

  #take(consumer: Ref, id: StreamId): boolean {
    return (
      this.ownOf(consumer).lookFor(id.msHi, id.msLo, id.seqHi, id.seqLo).insert() !== ID_TREE_FULL
    );
  }

  #leave(consumer: Ref, id: StreamId): void {
    if (!this.ownOf(consumer).lookFor(id.msHi, id.msLo, id.seqHi, id.seqLo).remove()) {
      throw new Error(DAMAGED);
    }
  }

  /** Ends that an entry is pending; false when it is not. O(log n). */
  acknowledge(group: Ref, id: StreamId): boolean {
    const at = this.findPending(group, id);
    if (at === 0) return false;
    const owner = this.ownerAt(at);
    this.#dropTime(group, at);
    if (owner !== 0) this.#leave(owner, id);
    this.pending.remove();
    return true;
  }

  // ---- by time

  /** Time of the record at u32 index `at` of a tree by time. */
  timeOf(at: number): number {
    return this.#u32[at]! * TWO_32 + this.#u32[at + 1]!;
  }

  /** Copies the ID of such a record into `id`. */
  idOfTime(at: number, id: StreamId): StreamId {
    return id.load(this.#u32, at + TIME_WORDS);
  }

  /** Points `times` at the tree by time of a group, which is made where it is not kept; null: the
   * arena is full. O(n log n) the first time. */
  timesOf(group: Ref): IdTree | null {
    const u32 = this.#u32;
    const tree = this.times.attach(group * 2 + BY_TIME);
    if (u32[group * 2 + HAS_TIMES] !== 0) return tree;
    u32[group * 2 + HAS_TIMES] = 1;
    const pending = this.pendingOf(group);
    for (let goesOn = pending.seekFirst(); goesOn; goesOn = pending.next()) {
      this.#id.load(u32, pending.at);
      if (this.#addTime(this.#id, this.timeAt(pending.at))) continue;
      while (!tree.freeSlice(Number.POSITIVE_INFINITY, pass));
      u32[group * 2 + HAS_TIMES] = 0;
      return null;
    }
    return tree;
  }

  #timeNeedle(id: StreamId, time: number): IdTree {
    const { needle } = this.times;
    needle[0] = Math.floor(time / TWO_32);
    needle[1] = time >>> 0;
    id.store(needle, TIME_WORDS);
    return this.times;
  }

  #addTime(id: StreamId, time: number): boolean {
    return this.#timeNeedle(id, time).insert() !== ID_TREE_FULL;
  }

  /** Puts an entry where its new time belongs; `before` -1 = it is new. False: no room. */
  #moveTime(group: Ref, id: StreamId, before: number, time: number): boolean {
    if (this.#u32[group * 2 + HAS_TIMES] === 0 || before === time) return true;
    this.times.attach(group * 2 + BY_TIME);
    if (!this.#addTime(id, time)) return false;
    if (before >= 0) this.#timeNeedle(id, before).remove();
    return true;
  }

  #dropTime(group: Ref, at: number): void {
    if (this.#u32[group * 2 + HAS_TIMES] === 0) return;
    this.times.attach(group * 2 + BY_TIME);
    this.#id.load(this.#u32, at);
    this.#timeNeedle(this.#id, this.timeAt(at)).remove();
  }

  // ---- the whole

  /** Frees up to `units` records of a group's; true when only its own block is left. */
  #freeGroupSlice(group: Ref, units: number): boolean {
    if (!this.pendingOf(group).freeSlice(units, pass)) return false;
    if (!this.times.attach(group * 2 + BY_TIME).freeSlice(units, pass)) return false;
    const consumers = this.consumersOf(group);
    for (let i = consumers.size - 1; i >= 0; i--) {
      if (!this.ownOf(consumers.at(i)).freeSlice(units, pass)) return false;
      consumers.dropLast();
    }
    return true;
  }

  /** Frees about `units` records of groups that nobody uses any more. True when none is left. */
  freeSlice(units: number): boolean {
    for (let i = this.table.size - 1; i >= 0; i--) {
      if (!this.#freeGroupSlice(this.table.at(i), units)) return false;
      this.table.dropLast();
    }
    return true;
  }

  /** Copies all groups into `target`, which has none. False: its arena is full. O(n). */
  copyTo(target: StreamGroups): boolean {
    const { u8 } = this.#arena;
    const id = new StreamId();
    for (let i = 0; i < this.table.size; i++) {
      const group = this.table.at(i);
      const from = this.table.nameFrom(group);
      const to = this.table.nameEnd(group);
      const copy = target.create(u8, from, to, this.lastId(group, id), this.read(group));
      if (copy <= 0 || !this.#copyGroup(group, target, copy)) return false;
    }
    return true;
  }

  #copyGroup(group: Ref, target: StreamGroups, copy: Ref): boolean {
    const { u8 } = this.#arena;
    const consumers = this.consumersOf(group);
    const copies = new Map<Ref, Ref>([[0, 0]]);
    for (let i = 0; i < consumers.size; i++) {
      const consumer = consumers.at(i);
      const from = consumers.nameFrom(consumer);
      const to = consumers.nameEnd(consumer);
      target.findConsumer(copy, u8, from, to);
      const made = target.addConsumer(copy, u8, from, to, this.seen(consumer));
      if (made === 0) return false;
      target.setActive(made, this.active(consumer));
      copies.set(consumer, made);
    }
    const pending = this.pendingOf(group);
    const id = new StreamId();
    for (let goesOn = pending.seekFirst(); goesOn; goesOn = pending.next()) {
      const { at } = pending;
      const owner = copies.get(this.ownerAt(at))!;
      id.load(this.#u32, at);
      if (!target.deliver(copy, owner, id, this.timeAt(at), this.deliveriesAt(at))) return false;
    }
    return true;
  }

  /**
   * The tree of a step: `step` counts up from 0, through the two trees of each group and those of
   * its consumers. Null behind the last. O(groups).
   */
  treeOfStep(step: number): IdTree | null {
    let left = step;
    for (let i = 0; i < this.table.size; i++) {
      const group = this.table.at(i);
      if (left === 0) return this.pendingOf(group);
      if (left === 1) return this.times.attach(group * 2 + BY_TIME);
      const consumers = this.consumersOf(group);
      if (left - 2 < consumers.size) return this.ownOf(consumers.at(left - 2));
      left -= 2 + consumers.size;
    }
    return null;
  }

  /**
   * Moves the block that the tree of a step begins in, and the tables of refs with the first of
   * their blocks. A consumer with thousands of pending entries stays. O(groups), of a consumer
   * O(its pending entries * log n).
   */
  relocateOfStep(step: number, relocate: (block: Ref) => Ref): void {
    if (step === 0) this.table.relocateTable(relocate);
    let left = step;
    for (let i = 0; i < this.table.size && left >= 0; i++) {
      if (left === 0) {
        const group = this.table.relocateAt(i, relocate);
        this.consumersOf(group).relocateTable(relocate);
        return;
      }
      const group = this.table.at(i);
      const { size } = this.consumersOf(group);
      if (left >= 2 && left - 2 < size) this.#relocateConsumer(group, left - 2, relocate);
      left -= 2 + size;
    }
  }

  #relocateConsumer(group: Ref, index: number, relocate: (block: Ref) => Ref): void {
    const { consumers } = this;
    if (this.ownOf(consumers.at(index)).size > OWNED_MOVED_MAX) return;
    const moved = consumers.relocateAt(index, relocate);
    const own = this.ownOf(moved);
    for (let goesOn = own.seekFirst(); goesOn; goesOn = own.next()) {
      const at = this.findPending(group, this.#id.load(this.#u32, own.at));
      this.#u32[at + OWNER] = moved;
    }
  }

  /** Bytes of all groups. O(groups + consumers). */
  memoryBytes(): number {
    let bytes = this.table.memoryBytes();
    for (let i = 0; i < this.table.size; i++) {
      const group = this.table.at(i);
      bytes += this.pendingOf(group).memoryBytes();
      bytes += this.times.attach(group * 2 + BY_TIME).memoryBytes();
      const consumers = this.consumersOf(group);
      bytes += consumers.memoryBytes();
      for (let k = 0; k < consumers.size; k++) bytes += this.ownOf(consumers.at(k)).memoryBytes();
    }
    return bytes;
  }

  /** Throws when groups are damaged. O(n). */
  checkInvariants(): void {
    this.table.checkInvariants();
    for (let i = 0; i < this.table.size; i++) this.#checkGroup(this.table.at(i));
  }

  #checkGroup(group: Ref): void {
    const consumers = this.consumersOf(group);
    consumers.checkInvariants();
    let owned = 0;
    for (let i = 0; i < consumers.size; i++) {
      const own = this.ownOf(consumers.at(i));
      own.checkInvariants();
      for (let goesOn = own.seekFirst(); goesOn; goesOn = own.next()) {
        const at = this.findPending(group, this.#id.load(this.#u32, own.at));
        if (at === 0 || this.ownerAt(at) !== consumers.at(i)) throw new Error(DAMAGED);
        owned += 1;
      }
    }
    const pending = this.pendingOf(group);
    pending.checkInvariants();
    const times = this.times.attach(group * 2 + BY_TIME);
    times.checkInvariants();
    const hasTimes = this.#u32[group * 2 + HAS_TIMES] !== 0;
    if (times.size !== (hasTimes ? pending.size : 0)) throw new Error(DAMAGED);
    let nobody = 0;
    for (let goesOn = pending.seekFirst(); goesOn; goesOn = pending.next()) {
      if (this.ownerAt(pending.at) === 0) nobody += 1;
      this.#id.load(this.#u32, pending.at);
      if (hasTimes && !this.#timeNeedle(this.#id, this.timeAt(pending.at)).find()) {
        throw new Error(DAMAGED);
      }
    }
    if (owned + nobody !== pending.size) throw new Error(DAMAGED);
  }
}

const DAMAGED = 'stream: the trees of pending entries disagree';

function pass(): void {
  // Records have nothing to free but themselves.
}
