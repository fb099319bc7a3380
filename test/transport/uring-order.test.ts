import { expect, test } from 'vitest';
import { SendOrder } from '../../src/transport/uring-order.ts';

function takeAll(order: SendOrder): number[] {
  const taken: number[] = [];
  for (let conn = order.take(); conn >= 0; conn = order.take()) taken.push(conn);
  return taken;
}

const cases: readonly [name: string, added: number[], hurried: number[], taken: number[]][] = [
  ['nothing', [], [], []],
  ['the last one goes first', [3, 0, 2], [], [2, 0, 3]],
  ['the hurried go ahead, in their order', [0, 1, 2, 3], [1, 0], [1, 0, 3, 2, 1, 0]],
  ['an index given out twice in a turn', [1, 1], [1, 1], [1, 1, 1, 1]],
];

test.each(cases)('order of sends: %s', (_name, added, hurried, taken) => {
  const order = new SendOrder(4);
  // The second turn finds nothing left of the first.
  for (let turn = 0; turn < 2; turn++) {
    for (const conn of added) order.add(conn);
    for (const conn of hurried) order.hurry(conn);
    expect(takeAll(order)).toEqual(taken);
  }
});
