/** NameTable beside a sorted array, and in an arena that fills up. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Arena } from '../../src/memory/arena.ts';
import { NAME_TABLE_WORDS, NameTable } from '../../src/structures/name-table.ts';

const NAME_WORD = 3;
const names = fc.oneof(
  fc.constantFrom('', 'a', 'ab', 'b', 'ba', '\x00', '\xff'),
  fc.string({ maxLength: 4 }),
);
const operations = fc.array(fc.tuple(fc.constantFrom('add', 'add', 'remove', 'drop'), names), {
  maxLength: 80,
});

function newTable(bytes: number): { arena: Arena; table: NameTable } {
  const arena = Arena.create(bytes, 0);
  const block = arena.alloc(NAME_TABLE_WORDS * 4);
  arena.u32.fill(0, block * 2, block * 2 + NAME_TABLE_WORDS);
  return { arena, table: new NameTable(arena, NAME_WORD).attach(block * 2) };
}

function find(table: NameTable, name: string): number {
  const bytes = Buffer.from(`<${name}>`, 'latin1');
  return table.find(bytes, 1, bytes.length - 1);
}

function add(table: NameTable, name: string): number {
  const bytes = Buffer.from(`<${name}>`, 'latin1');
  return table.add(bytes, 1, bytes.length - 1);
}

function shown({ u8 }: Arena, table: NameTable): string[] {
  return Array.from({ length: table.size }, (_, i) => {
    const ref = table.at(i);
    return Buffer.from(u8.slice(table.nameFrom(ref), table.nameEnd(ref))).toString('latin1');
  });
}

test('is a sorted array of names', () => {
  fc.assert(
    fc.property(operations, (all) => {
      const { arena, table } = newTable(1 << 18);
      const empty = arena.usedBytes();
      let expected: string[] = [];
      for (const [operation, given] of all) {
        const name = Buffer.from(given, 'utf8').toString('latin1');
        const ref = find(table, name);
        expect(ref !== 0).toBe(expected.includes(name));
        if (operation === 'add' && ref === 0) {
          const made = add(table, name);
          for (let i = 0; i < NAME_WORD; i++) expect(arena.u32[made * 2 + i]).toBe(0);
          expected.push(name);
          expected.sort((a, b) =>
            Buffer.compare(Buffer.from(a, 'latin1'), Buffer.from(b, 'latin1')),
          );
        } else if (operation === 'remove' && ref !== 0) {
          table.removeFound();
          expected = expected.filter((one) => one !== name);
        } else if (operation === 'drop') {
          expect(table.dropLast()).toBe(expected.pop() !== undefined);
        }
        table.checkInvariants();
        expect(shown(arena, table)).toEqual(expected);
        expect(table.memoryBytes()).toBe(arena.usedBytes() - empty);
      }
      while (table.dropLast());
      expect(arena.usedBytes()).toBe(empty);
    }),
    { numRuns: 200 },
  );
});

test('stays whole in an arena that is full', () => {
  const { arena, table } = newTable(1 << 17);
  const empty = arena.usedBytes();
  let count = 0;
  const name = (i: number): string => `${(i * 7919) % 100_003} of some length`;
  for (; ; count++) {
    expect(find(table, name(count))).toBe(0);
    if (add(table, name(count)) === 0) break;
  }
  expect(count).toBeGreaterThan(500);
  expect(table.size).toBe(count);
  table.checkInvariants();
  for (let i = 0; i < count; i++) expect(find(table, name(i))).not.toBe(0);
  expect(find(table, name(count))).toBe(0);
  while (table.dropLast());
  expect(arena.usedBytes()).toBe(empty);
});
