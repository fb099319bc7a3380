/**
 * Decides whether a history of one register is linearizable: whether every operation can be given
 * one instant between its call and its return so that the replies follow from the order of these
 * instants.
 *
 * ALGORITHM Wing and Gong's search with Lowe's memory of (operations done, state) pairs: take any
 * operation that was called before the first return of the others, apply it to the state, go on;
 * step back where no reply fits.
 */

export interface Operation {
  readonly kind: 'set' | 'get' | 'getset' | 'incr';
  /** Of set and getset. */
  readonly value?: number;
  /** The value answered by get, getset and incr; null = no such key. */
  readonly answer?: number | null;
  /** Places in the sequence of all calls and returns. */
  readonly called: number;
  readonly returned: number;
}

type State = number | null;

/** The state after an operation, or undefined where its answer does not fit. */
function apply(operation: Operation, state: State): State | undefined {
  switch (operation.kind) {
    case 'set':
      return operation.value!;
    case 'get':
      return operation.answer === state ? state : undefined;
    case 'getset':
      return operation.answer === state ? operation.value! : undefined;
    case 'incr':
      return operation.answer === (state ?? 0) + 1 ? operation.answer : undefined;
  }
}

interface Step {
  readonly index: number;
  readonly before: State;
}

/** True when `history` (any order) of a register that starts out absent is linearizable. */
export function isLinearizable(history: readonly Operation[]): boolean {
  const operations = [...history].sort((a, b) => a.called - b.called);
  const isDone = new Uint8Array(operations.length);
  const seen = new Set<string>();
  const steps: Step[] = [];
  let state: State = null;
  let from = 0;
  while (steps.length < operations.length) {
    const next = findNext(operations, isDone, state, from, seen);
    if (next >= 0) {
      steps.push({ index: next, before: state });
      state = apply(operations[next]!, state) as State;
      isDone[next] = 1;
      from = 0;
      continue;
    }
    const step = steps.pop();
    if (step === undefined) return false;
    isDone[step.index] = 0;
    state = step.before;
    from = step.index + 1;
  }
  return true;
}

/**
 * The first operation from `from` on that may come now and leads to something not tried yet, or -1.
 */
function findNext(
  operations: readonly Operation[],
  isDone: Uint8Array,
  state: State,
  from: number,
  seen: Set<string>,
): number {
  let firstReturn = Number.POSITIVE_INFINITY;
  const first = isDone.indexOf(0);
  for (let i = first; i < operations.length; i++) {
    if (isDone[i] === 0) firstReturn = Math.min(firstReturn, operations[i]!.returned);
    if (operations[i]!.called > firstReturn) break;
  }
  for (let i = Math.max(first, from); i < operations.length; i++) {
    const operation = operations[i]!;
    if (operation.called > firstReturn) return -1;
    if (isDone[i] !== 0) continue;
    const after = apply(operation, state);
    if (after === undefined) continue;
    isDone[i] = 1;
    const key = memory(isDone, first, after);
    isDone[i] = 0;
    if (seen.has(key)) continue;
    seen.add(key);
    return i;
  }
  return -1;
}

/** Names a set of done operations by where it starts to have holes, and the holes. */
function memory(isDone: Uint8Array, first: number, state: State): string {
  const last = isDone.lastIndexOf(1);
  return `${first}:${isDone.subarray(first, last + 1).join('')}:${state}`;
}
