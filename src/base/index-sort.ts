/**
 * Sorting by index: the items stay where they are, and typed arrays of their numbers are sorted. A
 * million items cost some 20 MB for as long as it takes, and no object each.
 */

/** Runs of this length are sorted by insertion before merging begins. */
const RUN = 12;

/** Orders items that their scores do not tell apart: negative, 0 or positive. */
export type TieOrder = (a: number, b: number) => number;

/**
 * The numbers of all items in ascending (or descending) order of their scores, none of which is
 * NaN, and of `ties` where those are equal. Stable in both directions. O(n log n).
 */
export function sortedIndexes(
  scores: Float64Array,
  isDescending: boolean,
  ties: TieOrder,
): Uint32Array {
  const count = scores.length;
  const sign = isDescending ? -1 : 1;
  const order = (a: number, b: number): number => {
    const x = scores[a]!;
    const y = scores[b]!;
    if (x !== y) return x < y ? -sign : sign;
    return sign * ties(a, b);
  };
  let from = new Uint32Array(count);
  for (let i = 0; i < count; i++) from[i] = i;
  for (let start = 0; start < count; start += RUN) {
    insertionSort(from, start, Math.min(start + RUN, count), order);
  }
  if (count <= RUN) return from;
  let to = new Uint32Array(count);
  for (let width = RUN; width < count; width *= 2) {
    for (let start = 0; start < count; start += width * 2) {
      const middle = Math.min(start + width, count);
      mergeRuns(from, to, start, middle, Math.min(middle + width, count), order);
    }
    [from, to] = [to, from];
  }
  return from;
}

function insertionSort(items: Uint32Array, start: number, end: number, order: TieOrder): void {
  for (let i = start + 1; i < end; i++) {
    const item = items[i]!;
    let at = i;
    for (; at > start && order(items[at - 1]!, item) > 0; at--) items[at] = items[at - 1]!;
    items[at] = item;
  }
}

/** Merges the runs [start, middle) and [middle, end) of `from` into `to`. */
function mergeRuns(
  from: Uint32Array,
  to: Uint32Array,
  start: number,
  middle: number,
  end: number,
  order: TieOrder,
): void {
  let left = start;
  let right = middle;
  if (right === end || order(from[middle - 1]!, from[middle]!) <= 0) {
    for (let at = start; at < end; at++) to[at] = from[at]!;
    return;
  }
  for (let at = start; at < end; at++) {
    const isLeft = right === end || (left < middle && order(from[left]!, from[right]!) <= 0);
    to[at] = isLeft ? from[left++]! : from[right++]!;
  }
}
