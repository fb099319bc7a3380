import { mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { fileLogWriter, Logger, logTime } from '../../src/server/log.ts';

const MOMENT = new Date(2026, 10, 3, 6, 7, 8, 9).getTime();

function capture(level: 'debug' | 'verbose' | 'notice' | 'warning' | 'nothing') {
  const lines: string[] = [];
  const write = (text: string) => void lines.push(text);
  return { lines, log: new Logger({ role: 'M', level, write, pid: 12345, now: () => MOMENT }) };
}

test('the line format', () => {
  const { lines, log } = capture('debug');
  log.debug('a');
  log.verbose('b');
  log.notice('Ready to accept connections');
  log.warning('d');
  log.raw('notice', 'banner\n');
  expect(lines).toEqual([
    '12345:M 03 Nov 2026 06:07:08.009 . a\n',
    '12345:M 03 Nov 2026 06:07:08.009 - b\n',
    '12345:M 03 Nov 2026 06:07:08.009 * Ready to accept connections\n',
    '12345:M 03 Nov 2026 06:07:08.009 # d\n',
    'banner\n',
  ]);
  expect(logTime(new Date(2027, 0, 31, 23, 59, 59, 999).getTime())).toBe(
    '31 Jan 2027 23:59:59.999',
  );
});

test.each([
  ['debug', 4],
  ['verbose', 3],
  ['notice', 2],
  ['warning', 1],
  ['nothing', 0],
] as const)('level %s lets %i of 4 levels through', (level, count) => {
  const { lines, log } = capture('debug');
  log.setLevel(level);
  const levels = ['debug', 'verbose', 'notice', 'warning'] as const;
  for (const each of levels) log.log(each, each);
  log.raw('debug', 'x');
  expect(lines.length).toBe(count + (level === 'debug' ? 1 : 0));
  expect(levels.filter((each) => log.isEnabled(each)).length).toBe(count);
});

test('a file is appended to, survives rotation, and failures are silent', () => {
  const directory = mkdtempSync(join(tmpdir(), 'tessera-log-'));
  try {
    const path = join(directory, 'log');
    const write = fileLogWriter(path);
    write('1\n');
    fileLogWriter(path)('é2\n');
    renameSync(path, `${path}.1`);
    write('3\n');
    expect(readFileSync(`${path}.1`, 'utf8')).toBe('1\né2\n');
    expect(readFileSync(path, 'utf8')).toBe('3\n');
    expect(() => fileLogWriter(join(directory, 'none', 'log'))('x\n')).not.toThrow();
  } finally {
    rmSync(directory, { recursive: true });
  }
});
