import { expect, test } from 'vitest';
import { DeadlineHeap } from '../../src/base/deadline-heap.ts';
import { withRandom } from '../support/random.ts';

test('the earliest comes first, and anything may leave before', async () => {
  await withRandom(async (random) => {
    const heap = new DeadlineHeap<{ readonly deadlineMs: number; heapIndex: number }>();
    const model: { readonly deadlineMs: number; heapIndex: number }[] = [];
    const next = (): number => Math.min(...model.map((item) => item.deadlineMs));
    for (let step = 0; step < 5000; step++) {
      const kind = random.below(4);
      if (kind <= 1) {
        const item = { deadlineMs: random.below(1000), heapIndex: -1 };
        heap.add(item);
        model.push(item);
      } else if (kind === 2 && model.length !== 0) {
        const [item] = model.splice(random.below(model.length), 1);
        heap.remove(item!);
        heap.remove(item!);
        expect(item!.heapIndex).toBe(-1);
      } else {
        const nowMs = random.below(1000);
        const due = heap.popDue(nowMs);
        if (model.length === 0 || next() > nowMs) expect(due).toBeUndefined();
        else {
          expect(due!.deadlineMs).toBe(next());
          model.splice(model.indexOf(due!), 1);
        }
      }
      expect(heap.size).toBe(model.length);
      expect(heap.nextMs).toBe(next());
    }
  });
});
