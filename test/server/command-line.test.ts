import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { decideStart, parseCommandLine } from '../../src/server/command-line.ts';
import type { ConfigStore } from '../../src/server/config/store.ts';

function decide(args: readonly string[], stdin = '') {
  return decideStart(args, { isCommand: () => true, readStdin: () => stdin });
}

function started(args: readonly string[], stdin = ''): ConfigStore {
  const decision = decide(args, stdin);
  if (decision.store === undefined) throw new Error(decision.stderr);
  return decision.store;
}

describe('parseCommandLine', () => {
  test.each<[args: string[], file: string | null, readsStdin: boolean, options: string]>([
    [[], null, false, ''],
    [['a.conf'], 'a.conf', false, ''],
    [['-'], null, true, ''],
    [['a.conf', '-'], 'a.conf', true, ''],
    [['-', '--port', '1'], null, true, 'port "1" '],
    [['--port', '1', '-'], null, true, 'port "1" '],
    [['a.conf', '-', '--port', '1'], 'a.conf', false, '"-" port "1" '.replace(' port', ' \nport')],
    [['--port', '7000', '--hz', '5'], null, false, 'port "7000" \nhz "5" '],
    [['--save', ''], null, false, 'save "" '],
    [['--save', '900', '1', '--hz', '5'], null, false, 'save "900" "1" \nhz "5" '],
    [['--save', '900 1'], null, false, 'save "900 1" '],
    [['--save', '--port', '1'], null, false, 'save ""\nport "1" '],
    [['--port', '1', '--save'], null, false, 'port "1" \nsave ""'],
    [['--requirepass', '--x', '--port', '1'], null, false, 'requirepass "--x" \nport "1" '],
    [['--port 7000', '--hz', '5'], null, false, 'port 7000 \nhz "5" '],
    [['--requirepass', 'é"\n'], null, false, 'requirepass "\\xc3\\xa9\\"\\n" '],
  ])('%j', (args, file, readsStdin, options) => {
    expect(parseCommandLine(args)).toEqual({ action: 'run', file, readsStdin, options });
  });

  test.each([
    [['-v'], 'version'],
    [['--version', 'x'], 'version'],
    [['-h'], 'help'],
    [['--help'], 'help'],
  ])('%j', (args, action) => {
    expect(parseCommandLine(args)).toEqual({ action });
  });
});

describe('decideStart', () => {
  test('options override the file and standard input', () => {
    const directory = mkdtempSync(join(tmpdir(), 'tessera-line-'));
    try {
      const file = join(directory, 'a.conf');
      writeFileSync(file, 'port 1\nhz 11\ntimeout 1\n');
      const args = [file, '--port', '3', '--port', '4', '--bind', '127.0.0.1', '::1', '-'];
      const store = started(args, 'hz 12\nport 2');
      expect([store.int('port'), store.int('hz'), store.int('timeout')]).toEqual([4, 12, 1]);
      expect(store.text('bind')).toBe('127.0.0.1 ::1');
      expect(store.configFile).toBe(file);
    } finally {
      rmSync(directory, { recursive: true });
    }
  });

  test('a password of UTF-8 is its bytes', () => {
    expect(started(['--requirepass', 'é ']).text('requirepass')).toBe('\xc3\xa9 ');
  });

  test('save', () => {
    expect(started(['--save', '']).text('save')).toBe('');
    expect(started(['--save', '--port', '1']).text('save')).toBe('');
    expect(started(['--save', '5 5', '--save', '6', '6']).text('save')).toBe('5 5 6 6');
  });

  test('version and help', () => {
    const version = decide(['--version']);
    expect(version.exitCode).toBe(0);
    expect('stdout' in version && version.stdout).toMatch(/^Tessera server v=0\.1\.0 .*\n$/);
    const help = decide(['-h']);
    expect('stdout' in help && help.stdout).toContain('Usage: tessera-server');
  });

  test.each([
    [['--port'], "\n>>> 'port'\nwrong number of arguments\n"],
    [['--port', 'x'], "\n>>> 'port \"x\"'\nargument couldn't be parsed into an integer\n"],
    [['--bogus', '1'], '\nBad directive or wrong number of arguments\n'],
    [['--daemonize', 'yes'], 'under a supervisor'],
    [['/nonexistent'], "Fatal error, can't open config file '/nonexistent': No such file"],
    [['-x'], '\nBad directive or wrong number of arguments\n'],
  ])('%j ends with code 1', (args, text) => {
    const decision = decide(args);
    expect(decision.exitCode).toBe(1);
    expect('stderr' in decision && decision.stderr).toContain(text);
  });
});
