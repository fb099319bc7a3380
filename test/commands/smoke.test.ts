import { expect, test } from 'vitest';
import { STRING_COMMANDS } from '../../src/commands/string.ts';
import { LocalRunner } from '../support/local-runner.ts';

test('a string is set, replaced and read', () => {
  const runner = new LocalRunner(STRING_COMMANDS);
  expect(runner.run('GET', 'a')).toBe('$-1\r\n');
  for (let i = 0; i < 5000; i++) {
    expect(runner.run('SET', `key:${i}`, 'x'.repeat(i % 300))).toBe('+OK\r\n');
  }
  runner.checkInvariants();
  for (let i = 0; i < 5000; i++) {
    expect(runner.run('GET', `key:${i}`)).toBe(`$${i % 300}\r\n${'x'.repeat(i % 300)}\r\n`);
  }
  expect(runner.run('SET', 'key:1', 'y'.repeat(100_000))).toBe('+OK\r\n');
  expect(runner.run('GET', 'key:1').length).toBe(100_000 + 11);
  runner.checkInvariants();
});
