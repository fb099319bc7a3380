/**
 * StreamReader: reads the entries of a stream one after the other, in either direction. Their
 * layout is in stream-node.ts.
 *
 * While it reads, the entry that it is at may be deleted through `Stream.deleteAt`; any other
 * change of the stream ends the reading.
 */
import type { Arena, Ref } from '../memory/arena.ts';
import { IdTree } from './id-tree.ts';
import { Listpack } from './listpack.ts';
import { ID_WORDS, StreamId } from './stream-id.ts';
import {
  ENTRY_DELETED,
  ENTRY_HEAD_ELEMENTS,
  ENTRY_SAME_FIELDS,
  NODE_DELETED,
  NODE_ENTRIES,
  NODE_FIRST,
  NODE_HEADER_BYTES,
  NODE_MARK,
  NODE_USED,
} from './stream-node.ts';

const DELETED = ENTRY_DELETED;
const SAME_FIELDS = ENTRY_SAME_FIELDS;
const HEAD_ELEMENTS = ENTRY_HEAD_ELEMENTS;
const TWO_32 = 4294967296;
/** A walk over fewer entries is not worth a mark. */
const MARK_STEPS_MIN = 8;

/** What a reader has to know of a stream. */
export interface StreamBase {
  /** u32 index of the struct. */
  readonly base: number;
}

export class StreamReader {
  /** ID and number of fields of the entry that `next` or `find` found. */
  readonly id = new StreamId();
  fields = 0;
  /** Its node, and that node's ID. */
  node: Ref = 0;
  readonly nodeId = new StreamId();
  /** Has the bytes of the field or value that was read last, borrowed until the next call. */
  readonly pack: Listpack;
  /** False under a shared hold: marks in nodes stay as they are. */
  mayMark = true;
  readonly #u32: Uint32Array;
  readonly #u8: Uint8Array;
  readonly #tree: IdTree;
  readonly #start = new StreamId();
  readonly #end = new StreamId();
  #isReverse = false;
  /** The node was taken away under the reader: it goes on behind the node's ID. */
  #hasLeft = false;
  /** Bytes where the entries of the node begin and end. */
  #nodeFirst = 0;
  #nodeEnd = 0;
  /** Byte of the entry, and with `#isReverse` where those before it end. */
  #at = 0;
  /** Flags of the entry, its next own element, and how many of them are left. */
  #flags = 0;
  #next = 0;
  #left = 0;
  /** The next field of the master entry. */
  #masterAt = 0;

  constructor(arena: Arena) {
    this.#u32 = arena.u32;
    this.#u8 = arena.u8;
    this.pack = new Listpack(arena.u8);
    this.#tree = new IdTree(arena, ID_WORDS, 1);
  }

  /** Points this at a stream. */
  open(stream: StreamBase): this {
    this.#tree.attach(stream.base);
    this.node = 0;
    this.#hasLeft = false;
    return this;
  }

  /** Has `next` find the entries from `start` to `end`, both included, in either order. */
  range(start: StreamId, end: StreamId, isReverse: boolean): void {
    this.#start.copy(start);
    this.#end.copy(end);
    this.#isReverse = isReverse;
    this.#hasLeft = false;
    this.node = 0;
    const from = isReverse ? end : start;
    if (start.compare(end) > 0) return;
    const tree = this.#tree.lookFor(from.msHi, from.msLo, from.seqHi, from.seqLo);
    if (!tree.seekBefore() && (isReverse || !tree.seekFirst())) return;
    this.#enter();
    if (!isReverse) this.#goToMark();
  }

  /** Begins with the node at the tree's cursor. */
  #enter(): void {
    const u32 = this.#u32;
    const node = u32[this.#tree.at + ID_WORDS]!;
    this.node = node;
    this.nodeId.load(u32, this.#tree.at);
    this.#nodeFirst = node * 8 + u32[node * 2 + NODE_FIRST]!;
    this.#nodeEnd = node * 8 + u32[node * 2 + NODE_USED]!;
    this.#at = this.#isReverse ? this.#nodeEnd : this.#nodeFirst;
    this.#left = -1;
  }

  /**
   * Begins at the mark of the node, where the range does not begin before it. Reading entry
   * by entry, each by a search of its own: 1144 ns without marks, 222 ns with them, nodes of 100
   * entries (bench/micro/stream.bench.ts).
   */
  #goToMark(): void {
    const mark = this.#u32[this.node * 2 + NODE_MARK]!;
    if (mark === 0) return;
    this.#parse(this.node * 8 + mark);
    this.#left = -1;
    if (this.id.compare(this.#start) > 0) this.#at = this.#nodeFirst;
  }

  /** The next node in the direction of reading. */
  #nextNode(): boolean {
    const tree = this.#tree;
    let isThere = false;
    if (this.#hasLeft) {
      this.#hasLeft = false;
      const { nodeId } = this;
      tree.lookFor(nodeId.msHi, nodeId.msLo, nodeId.seqHi, nodeId.seqLo);
      isThere = this.#isReverse ? tree.seekBefore() : tree.seek();
    } else {
      isThere = this.#isReverse ? tree.previous() : tree.next();
    }
    if (isThere) this.#enter();
    else this.node = 0;
    return isThere;
  }

  /** Moves on to the next entry of the range; false at its end. */
  next(): boolean {
    if (this.node === 0 && !this.#hasLeft) return false;
    return this.#isReverse ? this.#nextBackward() : this.#nextForward();
  }

  #nextForward(): boolean {
    const { pack } = this;
    for (let steps = 0; ; steps++) {
      if (this.#left >= 0) {
        let at = this.#next;
        for (let i = this.#left; i > 0; i--) at = pack.next(at);
        this.#at = pack.next(at);
        this.#left = -1;
      }
      if ((this.#hasLeft || this.#at >= this.#nodeEnd) && !this.#nextNode()) return false;
      this.#parse(this.#at);
      if ((this.#flags & DELETED) !== 0 || this.id.compare(this.#start) < 0) continue;
      if (steps >= MARK_STEPS_MIN && this.mayMark) {
        this.#u32[this.node * 2 + NODE_MARK] = this.#at - this.node * 8;
      }
      if (this.id.compare(this.#end) <= 0) return true;
      this.node = 0;
      return false;
    }
  }

  #nextBackward(): boolean {
    for (;;) {
      if ((this.#hasLeft || this.#at <= this.#nodeFirst) && !this.#nextNode()) return false;
      this.#stepBack();
      if ((this.#flags & DELETED) !== 0 || this.id.compare(this.#end) > 0) continue;
      if (this.id.compare(this.#start) >= 0) return true;
      this.node = 0;
      return false;
    }
  }

  /** Parses the entry that ends at `#at`. */
  #stepBack(): void {
    const { pack } = this;
    // A listpack's header lies before its first element: 2 bytes that are not there.
    const start = this.#nodeFirst - 2;
    let at = pack.previous(start, this.#at);
    for (let i = pack.integerAt(at); i > 0; i--) at = pack.previous(start, at);
    this.#at = at;
    this.#parse(at);
  }

  /** Decodes the head of the entry at `at`. */
  #parse(at: number): void {
    const { pack, id, nodeId } = this;
    const u8 = this.#u8;
    const flags = u8[at]!;
    this.#flags = flags;
    this.#at = at;
    let p = at + 2;
    // Most entries differ from their node's ID by little: one or two bytes each.
    p = this.#difference(p);
    const msLo = nodeId.msLo + pack.intLow;
    const msCarry = msLo >= TWO_32 ? 1 : 0;
    id.msLo = msLo >>> 0;
    id.msHi = (nodeId.msHi + pack.intHigh + msCarry) >>> 0;
    p = this.#difference(p);
    const seqLo = nodeId.seqLo + pack.intLow;
    const seqCarry = seqLo >= TWO_32 ? 1 : 0;
    id.seqLo = seqLo >>> 0;
    id.seqHi = (nodeId.seqHi + pack.intHigh + seqCarry) >>> 0;
    if ((flags & SAME_FIELDS) !== 0) {
      const master = this.node * 8 + NODE_HEADER_BYTES;
      this.fields = pack.integerAt(master);
      this.#masterAt = pack.next(master);
      this.#left = this.fields;
    } else {
      this.fields = pack.integerAt(p);
      p = pack.next(p);
      this.#left = this.fields * 2;
    }
    this.#next = p;
  }

  /** Reads one part of an ID less the node's at `at`; the position behind it. */
  #difference(at: number): number {
    const { pack } = this;
    const head = this.#u8[at]!;
    if (head < 0x80) {
      pack.intLow = head;
      pack.intHigh = 0;
      return at + 2;
    }
    pack.readWords(at);
    return pack.next(at);
  }

  /** Whether the entry has the fields of its node's master entry. */
  get hasMasterFields(): boolean {
    return (this.#flags & SAME_FIELDS) !== 0;
  }

  /** Reads the entry's next field; `value` follows. `fields` times both. */
  field(): void {
    const { pack } = this;
    if ((this.#flags & SAME_FIELDS) !== 0) {
      this.#masterAt = pack.take(this.#masterAt);
    } else {
      this.value();
    }
  }

  /** Reads the value of the field that was read last. */
  value(): void {
    this.#next = this.pack.take(this.#next);
    this.#left -= 1;
  }

  /** Moves to the entry of an ID; false where there is none. Reading does not go on from there. */
  find(id: StreamId): boolean {
    this.range(id, id, false);
    return this.next();
  }

  /** Copies the ID of the last entry of a node, deleted or not, into `id`. */
  lastOf(stream: StreamBase, node: Ref, nodeId: StreamId, id: StreamId): void {
    this.open(stream);
    this.#isReverse = true;
    this.node = node;
    this.nodeId.copy(nodeId);
    this.#nodeFirst = node * 8 + this.#u32[node * 2 + NODE_FIRST]!;
    this.#at = node * 8 + this.#u32[node * 2 + NODE_USED]!;
    this.#stepBack();
    id.copy(this.id);
  }

  /** Flags the entry as deleted: for Stream, which does the counting. */
  flagDeleted(): void {
    this.#u8[this.#at] = this.#flags | DELETED;
  }

  /** The node is about to be freed. */
  leaveNode(): void {
    this.#hasLeft = true;
    this.#left = -1;
    this.node = 0;
  }

  /** Throws where nodes of a stream are damaged. O(n). */
  checkAll(stream: StreamBase): void {
    const u32 = this.#u32;
    this.open(stream);
    const tree = this.#tree;
    const before = new StreamId();
    for (let goesOn = tree.seekFirst(); goesOn; goesOn = tree.next()) {
      this.#isReverse = false;
      this.#enter();
      let entries = 0;
      let deleted = 0;
      for (let at = this.#at; at < this.#nodeEnd; ) {
        this.#parse(at);
        if ((this.#flags & DELETED) !== 0) deleted += 1;
        else entries += 1;
        const isFirst = at === this.#nodeFirst;
        if (isFirst && this.id.compare(this.nodeId) !== 0) fail('a node has another ID');
        if (this.id.compare(before) <= 0) fail('IDs out of order');
        before.copy(this.id);
        const elements = HEAD_ELEMENTS + this.#left + ((this.#flags & SAME_FIELDS) !== 0 ? 0 : 1);
        at = this.#next;
        for (let i = this.#left; i > 0; i--) at = this.pack.next(at);
        if (this.pack.integerAt(at) !== elements) fail('an entry says a wrong number of elements');
        at = this.pack.next(at);
      }
      if (entries !== u32[this.node * 2 + NODE_ENTRIES]) fail('a node says a wrong number');
      if (deleted !== u32[this.node * 2 + NODE_DELETED]) fail('a node says a wrong number deleted');
    }
  }
}

function fail(what: string): never {
  throw new Error(`stream: ${what}`);
}
