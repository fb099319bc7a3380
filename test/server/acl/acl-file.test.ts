/** The ACL file: what is read from it, everything that can be wrong with it, how it is written. */
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { loadAclFile, parseAclText, saveAclFile } from '../../../src/server/acl/acl-file.ts';
import { COMMANDS, userWith } from '../../support/acl-fixture.ts';

const directory = mkdtempSync(join(tmpdir(), 'tessera-acl-file-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const CONTEXT = { commands: COMMANDS, file: 'users.acl', allChannels: false };
const NO_CHANGE =
  'WARNING: ACL errors detected, no change to the previously active ACL rules was performed';

function described(text: string): string[] {
  const loaded = parseAclText(text, CONTEXT);
  if (loaded.users === undefined) throw new Error(loaded.error);
  return loaded.users.map((user) => user.describe());
}

test('users of a file; blank lines and blanks around lines do not count', () => {
  const text = '\n  user alice on +get ~a* (~b \t+set)\r\n\n\tuser default on nopass +@all \n';
  expect(described(text)).toEqual([
    'user alice on sanitize-payload ~a* resetchannels -@all +get (~b resetchannels -@all +set)',
    'user default on nopass sanitize-payload resetchannels +@all',
  ]);
});

test('without a line for it the default user is as without any configuration', () => {
  const everything = 'user default on nopass sanitize-payload ~* &* +@all';
  expect(described('')).toEqual([everything]);
  expect(described('user bob\n')).toEqual([
    'user bob off sanitize-payload resetchannels -@all',
    everything,
  ]);
});

test.each<[text: string, error: string]>([
  ['# comment', 'users.acl:1 should start with user keyword followed by the username. '],
  ['\nuser', 'users.acl:2 should start with user keyword followed by the username. '],
  ['USER a', 'users.acl:1 should start with user keyword followed by the username. '],
  ['user a\tb', "users.acl:1: username 'a\tb' contains invalid characters. "],
  ['user  a', "users.acl:1: username '' contains invalid characters. "],
  ['user a\nuser a', "WARNING: Duplicate user 'a' found on line 2. "],
  ['user default\nuser default', "WARNING: Duplicate user 'default' found on line 2. "],
  ['user a (~a', 'users.acl:1: Unmatched parenthesis in selector definition.'],
  ['user a %x <b', 'users.acl:1: Syntax error. '],
  [
    'user a +nosuch -@nope',
    "users.acl:1: Error in applying operation '+nosuch': Unknown command or category name in " +
      "ACL. users.acl:1: Error in applying operation '-@nope': Unknown command or category name " +
      'in ACL. ',
  ],
  [
    'user a <secret\nuser b #secret',
    'users.acl:1: The password you are trying to remove from the user does not exist. ' +
      'users.acl:2: The password hash must be exactly 64 characters and contain only lowercase ' +
      'hexadecimal characters. ',
  ],
])('%j is refused', (text, error) => {
  expect(parseAclText(text, CONTEXT)).toEqual({ error: error + NO_CHANGE });
});

test('a file that is not there', () => {
  expect(loadAclFile(join(directory, 'nosuch'), CONTEXT)).toEqual({
    error: "Error loading ACLs, opening file 'users.acl': No such file or directory",
  });
});

test('what is written is read back', () => {
  const path = join(directory, 'users.acl');
  const user = userWith('on', '>x', '~\xff"', '%R~b', '("~\\"c" +get)', '+@all', '-@admin');
  expect(saveAclFile(path, [user])).toBeNull();
  expect(statSync(path).mode & 0o777).toBe(0o600);
  const loaded = loadAclFile(path, CONTEXT);
  expect(loaded.users?.map((one) => one.describe())[0]).toBe(user.describe());
  chmodSync(path, 0o640);
  expect(saveAclFile(path, [userWith('off')])).toBeNull();
  expect(statSync(path).mode & 0o777).toBe(0o640);
  expect(readFileSync(path, 'latin1')).toBe(
    'user alice off sanitize-payload resetchannels -@all\n',
  );
});

test('a file that cannot be replaced stays, and nothing is left beside it', () => {
  const path = join(directory, 'sub');
  expect(saveAclFile(join(path, 'users.acl'), [])).toBe(
    'Opening temp ACL file for ACL SAVE: No such file or directory',
  );
  const taken = join(directory, 'taken');
  mkdirSync(taken);
  expect(saveAclFile(taken, [])).toBe('Renaming ACL file for ACL SAVE: Is a directory');
  expect(readdirSync(directory).some((name) => name.includes('.tmp-'))).toBe(false);
});
