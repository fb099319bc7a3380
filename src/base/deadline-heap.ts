/**
 * DeadlineHeap: what is due at some time, the earliest first. A binary heap whose items know their
 * place in it, so that most of them can leave before they are due (Williams 1964).
 */

/** Something with a deadline; may be in one heap at a time. */
export interface Deadline {
  /** Unix ms; does not change while it is in a heap. */
  readonly deadlineMs: number;
  /** Place in the heap, kept by it; -1 = in none. */
  heapIndex: number;
}

export class DeadlineHeap<T extends Deadline> {
  readonly #items: T[] = [];

  get size(): number {
    return this.#items.length;
  }

  /** Deadline of the first item; Infinity when there is none. */
  get nextMs(): number {
    return this.#items[0]?.deadlineMs ?? Number.POSITIVE_INFINITY;
  }

  /** O(log n). */
  add(item: T): void {
    this.#items.push(item);
    this.#up(this.#items.length - 1, item);
  }

  /** Takes an item out, if it is in. O(log n). */
  remove(item: T): void {
    const index = item.heapIndex;
    if (index < 0) return;
    item.heapIndex = -1;
    const last = this.#items.pop()!;
    if (last === item) return;
    this.#up(index, last);
    this.#down(last.heapIndex, last);
  }

  /** Takes the first item out when it is due at `nowMs`; otherwise undefined. O(log n). */
  popDue(nowMs: number): T | undefined {
    const first = this.#items[0];
    if (first === undefined || first.deadlineMs > nowMs) return undefined;
    this.remove(first);
    return first;
  }

  #up(start: number, item: T): void {
    const items = this.#items;
    let index = start;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      const above = items[parent]!;
      if (above.deadlineMs <= item.deadlineMs) break;
      items[index] = above;
      above.heapIndex = index;
      index = parent;
    }
    items[index] = item;
    item.heapIndex = index;
  }

  #down(start: number, item: T): void {
    const items = this.#items;
    let index = start;
    for (;;) {
      let child = index * 2 + 1;
      if (child >= items.length) break;
      if (child + 1 < items.length && items[child + 1]!.deadlineMs < items[child]!.deadlineMs) {
        child += 1;
      }
      const below = items[child]!;
      if (below.deadlineMs >= item.deadlineMs) break;
      items[index] = below;
      below.heapIndex = index;
      index = child;
    }
    items[index] = item;
    item.heapIndex = index;
  }
}
