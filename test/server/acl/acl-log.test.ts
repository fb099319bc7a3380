/** The log of refusals: grouping, numbers, limits, what threads hand over. */
import { expect, test } from 'vitest';
import { AclLog, type Denial, DenialNotes } from '../../../src/server/acl/acl-log.ts';

function denial(object: string, atMs: number, more: Partial<Denial> = {}): Denial {
  return {
    reason: 'command',
    context: 'toplevel',
    object,
    username: 'alice',
    clientInfo: `id=${atMs}`,
    atMs,
    ...more,
  };
}

/** What a log shows of its entries. */
function shown(log: AclLog): [id: number, object: string, count: number][] {
  return log.newest(1000).map(({ id, object, count }) => [id, object, count]);
}

test('alike within a minute is one entry with the latest client', () => {
  const notes = new DenialNotes();
  for (const at of [1000, 2000, 61_000]) notes.note(denial('get', at), 128);
  const log = new AclLog();
  log.collect([notes.drain()], 128);
  expect(log.newest(10)).toEqual([
    {
      ...{ id: 0, reason: 'command', context: 'toplevel', object: 'get', username: 'alice' },
      ...{ clientInfo: 'id=61000', count: 3, createdMs: 1000, updatedMs: 61_000 },
    },
  ]);
  notes.note(denial('get', 121_000), 128);
  log.collect([notes.drain()], 128);
  expect(shown(log)).toEqual([[0, 'get', 4]]);
  notes.note(denial('get', 181_001), 128);
  log.collect([notes.drain()], 128);
  expect(shown(log)).toEqual([
    [1, 'get', 1],
    [0, 'get', 4],
  ]);
});

test.each<[string, Partial<Denial>]>([
  ['reason', { reason: 'key' }],
  ['context', { context: 'multi' }],
  ['object', { object: 'set' }],
  ['user', { username: 'bob' }],
])('another %s is another entry', (_name, more) => {
  const notes = new DenialNotes();
  notes.note(denial('get', 1), 128);
  notes.note(denial('get', 2, more), 128);
  expect(notes.drain().groups.length).toBe(2);
});

test('only the ten newest entries are looked at', () => {
  const notes = new DenialNotes();
  for (let i = 0; i < 11; i++) notes.note(denial(`c${i}`, i), 128);
  notes.note(denial('c1', 20), 128);
  expect(
    notes
      .drain()
      .groups.map(({ object }) => object)
      .slice(0, 2),
  ).toEqual(['c1', 'c10']);
  for (let i = 0; i < 11; i++) notes.note(denial(`c${i}`, i), 128);
  notes.note(denial('c0', 20), 128);
  expect(notes.drain().groups.length).toBe(12);
});

test('threads hand over what they have, and it is put in order of time', () => {
  const [a, b] = [new DenialNotes(), new DenialNotes()];
  a.note(denial('get', 10), 128);
  b.note(denial('set', 20), 128);
  a.note(denial('get', 30), 128);
  b.note(denial('get', 40), 128);
  const log = new AclLog();
  log.collect([a.drain(), b.drain()], 128);
  expect(shown(log)).toEqual([
    [1, 'get', 3],
    [0, 'set', 1],
  ]);
  expect(a.drain().groups).toEqual([]);
});

test('what comes within one millisecond keeps its order', () => {
  const notes = new DenialNotes();
  for (const name of ['a', 'b', 'c']) notes.note(denial(name, 7), 128);
  const log = new AclLog();
  log.collect([notes.drain()], 128);
  expect(shown(log).map(([id, object]) => [id, object])).toEqual([
    [2, 'c'],
    [1, 'b'],
    [0, 'a'],
  ]);
});

test('acllog-max-len: the oldest go; 0 empties the log with the next refusal', () => {
  const notes = new DenialNotes();
  for (let i = 0; i < 10; i++) notes.note(denial(`c${i}`, i), 5);
  const log = new AclLog();
  log.collect([notes.drain()], 5);
  expect(shown(log).map(([, object]) => object)).toEqual(['c9', 'c8', 'c7', 'c6', 'c5']);
  log.collect([notes.drain()], 0);
  expect(shown(log).length).toBe(5);
  notes.note(denial('x', 20), 7);
  log.collect([notes.drain()], 2);
  expect(shown(log).map(([, object]) => object)).toEqual(['x', 'c9']);
  notes.note(denial('y', 20), 0);
  notes.note(denial('z', 21), 3);
  log.collect([notes.drain()], 3);
  expect(shown(log).map(([, object]) => object)).toEqual(['z']);
  log.reset();
  expect(shown(log)).toEqual([]);
});

test('counts are answered up to what there is', () => {
  const notes = new DenialNotes();
  notes.note(denial('a', 1), 10);
  notes.note(denial('b', 2), 10);
  const log = new AclLog();
  log.collect([notes.drain()], 10);
  expect(log.newest(1).length).toBe(1);
  expect(log.newest(0)).toEqual([]);
  expect(log.newest(-3)).toEqual([]);
});
