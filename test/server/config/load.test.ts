import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { loadConfig } from '../../../src/server/config/load.ts';
import { ConfigStore } from '../../../src/server/config/store.ts';

const isCommand = (name: string) => ['get', 'set', 'del'].includes(name);
const TITLE = '\n*** FATAL CONFIG FILE ERROR (Tessera 0.1.0) ***\n';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'tessera-load-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

function file(name: string, text: string): string {
  const path = join(directory, name);
  writeFileSync(path, text, 'latin1');
  return path;
}

function load(path: string | null, stdin: string | null = null, options = '') {
  const store = new ConfigStore(directory);
  return { store, error: loadConfig(store, { file: path, stdin, options }, { isCommand }) };
}

function loadText(text: string) {
  return load(null, text);
}

describe('sources', () => {
  test('file, then standard input, then options; the last one holds', () => {
    const path = file('a.conf', 'port 1\nhz 11\ntimeout 1');
    const { store, error } = load(path, 'hz 12\ntimeout 2', 'timeout "3" ');
    expect(error).toBeNull();
    expect([store.int('port'), store.int('hz'), store.int('timeout')]).toEqual([1, 12, 3]);
    expect(store.configFile).toBe(path);
  });

  test('nothing at all', () => {
    const { store, error } = load(null);
    expect([error, store.configFile]).toEqual([null, '']);
  });

  test('case, blanks, CRLF, comments, bytes', () => {
    const { store, error } = loadText(
      '# c\r\n\r\n\tPORT 7000 \r\nREQUIREPASS "\xff\\x00 z"\n  # d "\n',
    );
    expect(error).toBeNull();
    expect([store.int('port'), store.text('requirepass')]).toEqual([7000, '\xff\0 z']);
  });

  test('lists may stand in one word, and save lines add up', () => {
    const { store, error } = loadText(
      'save 900 1\nsave "300 10"\nbind "127.0.0.1 ::1"\nshutdown-on-sigterm "now force"',
    );
    expect(error).toBeNull();
    expect(store.text('save')).toBe('900 1 300 10');
    expect(store.text('bind')).toBe('127.0.0.1 ::1');
    expect(store.text('shutdown-on-sigterm')).toBe('now force');
    expect(loadText('save 900 1\nsave ""').store.text('save')).toBe('');
    expect(loadText('save ""\nsave 5 5').store.text('save')).toBe('5 5');
  });

  test('obsolete directives are ignored', () => {
    expect(loadText('lua-replicate-commands yes\nlist-max-ziplist-value 64').error).toBeNull();
  });

  test('user lines are kept', () => {
    const { store } = loadText('user default on nopass ~* +@all\nuser bob off');
    expect(store.users).toEqual([
      ['default', 'on', 'nopass', '~*', '+@all'],
      ['bob', 'off'],
    ]);
  });
});

describe('include', () => {
  test('in place, relative to dir, with patterns', () => {
    mkdirSync(join(directory, 'd'));
    file('d/2.conf', 'hz 22\ntimeout 2');
    file('d/1.conf', 'hz 11\ntcp-keepalive 1');
    const main = file('m.conf', 'hz 5\ninclude d/*.conf\ninclude d/no*.conf\nport 7\n');
    const { store, error } = load(main);
    expect(error).toBeNull();
    expect([store.int('hz'), store.int('timeout'), store.int('tcp-keepalive')]).toEqual([22, 2, 1]);
    expect(store.int('port')).toBe(7);
  });

  test('a missing file, a loop, an error inside', () => {
    expect(loadText(`include ${directory}/none`).error).toBe(
      `Fatal error, can't open config file '${directory}/none': No such file or directory\n`,
    );
    const loop = file('loop.conf', `port 1\ninclude ${directory}/second.conf\n`);
    file('second.conf', `include ${loop}`);
    expect(load(loop).error).toContain(`include loop: '${loop}' includes itself`);
    const inner = file('inner.conf', '\nbogus 1');
    expect(loadText(`include ${inner}`).error).toBe(
      `${TITLE}Reading the configuration file '${inner}', at line 2\n>>> 'bogus 1'\n` +
        'Bad directive or wrong number of arguments\n',
    );
  });

  test('the same file twice side by side is no loop', () => {
    const inner = file('inner.conf', 'hz 20');
    expect(loadText(`include ${inner}\ninclude ${inner}`).error).toBeNull();
  });

  test('the chain of includes has an end', () => {
    for (let depth = 0; depth < 40; depth++) {
      file(`${depth}.conf`, `include ${directory}/${depth + 1}.conf`);
    }
    expect(load(join(directory, '0.conf')).error).toContain('Too many nested include directives');
  });
});

describe('rename-command', () => {
  test.each<[text: string, renames: Record<string, string>]>([
    ['rename-command GET fetch', { get: 'fetch' }],
    ['rename-command get ""\nrename-command set GET', { get: '', set: 'get' }],
    ['rename-command get x\nrename-command x y', { get: 'y' }],
    ['rename-command get x\nrename-command x GET', {}],
  ])('%j', (text, renames) => {
    const { store, error } = loadText(text);
    expect(error).toBeNull();
    expect(store.renames).toEqual(renames);
  });

  test.each([
    ['rename-command nothing x', 'No such command in rename-command'],
    ['rename-command get set', 'Target command name already exists'],
    ['rename-command get x\nrename-command set x', 'Target command name already exists'],
    ['rename-command get ""\nrename-command get x', 'No such command in rename-command'],
  ])('%j is refused', (text, reason) => {
    expect(loadText(text).error).toContain(`\n${reason}\n`);
  });
});

describe('bad input', () => {
  test.each([
    ['foo bar', 'Bad directive or wrong number of arguments'],
    ['port', 'wrong number of arguments'],
    ['port 1 2', 'wrong number of arguments'],
    ['port "1', 'Unbalanced quotes in configuration line'],
    ['bind "\'a"', 'Unbalanced quotes in configuration line'],
    ['port 65536', 'argument must be between 0 and 65535 inclusive'],
    ['shards -1', 'argument must be between 0 and 1024 inclusive'],
    ['io-threads 0', 'argument must be between 1 and 128 inclusive'],
    ['io-threads 129', 'argument must be between 1 and 128 inclusive'],
    ['lease maybe', "argument must be 'yes' or 'no'"],
    ['transport x', 'argument(s) must be one of the following: auto, node-net, uring'],
    ['loadmodule /x.so', 'Tessera does not load modules: remove the loadmodule directive'],
    ['lua-replicate-commands', 'Bad directive or wrong number of arguments'],
  ])('%j', (line, reason) => {
    const { error } = loadText(`# first\n ${line} \n`);
    expect(error).toBe(
      `${TITLE}Reading the configuration file, at line 2\n>>> '${line}'\n${reason}\n`,
    );
  });

  test('a line with bytes that are not ASCII is shown as it was written', () => {
    const line = Buffer.from('é 1').toString('latin1');
    expect(loadText(line).error).toContain(">>> 'é 1'\n");
  });

  test('options are numbered behind the file', () => {
    expect(load(null, null, 'foo "1" ').error).toContain('at line 2\n');
    expect(load(file('a', 'port 1\n'), null, 'foo "1" ').error).toContain('at line 3\n');
  });

  test('unreadable files', () => {
    const text = (reason: string, path: string) =>
      `Fatal error, can't open config file '${path}': ${reason}\n`;
    expect(load('/nonexistent.conf').error).toBe(
      text('No such file or directory', '/nonexistent.conf'),
    );
    expect(load(directory).error).toBe(text('Is a directory', directory));
    const secret = file('secret.conf', 'port 1');
    chmodSync(secret, 0);
    if (process.getuid?.() !== 0) {
      expect(load(secret).error).toBe(text('Permission denied', secret));
    }
  });

  test('daemonize yes, unless it is taken back', () => {
    expect(loadText('daemonize yes').error).toBe(
      `${TITLE}daemonize yes is not supported: run Tessera under a supervisor such as systemd\n`,
    );
    expect(load(null, 'daemonize yes\n', 'daemonize "no" ').error).toBeNull();
  });

  test('a log file that cannot be opened', () => {
    expect(loadText(`logfile ${directory}/none/log`).error).toBe(
      `${TITLE}Can't open the log file: No such file or directory\n`,
    );
    expect(loadText('logfile ok.log').error).toBeNull();
  });
});
