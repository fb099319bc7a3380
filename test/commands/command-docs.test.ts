/** What COMMAND DOCS tells beyond the specs: costs, history, deprecation. */
import { describe, expect, test } from 'vitest';
import { COMMANDS_WITH_COMPLEXITY, complexityOf } from '../../src/commands/command-complexity.ts';
import {
  COMMANDS_WITH_HISTORY,
  deprecationOf,
  docFlagsOf,
  historyOf,
} from '../../src/commands/command-history.ts';
import { CommandIndex } from '../../src/commands/command-info.ts';
import { ALL_COMMANDS } from '../../src/commands/registry.ts';
import { SessionRunner } from '../support/fake-server.ts';

const ALL = CommandIndex.of(ALL_COMMANDS).all.map(({ fullName }) => fullName);

const bulk = (text: string): string => `$${text.length}\r\n${text}\r\n`;

/** Versions as numbers that compare as they do. */
function rank(version: string): number {
  return version.split('.').reduce((sum, part) => sum * 1000 + Number(part), 0);
}

test('every command says what it costs', () => {
  expect(ALL.filter((name) => complexityOf(name) === null)).toEqual([]);
});

test('costs and history are told once, of commands that there are', () => {
  const names = new Set(ALL);
  expect(new Set(COMMANDS_WITH_COMPLEXITY).size).toBe(COMMANDS_WITH_COMPLEXITY.length);
  expect(COMMANDS_WITH_COMPLEXITY.filter((name) => !names.has(name))).toEqual([]);
  expect(COMMANDS_WITH_HISTORY.filter((name) => !names.has(name))).toEqual([]);
});

test.each(COMMANDS_WITH_HISTORY)('changes of %s are in order', (name) => {
  const { spec } = CommandIndex.of(ALL_COMMANDS).find(name)!;
  const ranks = historyOf(name).map(({ version }) => rank(version));
  expect(ranks).toEqual([...ranks].sort((a, b) => a - b));
  const deprecation = deprecationOf(name);
  expect(docFlagsOf(name).includes('deprecated')).toBe(deprecation !== null);
  if (deprecation !== null) {
    expect(rank(deprecation.since)).toBeGreaterThan(rank(spec.since));
  }
});

test('a command that is replaced names commands that there are', () => {
  for (const name of COMMANDS_WITH_HISTORY) {
    const words = deprecationOf(name)?.replacedBy.match(/^`[A-Z]+`/) ?? [];
    for (const word of words) expect(ALL).toContain(word.slice(1, -1).toLowerCase());
  }
});

describe('the reply', () => {
  const facts =
    `${bulk('since')}${bulk('1.0.0')}${bulk('group')}${bulk('string')}` +
    `${bulk('complexity')}${bulk('O(1)')}${bulk('doc_flags')}`;
  const replacement =
    bulk('deprecated_since') + bulk('6.2.0') + bulk('replaced_by') + bulk('`SET` with `!GET`');

  test.each([
    [2, '*2', '*16', '*1'],
    [3, '%1', '%8', '~1'],
  ])('in RESP%i', (protocol, outer, inner, flags) => {
    const runner = new SessionRunner(ALL_COMMANDS);
    runner.session.protocol = protocol;
    const reply = runner.run('COMMAND', 'DOCS', 'getset');
    expect(reply.startsWith(`${outer}\r\n${bulk('getset')}${inner}\r\n`)).toBe(true);
    expect(reply).toContain(`${facts}${flags}\r\n+deprecated\r\n${replacement}`);
  });

  test.each([
    [2, '*1'],
    [3, '~1'],
  ])('of history in RESP%i', (protocol, changes) => {
    const runner = new SessionRunner(ALL_COMMANDS);
    runner.session.protocol = protocol;
    expect(runner.run('COMMAND', 'DOCS', 'exists')).toContain(
      `${bulk('history')}${changes}\r\n*2\r\n${bulk('3.0.3')}${bulk('takes several keys')}` +
        bulk('arguments'),
    );
  });

  test.each([
    [2, '*8'],
    [3, '%4'],
  ])('of notes in RESP%i', (protocol, keySpec) => {
    const runner = new SessionRunner(ALL_COMMANDS);
    runner.session.protocol = protocol;
    expect(runner.run('COMMAND', 'INFO', 'xadd')).toContain(
      `${keySpec}\r\n${bulk('notes')}${bulk('may cut off old entries')}${bulk('flags')}`,
    );
  });
});
