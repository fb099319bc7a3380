import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { expect, test } from 'vitest';
import { JOB_BOARD_WORDS, JOB_PARTS_MAX, JobBoard } from '../../src/sync/job-board.ts';

function newBoard(): JobBoard {
  return new JobBoard(new Int32Array(new SharedArrayBuffer(64)), 2);
}

test('owner from the front, helpers from the end', () => {
  const board = newBoard();
  expect(board.enter()).toBe(false);
  expect(board.tryTake()).toBe(true);
  expect(board.tryTake()).toBe(false);
  expect(board.enter()).toBe(false);
  board.open(77, 4);
  expect(board.enter()).toBe(true);
  expect([board.job, board.sequence]).toEqual([77, 1]);
  expect(board.claimFirst()).toBe(0);
  expect(board.claimLast()).toBe(3);
  expect(board.claimLast()).toBe(2);
  expect(board.claimFirst()).toBe(1);
  expect([board.claimFirst(), board.claimLast()]).toEqual([-1, -1]);
  board.leave();
  expect(board.enter()).toBe(false);
  expect(board.close()).toBe(2);
  expect(board.enter()).toBe(false);
  board.release();
  expect(board.tryTake()).toBe(true);
  board.open(78, 1);
  expect(board.enter()).toBe(true);
  expect([board.job, board.sequence]).toEqual([78, 2]);
});

test.each([[1], [2], [JOB_PARTS_MAX - 1], [JOB_PARTS_MAX]])('%i parts', (parts) => {
  const board = newBoard();
  board.tryTake();
  board.open(1, parts);
  let claimed = 0;
  for (let i = 0; i < parts; i++) {
    if ((i % 3 === 0 ? board.claimLast() : board.claimFirst()) >= 0) claimed += 1;
  }
  expect(claimed).toBe(parts);
  expect(board.claimFirst()).toBe(-1);
  expect(board.close()).toBe(parts - Math.ceil(parts / 3));
});

test('an early end leaves the parts that nobody claimed', () => {
  const board = newBoard();
  board.tryTake();
  board.open(1, 10);
  board.claimFirst();
  board.claimLast();
  expect(board.close()).toBe(9);
});

test('threads that own and help at random', async () => {
  const partsMax = 40;
  const buffer = new SharedArrayBuffer((JOB_BOARD_WORDS + 1 + partsMax) * 4);
  const url = new URL('./job-board-worker.ts', import.meta.url);
  const workers = [1, 2, 3].map(
    (thread) => new Worker(url, { workerData: { buffer, thread, jobs: 2000, partsMax } }),
  );
  const reports = await Promise.all(
    workers.map(async (worker) => (await once(worker, 'message'))[0] as { helped: number }),
  );
  expect(reports.reduce((sum, { helped }) => sum + helped, 0)).toBeGreaterThan(0);
});
