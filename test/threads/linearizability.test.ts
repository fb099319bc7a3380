/** Single-key registers are linearizable: histories of eight clients, checked key by key. */
import { describe, expect, test } from 'vitest';
import { Random, withRandom } from '../support/random.ts';
import type { RawClient } from '../support/raw-client.ts';
import { startTessera } from '../support/tessera.ts';
import { isLinearizable, type Operation } from './linearizability.ts';
import { TOPOLOGIES } from './topologies.ts';

const CLIENTS = 8;
const OPERATIONS = 150;
const KEYS = ['r0', 'r1', 'r2'];

describe('the checker', () => {
  const at = (called: number, returned: number) => ({ called, returned });

  test('accepts what overlaps and fits', () => {
    const history: Operation[] = [
      { kind: 'set', value: 1, ...at(0, 5) },
      { kind: 'get', answer: null, ...at(1, 2) },
      { kind: 'get', answer: 1, ...at(3, 4) },
      { kind: 'incr', answer: 2, ...at(3, 9) },
      { kind: 'getset', value: 7, answer: 2, ...at(6, 8) },
    ];
    expect(isLinearizable(history)).toBe(true);
  });

  test('refuses a stale read', () => {
    const history: Operation[] = [
      { kind: 'set', value: 1, ...at(0, 1) },
      { kind: 'set', value: 2, ...at(2, 3) },
      { kind: 'get', answer: 1, ...at(4, 5) },
    ];
    expect(isLinearizable(history)).toBe(false);
  });

  test('refuses values that go back and lost increments', () => {
    const back: Operation[] = [
      { kind: 'set', value: 1, ...at(0, 9) },
      { kind: 'get', answer: 1, ...at(1, 2) },
      { kind: 'get', answer: null, ...at(3, 4) },
    ];
    const lost: Operation[] = [
      { kind: 'incr', answer: 1, ...at(0, 3) },
      { kind: 'incr', answer: 1, ...at(1, 2) },
    ];
    expect(isLinearizable(back)).toBe(false);
    expect(isLinearizable(lost)).toBe(false);
  });
});

/** One client's operations; `tick` counts calls and returns of all clients. */
async function record(
  client: RawClient,
  clientIndex: number,
  random: Random,
  tick: () => number,
  histories: ReadonlyMap<string, Operation[]>,
): Promise<void> {
  for (let i = 0; i < OPERATIONS; i++) {
    const key = random.pick(KEYS);
    const kind = random.pick(['set', 'get', 'get', 'getset', 'incr'] as const);
    // Far apart, so that increments do not reach another's value.
    const value = (1 + clientIndex * OPERATIONS + i) * 10_000;
    const words = kind === 'get' || kind === 'incr' ? [kind, key] : [kind, key, value];
    const called = tick();
    const reply = await client.command(words);
    const returned = tick();
    const text = /(?:^:|\r\n)(\d+)\r\n$/.exec(reply)?.[1];
    const answer = text === undefined ? null : Number(text);
    histories.get(key)!.push({ kind, value, answer, called, returned });
  }
}

describe.each(TOPOLOGIES)('%s', (_name, args) => {
  test('SET, GET, GETSET and INCR of eight clients', async () => {
    const server = await startTessera(args);
    try {
      await withRandom(async (random) => {
        const clients = await Promise.all(
          Array.from({ length: CLIENTS + 1 }, () => server.connect()),
        );
        const histories = new Map(KEYS.map((key) => [key, [] as Operation[]]));
        let now = 0;
        const tick = (): number => now++;
        const noise = clients.pop()!;
        let isDone = false;
        const noisy = (async () => {
          while (!isDone) await noise.command(['KEYS', '*']);
        })();
        await Promise.all(
          clients.map((client, i) => record(client, i, new Random(random.next()), tick, histories)),
        );
        isDone = true;
        await noisy;
        for (const [key, history] of histories) {
          expect([key, isLinearizable(history)]).toEqual([key, true]);
        }
        for (const client of [...clients, noise]) client.close();
      });
    } finally {
      expect(await server.stop()).toBe(0);
    }
  });
});
