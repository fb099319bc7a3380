/**
 * ListValues: lists of one shard over both encodings.
 *
 * LAYOUT
 *   listpack   value bytes = a pack of the elements
 *   quicklist  root block: words 0..3 a quicklist's struct (structures/quicklist.ts)
 *
 * Changes go to the list that was opened. What `read` and `index` find is borrowed until the next
 * call.
 */
import type { Ref } from '../memory/arena.ts';
import { Listpack, PACK_HEADER_BYTES } from '../structures/listpack.ts';
import { exceedsNode, Quicklist } from '../structures/quicklist.ts';
import { ENCODING_LISTPACK, ENCODING_QUICKLIST, TYPE_LIST } from './entry.ts';
import { Key } from './key.ts';
import type { Shard } from './shard.ts';
import { allocRoot, ROOT_WORDS } from './value-root.ts';

/** Receives an element as bytes of a buffer, borrowed during the call; false ends the walk. */
export type ElementVisitor = (buf: Uint8Array, from: number, to: number) => boolean;

export class ListValues {
  /** The element that `index` found. */
  buf: Uint8Array;
  from = 0;
  to = 0;
  /** Entry of the open list; 0 = the list has become empty and is gone. */
  ref = 0;
  readonly #shard: Shard;
  readonly #pack: Listpack;
  readonly #list: Quicklist;
  #db = 0;
  #key = new Key();

  constructor(shard: Shard) {
    this.#shard = shard;
    this.buf = shard.u8;
    this.#pack = new Listpack(shard.u8);
    this.#list = new Quicklist(shard.arena);
  }

  /** Nodes of a quicklist; 0 for a listpack. O(1). */
  nodeCount(ref: Ref): number {
    return this.#shard.isRooted(ref) ? this.#attach(ref).nodeCount : 0;
  }

  #attach(ref: Ref): Quicklist {
    const shard = this.#shard;
    return this.#list.attach(shard.rootOf(ref) * 2, shard.limits.listMaxListpackSize);
  }

  /** Number of elements. O(1). */
  size(ref: Ref): number {
    const shard = this.#shard;
    if (shard.isRooted(ref)) return this.#attach(ref).size;
    const start = shard.valueOffset(ref);
    return this.#pack.count(start, start + shard.valueLength(ref));
  }

  /** Finds element `index` (negative: from the tail). O(nodes to the nearer end or the mark). */
  index(ref: Ref, index: number): boolean {
    const shard = this.#shard;
    if (shard.isRooted(ref)) {
      const list = this.#attach(ref);
      if (!list.seek(index)) return false;
      if (!shard.state.isReadOnly) list.markPlace();
      this.#take(list.pack, list.at);
      return true;
    }
    const start = shard.valueOffset(ref);
    const at = this.#pack.seek(start, start + shard.valueLength(ref), index);
    if (at < 0) return false;
    this.#take(this.#pack, at);
    return true;
  }

  #take(pack: Listpack, at: number): void {
    pack.read(at);
    this.buf = pack.buf;
    this.from = pack.from;
    this.to = pack.to;
  }

  /**
   * Calls `visit` for elements from `index` on, towards the tail or (`isBackward`) the head, until
   * it answers false. `visit` must not change the list. O(nodes) to begin, O(1) an element.
   */
  walk(ref: Ref, index: number, isBackward: boolean, visit: ElementVisitor): void {
    const shard = this.#shard;
    if (shard.isRooted(ref)) {
      const list = this.#attach(ref);
      const { pack } = list;
      let goesOn = list.seek(index);
      if (goesOn && !shard.state.isReadOnly) list.markPlace();
      while (goesOn) {
        pack.read(list.at);
        if (!visit(pack.buf, pack.from, pack.to)) return;
        goesOn = isBackward ? list.previous() : list.next();
      }
      return;
    }
    const pack = this.#pack;
    const start = shard.valueOffset(ref);
    const end = start + shard.valueLength(ref);
    let at = pack.seek(start, end, index);
    while (at >= 0 && at < end) {
      pack.read(at);
      if (!visit(pack.buf, pack.from, pack.to)) return;
      at = isBackward ? pack.previous(start, at) : pack.next(at);
    }
  }

  // ---- the open list

  /** Opens the list of the entry that `find` just returned for `key`. */
  open(db: number, key: Key, ref: Ref): this {
    this.#db = db;
    this.#key = key;
    this.ref = ref;
    return this;
  }

  /** Makes an empty list for `key`, to which elements must be added, and opens it. False = full. */
  create(db: number, key: Key): boolean {
    const shard = this.#shard;
    const ref = shard.createValue(db, key, TYPE_LIST, ENCODING_LISTPACK, PACK_HEADER_BYTES, 0);
    if (ref === 0) return false;
    this.#pack.init(shard.valueOffset(ref));
    // The slot that later changes of the entry write to is the one that a lookup found.
    this.open(db, key, shard.find(db, key));
    return true;
  }

  /** Deletes the open list when it has no elements. */
  dropEmpty(): void {
    if (this.ref === 0 || this.size(this.ref) !== 0) return;
    this.#shard.delete(this.#db, this.#key);
    this.ref = 0;
  }

  #touched(): void {
    this.#shard.touched(this.#db, this.#key);
  }

  /**
   * Makes a quicklist of the open list when `bytes` more bytes in `count` more elements are too
   * much for a listpack. False when the arena is full.
   */
  prepare(bytes: number, count: number): boolean {
    const shard = this.#shard;
    const { ref } = this;
    if (shard.isRooted(ref)) return true;
    const fill = shard.limits.listMaxListpackSize;
    const start = shard.valueOffset(ref);
    const length = shard.valueLength(ref);
    const elements = this.#pack.count(start, start + length);
    if (!exceedsNode(fill, length + bytes, elements + count, 1)) return true;
    return this.#convertToQuicklist(start, length);
  }

  #convertToQuicklist(start: number, length: number): boolean {
    const shard = this.#shard;
    const root = allocRoot(shard.arena, TYPE_LIST);
    if (root === 0) return false;
    const list = this.#list.attach(root * 2, shard.limits.listMaxListpackSize);
    list.init();
    if (length > PACK_HEADER_BYTES && !list.adopt(start, start + length)) {
      shard.arena.free(root);
      return false;
    }
    this.ref = shard.convertToRooted(this.#db, this.#key, this.ref, ENCODING_QUICKLIST, root);
    return true;
  }

  /** Makes a listpack of a quicklist that has shrunk to one node of at most half a node's size. */
  #shrink(): void {
    const shard = this.#shard;
    const { ref } = this;
    if (ref === 0 || !shard.isRooted(ref)) return;
    const list = this.#attach(ref);
    if (list.nodeCount !== 1) return;
    const node = list.first;
    const start = list.packStart(node);
    const length = list.packEnd(node) - start;
    if (exceedsNode(list.fill, length, list.size, 2)) return;
    const root = shard.rootOf(ref);
    const moved = shard.convertToValue(this.#db, this.#key, ref, ENCODING_LISTPACK, length);
    if (moved === 0) return;
    this.ref = moved;
    const to = shard.valueOffset(moved);
    shard.u8.copyWithin(to, start, start + length);
    shard.lazy.addRoot(root);
  }

  /** Adds an element at an end of the open list. False when the arena is full. */
  push(buf: Uint8Array, from: number, to: number, atHead: boolean): boolean {
    const shard = this.#shard;
    if (shard.isRooted(this.ref)) {
      if (!this.#attach(this.ref).push(buf, from, to, atHead)) return false;
      this.#touched();
      return true;
    }
    return this.#insertPacked(atHead ? PACK_HEADER_BYTES : -1, buf, from, to);
  }

  /** Inserts into the open listpack before byte `place` of it, -1 = at its end. */
  #insertPacked(place: number, buf: Uint8Array, from: number, to: number): boolean {
    const shard = this.#shard;
    const pack = this.#pack;
    const length = shard.valueLength(this.ref);
    const grown = length + pack.encodedBytes(buf, from, to);
    const moved = shard.resizeValue(this.#db, this.#key, this.ref, grown);
    if (moved === 0) return false;
    this.ref = moved;
    const start = shard.valueOffset(moved);
    pack.insert(start, start + length, start + (place < 0 ? length : place), buf, from, to);
    return true;
  }

  /** Takes `count` elements out at an end of the open list; an empty list is deleted. */
  removeEnd(count: number, atHead: boolean): void {
    if (count === 1 && this.#shard.isRooted(this.ref)) {
      this.#attach(this.ref).popEnd(atHead);
      this.#touched();
      this.#settle();
      return;
    }
    const size = this.size(this.ref);
    this.removeRange(atHead ? 0 : Math.max(0, size - count), count);
  }

  /** Takes `count` elements out from element `index` on; an empty list is deleted. */
  removeRange(index: number, count: number): void {
    const shard = this.#shard;
    const { ref } = this;
    if (count <= 0) return;
    if (shard.isRooted(ref)) {
      this.#attach(ref).removeRange(index, count);
      this.#touched();
    } else {
      const pack = this.#pack;
      const start = shard.valueOffset(ref);
      const end = start + shard.valueLength(ref);
      const at = pack.seek(start, end, index);
      if (at < 0) return;
      const shrunk = pack.remove(start, end, at, count);
      this.ref = shard.resizeValue(this.#db, this.#key, ref, shrunk - start);
    }
    this.#settle();
  }

  #settle(): void {
    this.dropEmpty();
    this.#shrink();
  }

  /** Puts other bytes in the place of element `index`. 1, 0 = no such element, -1 = arena full. */
  set(index: number, buf: Uint8Array, from: number, to: number): number {
    const shard = this.#shard;
    // As in Redis, a listpack that has no room for one element more converts here, too.
    if (!this.prepare(to - from, 1)) return -1;
    if (shard.isRooted(this.ref)) {
      const list = this.#attach(this.ref);
      if (!list.seek(index)) return 0;
      if (!list.replaceHere(buf, from, to)) return -1;
      this.#touched();
      this.#shrink();
      return 1;
    }
    const pack = this.#pack;
    const old = shard.valueOffset(this.ref);
    const length = shard.valueLength(this.ref);
    const at = pack.seek(old, old + length, index);
    if (at < 0) return 0;
    const grown = length + pack.encodedBytes(buf, from, to) - pack.entryBytes(at);
    if (grown > length) {
      const moved = shard.resizeValue(this.#db, this.#key, this.ref, grown);
      if (moved === 0) return -1;
      this.ref = moved;
    }
    const start = shard.valueOffset(this.ref);
    pack.replace(start, start + length, start + at - old, buf, from, to);
    if (grown <= length) {
      this.ref = shard.resizeValue(this.#db, this.#key, this.ref, grown);
    }
    return 1;
  }

  /**
   * Inserts an element before or behind the first that is `pivot`, bytes [pivotFrom, pivotTo) of
   * `buf`. 1, 0 = no pivot, -1 = arena full. O(n).
   */
  insert(
    buf: Uint8Array,
    pivotFrom: number,
    pivotTo: number,
    from: number,
    to: number,
    isBehind: boolean,
  ): number {
    const shard = this.#shard;
    if (!this.prepare(to - from, 1)) return -1;
    if (shard.isRooted(this.ref)) {
      const list = this.#attach(this.ref);
      let goesOn = list.seek(0);
      while (goesOn && !list.pack.equals(list.at, buf, pivotFrom, pivotTo)) goesOn = list.next();
      if (!goesOn) {
        this.#shrink();
        return 0;
      }
      if (!list.insertHere(buf, from, to, isBehind)) return -1;
      this.#touched();
      return 1;
    }
    const pack = this.#pack;
    const start = shard.valueOffset(this.ref);
    const end = start + shard.valueLength(this.ref);
    const at = pack.find(start, end, buf, pivotFrom, pivotTo, 0, 1);
    if (at < 0) return 0;
    const place = (isBehind ? pack.next(at) : at) - start;
    return this.#insertPacked(place, buf, from, to) ? 1 : -1;
  }

  /**
   * Takes up to `limit` elements equal to buf[from, to) out, from the head on or (`isBackward`)
   * from the tail; an empty list is deleted. Returns how many. O(n).
   */
  removeEqual(
    buf: Uint8Array,
    from: number,
    to: number,
    limit: number,
    isBackward: boolean,
  ): number {
    const shard = this.#shard;
    let removed = 0;
    if (shard.isRooted(this.ref)) {
      const list = this.#attach(this.ref);
      let goesOn = list.seek(isBackward ? -1 : 0);
      while (goesOn && removed < limit) {
        if (list.pack.equals(list.at, buf, from, to)) {
          removed += 1;
          goesOn = list.removeHere(isBackward);
        } else {
          goesOn = isBackward ? list.previous() : list.next();
        }
      }
      if (removed !== 0) this.#touched();
    } else {
      removed = this.#removePacked(buf, from, to, limit, isBackward);
    }
    if (removed !== 0) this.#settle();
    return removed;
  }

  #removePacked(
    buf: Uint8Array,
    from: number,
    to: number,
    limit: number,
    isBackward: boolean,
  ): number {
    const shard = this.#shard;
    const pack = this.#pack;
    const start = shard.valueOffset(this.ref);
    let end = start + shard.valueLength(this.ref);
    let removed = 0;
    let at = isBackward ? pack.last(start, end) : pack.first(start);
    while (at >= 0 && at < end && removed < limit) {
      const before = isBackward ? pack.previous(start, at) : -1;
      const isEqual = pack.equals(at, buf, from, to);
      if (isEqual) {
        removed += 1;
        end = pack.remove(start, end, at, 1);
      }
      if (isBackward) at = before;
      else if (!isEqual) at = pack.next(at);
    }
    if (removed !== 0) {
      this.ref = shard.resizeValue(this.#db, this.#key, this.ref, end - start);
    }
    return removed;
  }

  // ---- roots

  /** Frees nodes with about `units` elements of a root that no key has. True when it is gone. */
  freeRootSlice(root: Ref, units: number): boolean {
    if (!this.#list.attach(root * 2, 0).freeSlice(units)) return false;
    this.#shard.arena.free(root);
    return true;
  }

  /** A copy of a root in another shard or this one, or 0 when that arena is full. O(n). */
  copyRoot(root: Ref, to: Shard): Ref {
    const copy = allocRoot(to.arena, TYPE_LIST);
    if (copy === 0) return 0;
    const fill = to.limits.listMaxListpackSize;
    const target = new Quicklist(to.arena).attach(copy * 2, fill);
    target.init();
    const source = this.#list.attach(root * 2, fill);
    const { pack } = source;
    for (let goesOn = source.seek(0); goesOn; goesOn = source.next()) {
      pack.read(source.at);
      if (target.push(pack.buf, pack.from, pack.to, false)) continue;
      to.lazy.addRoot(copy);
      return 0;
    }
    return copy;
  }

  /** Bytes of a root's blocks. O(nodes). */
  memoryBytes(root: Ref): number {
    return ROOT_WORDS * 4 + this.#list.attach(root * 2, 0).memoryBytes();
  }

  /** Throws when the value of an entry is damaged. O(n). */
  checkInvariants(ref: Ref): void {
    const shard = this.#shard;
    if (shard.isRooted(ref)) {
      this.#attach(ref).checkInvariants();
    } else {
      const start = shard.valueOffset(ref);
      this.#pack.checkInvariants(start, start + shard.valueLength(ref));
    }
    if (this.size(ref) === 0) throw new Error('list: an empty list');
  }
}
