import { expect, test } from 'vitest';
import { TRANSACTION_COMMANDS } from '../../src/commands/transaction.ts';
import { SessionRunner } from '../support/fake-server.ts';

test('MULTI, DISCARD and UNWATCH', () => {
  const runner = new SessionRunner(TRANSACTION_COMMANDS);
  const { session } = runner;
  expect(runner.run('DISCARD')).toBe('-ERR DISCARD without MULTI\r\n');
  expect(runner.run('MULTI')).toBe('+OK\r\n');
  expect(session.isInTransaction).toBe(true);
  expect(runner.run('MULTI')).toBe('-ERR MULTI calls can not be nested\r\n');
  expect(session.isInTransaction).toBe(true);
  expect(runner.run('DISCARD')).toBe('+OK\r\n');
  expect(session.isInTransaction).toBe(false);
  session.isWatching = true;
  expect(runner.run('UNWATCH')).toBe('+OK\r\n');
  expect(session.isWatching).toBe(false);
  expect(runner.run('MULTI', 'x')).toBe("-ERR wrong number of arguments for 'multi' command\r\n");
});

test('EXEC belongs to the dispatcher', () => {
  const runner = new SessionRunner(TRANSACTION_COMMANDS);
  expect(() => runner.run('EXEC')).toThrow('dispatch runs EXEC');
});
