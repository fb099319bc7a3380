/** What a command does with its keys: the flags of its key specifications, and permissions. */
import type { ArgView } from '../resp/request-parser.ts';
import type { CommandSpec, KeyFlag, KeySpec } from './spec.ts';

/** Permissions that ACL rules give for keys. */
export const KEY_READ = 1;
export const KEY_WRITE = 2;

/** The permissions that a use of a key needs; -1 where the other arguments tell. O(flags). */
export function permissionOf(flags: readonly KeyFlag[]): number {
  let needed = 0;
  for (const flag of flags) {
    if (flag === 'VARIABLE_FLAGS') return -1;
    if (flag === 'ACCESS') needed |= KEY_READ;
    if (flag === 'INSERT' || flag === 'DELETE' || flag === 'UPDATE') needed |= KEY_WRITE;
  }
  return needed;
}

/** The flags of a key; some commands use it differently, depending on their other arguments. */
export function keyFlags(spec: CommandSpec, key: KeySpec, args: ArgView): readonly KeyFlag[] {
  if (!key.flags.includes('VARIABLE_FLAGS')) return key.flags;
  const words: string[] = [];
  for (let i = 2; i < args.count; i++) words.push(args.text(i).toUpperCase());
  const name = spec.origin ?? spec.name;
  if (name === 'set') {
    const isRead = words.slice(1).includes('GET');
    return isRead ? ['RW', 'ACCESS', 'UPDATE'] : ['OW', 'UPDATE'];
  }
  if (name === 'bitfield' && onlyGets(words)) return ['RO', 'ACCESS'];
  return key.flags.filter((flag) => flag !== 'VARIABLE_FLAGS');
}

function onlyGets(words: readonly string[]): boolean {
  for (let at = 0; at < words.length; ) {
    const word = words[at]!;
    const following = words.length - at - 1;
    if (word === 'GET' && following >= 2) at += 3;
    else if (word === 'OVERFLOW' && following >= 1) at += 2;
    else return false;
  }
  return true;
}
