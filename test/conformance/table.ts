/**
 * Tables of commands and replies, run for several shard counts, for both protocols, and with every
 * large work escalated.
 */
import { expect, test } from 'vitest';
import type { CommandSpec } from '../../src/commands/spec.ts';
import { type Argument, LocalRunner } from '../support/local-runner.ts';

/** A command, its RESP2 reply, and its RESP3 reply where that differs in more than its nulls. */
export type Row = readonly [readonly Argument[], string, string?];

export const OK = '+OK\r\n';
export const NULL = '$-1\r\n';
export const WRONG_TYPE = '-WRONGTYPE Operation against a key holding the wrong kind of value\r\n';
export const SYNTAX = '-ERR syntax error\r\n';
export const NOT_INTEGER = '-ERR value is not an integer or out of range\r\n';
export const FULL = "-OOM command not allowed when used memory > 'maxmemory'.\r\n";

export function integer(n: number | string): string {
  return `:${n}\r\n`;
}

export function bulk(text: string): string {
  return `$${text.length}\r\n${text}\r\n`;
}

export function array(...elements: readonly string[]): string {
  return `*${elements.length}\r\n${elements.join('')}`;
}

export function error(text: string): string {
  return `-${text}\r\n`;
}

interface Setting {
  readonly shards: number;
  readonly workMax: number;
  readonly resp3: boolean;
}

const SETTINGS: readonly Setting[] = [
  { shards: 1, workMax: Number.POSITIVE_INFINITY, resp3: false },
  { shards: 4, workMax: 0, resp3: false },
  { shards: 4, workMax: Number.POSITIVE_INFINITY, resp3: true },
];

/**
 * Runs the rows in order on a fresh store, once for each setting; `prepare` may change limits
 * first.
 */
export function table(
  name: string,
  specs: readonly CommandSpec[],
  rows: readonly Row[],
  prepare: (runner: LocalRunner) => void = () => undefined,
): void {
  test.each(SETTINGS)(`${name} (%o)`, ({ shards, workMax, resp3 }) => {
    const runner = new LocalRunner(specs, { shards, workMax, arenaBytes: 1 << 24 });
    runner.reply.resp3 = resp3;
    prepare(runner);
    for (const [command, resp2, resp3Reply] of rows) {
      const expected = resp3 ? (resp3Reply ?? resp2.replaceAll(NULL, '_\r\n')) : resp2;
      expect(runner.run(...command), command.join(' ').slice(0, 200)).toBe(expected);
    }
    runner.checkInvariants();
  });
}
