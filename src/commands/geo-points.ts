/** Geo: what a search has found, before it is sorted, replied or stored. */

const MEMBERS_INITIAL = 256;
const BYTES_INITIAL = 4096;
/** A huge search leaves no more room than this behind. */
const MEMBERS_KEPT = 16_384;

/** Receives a found member: its bytes, borrowed, its score and its distance in meters. */
export type PointVisitor = (
  buf: Uint8Array,
  from: number,
  to: number,
  score: number,
  distance: number,
) => void;

/**
 * Members with scores and distances in the order in which they were found. Copies of the members
 * lie one after the other in one block, so a million of them are five objects.
 */
export class GeoPoints {
  count = 0;
  #length = 0;
  #bytes = new Uint8Array(BYTES_INITIAL);
  #scores = new Float64Array(MEMBERS_INITIAL);
  #distances = new Float64Array(MEMBERS_INITIAL);
  /** Where each member begins; it ends where the next begins. */
  #starts = new Float64Array(MEMBERS_INITIAL + 1);

  /** Forgets all points. */
  clear(): void {
    this.count = 0;
    this.#length = 0;
    if (this.#scores.length <= MEMBERS_KEPT && this.#bytes.length <= MEMBERS_KEPT * 16) return;
    this.#bytes = new Uint8Array(BYTES_INITIAL);
    this.#scores = new Float64Array(MEMBERS_INITIAL);
    this.#distances = new Float64Array(MEMBERS_INITIAL);
    this.#starts = new Float64Array(MEMBERS_INITIAL + 1);
  }

  /** Copies a member to the end. */
  add(buf: Uint8Array, from: number, to: number, score: number, distance: number): void {
    const { count } = this;
    const end = this.#length + (to - from);
    if (count === this.#scores.length || end > this.#bytes.length) this.#grow(end);
    const bytes = this.#bytes;
    for (let i = from, at = this.#length; i < to; i++, at++) bytes[at] = buf[i]!;
    this.#scores[count] = score;
    this.#distances[count] = distance;
    this.#length = end;
    this.count = count + 1;
    this.#starts[this.count] = end;
  }

  #grow(end: number): void {
    if (end > this.#bytes.length) {
      const bytes = new Uint8Array(Math.max(end, this.#bytes.length * 2));
      bytes.set(this.#bytes);
      this.#bytes = bytes;
    }
    if (this.count < this.#scores.length) return;
    const room = this.count * 2;
    this.#scores = doubled(this.#scores, room);
    this.#distances = doubled(this.#distances, room);
    this.#starts = doubled(this.#starts, room + 1);
  }

  /**
   * Visits the first `count` points: by distance, those of one distance as they were found, where
   * `direction` is 1 (nearest first) or -1; with 0 in the order found. O(n log n).
   */
  forFirst(count: number, direction: number, visit: PointVisitor): void {
    if (direction === 0) {
      for (let i = 0; i < count; i++) this.#visitOne(i, visit);
      return;
    }
    const distances = this.#distances;
    const order = Uint32Array.from({ length: this.count }, (_, i) => i);
    order.sort((a, b) => direction * (distances[a]! - distances[b]!));
    for (let i = 0; i < count; i++) this.#visitOne(order[i]!, visit);
  }

  #visitOne(i: number, visit: PointVisitor): void {
    const start = this.#starts[i]!;
    visit(this.#bytes, start, this.#starts[i + 1]!, this.#scores[i]!, this.#distances[i]!);
  }
}

function doubled(old: Float64Array<ArrayBuffer>, room: number): Float64Array<ArrayBuffer> {
  const next = new Float64Array(room);
  next.set(old);
  return next;
}
