/**
 * Whether a user may run a command with its arguments. Pure: no connection, no thread.
 *
 * A command is allowed when one selector allows all of it: the command, every key for what is done
 * with it, every channel. Of several refusals the one that got furthest is told, as in Redis.
 */
import { globMatch } from '../../base/glob.ts';
import { KEY_READ, keyFlags, permissionOf } from '../../commands/key-flags.ts';
import { KeyIndexes, keyIndexes } from '../../commands/table.ts';
import type { ArgView } from '../../resp/request-parser.ts';
import type { AclCommand } from './acl-commands.ts';
import type { ChannelPattern, KeyPattern, Selector } from './selector.ts';
import type { AclUser } from './user.ts';

export const ALLOWED = 0;
export const DENIED_COMMAND = 1;
export const DENIED_KEY = 2;
export const DENIED_AUTH = 3;
export const DENIED_CHANNEL = 4;
export type Decision =
  | typeof ALLOWED
  | typeof DENIED_COMMAND
  | typeof DENIED_KEY
  | typeof DENIED_CHANNEL;

/** Checks commands; one instance a thread, because its results are reused. */
export class PermissionCheck {
  /** Argument that the last refusal was about: a key or channel; 0 = the command itself. */
  deniedIndex = 0;
  /** Argument indexes of the keys, and what is done with each. */
  readonly #keys = new KeyIndexes();
  readonly #needs: number[] = [];
  #areKeysFound = false;
  readonly #oneSpec = new KeyIndexes();
  #at = 0;

  /** O(selectors × (keys + channels) × patterns). */
  check(user: AclUser, command: AclCommand, args: ArgView): Decision {
    this.deniedIndex = 0;
    if (user.isUnrestricted) return ALLOWED;
    this.#areKeysFound = false;
    let worst: Decision = DENIED_COMMAND;
    for (const selector of user.selectors) {
      const decision = this.#checkSelector(selector, command, args);
      if (decision === ALLOWED) {
        this.deniedIndex = 0;
        return ALLOWED;
      }
      if (decision > worst || (decision === worst && this.#at > this.deniedIndex)) {
        worst = decision;
        this.deniedIndex = this.#at;
      }
    }
    return worst;
  }

  /**
   * Whether the command is allowed by a selector that also lets every key be read: what BY and GET
   * of SORT ask for, which make keys out of what they find.
   */
  mayReadAllKeys(user: AclUser, command: AclCommand, args: ArgView): boolean {
    if (user.isUnrestricted) return true;
    this.#areKeysFound = false;
    return user.selectors.some(
      (selector) =>
        this.#checkSelector(selector, command, args) === ALLOWED && readsAllKeys(selector),
    );
  }

  #findKeys(command: AclCommand, args: ArgView): void {
    const keys = this.#keys;
    const one = this.#oneSpec;
    keys.count = 0;
    this.#areKeysFound = true;
    for (const { specs, needed } of command.keys) {
      if (!keyIndexes(specs, args, one)) {
        // A syntax error: the command will find out before it touches any key.
        keys.count = 0;
        return;
      }
      const permissions =
        needed >= 0 ? needed : permissionOf(keyFlags(command.spec, specs[0], args));
      for (let j = 0; j < one.count; j++) {
        this.#needs[keys.count] = permissions;
        keys.push(one.index[j]!);
      }
    }
  }

  #checkSelector(selector: Selector, command: AclCommand, args: ArgView): Decision {
    this.#at = 0;
    if (!mayRun(selector, command, args)) return DENIED_COMMAND;
    if (!selector.allKeys && command.keys.length !== 0) {
      if (!this.#areKeysFound) this.#findKeys(command, args);
      const { count, index } = this.#keys;
      for (let i = 0; i < count; i++) {
        const at = index[i]!;
        if (mayUseKey(selector.keys, this.#needs[i]!, args, at)) continue;
        this.#at = at;
        return DENIED_KEY;
      }
    }
    const { channels } = command;
    if (channels === null || selector.allChannels) return ALLOWED;
    const end = channels.isRest ? args.count : Math.min(channels.first + 1, args.count);
    for (let at = channels.first; at < end; at++) {
      const start = args.offset[at]!;
      const { isPattern } = channels;
      if (matchesChannel(selector.channels, args.buf, start, args.end(at), isPattern)) continue;
      this.#at = at;
      return DENIED_CHANNEL;
    }
    return ALLOWED;
  }
}

/** The command itself. */
function mayRun(selector: Selector, command: AclCommand, args: ArgView): boolean {
  if (selector.allCommands || command.isEverybodys || selector.has(command)) return true;
  const allowed = selector.firstArgumentsOf(command);
  if (allowed.length === 0 || args.count < 2) return false;
  return allowed.includes(args.text(1).toLowerCase());
}

function mayUseKey(
  patterns: readonly KeyPattern[],
  needed: number,
  args: ArgView,
  index: number,
): boolean {
  const start = args.offset[index]!;
  const end = args.end(index);
  for (const { bytes, permissions } of patterns) {
    if ((permissions & needed) !== needed) continue;
    if (globMatch(bytes, 0, bytes.length, args.buf, start, end, false)) return true;
  }
  return false;
}

function readsAllKeys({ allKeys, keys }: Selector): boolean {
  return (
    allKeys || keys.some(({ text, permissions }) => text === '*' && (permissions & KEY_READ) !== 0)
  );
}

/** Whether one of the rules allows a channel; a pattern must be named by the rule literally. */
export function matchesChannel(
  rules: readonly ChannelPattern[],
  buf: Uint8Array,
  start: number,
  end: number,
  isPattern: boolean,
): boolean {
  return rules.some(({ bytes }) => {
    if (!isPattern) return globMatch(bytes, 0, bytes.length, buf, start, end, false);
    return Buffer.compare(bytes, buf.subarray(start, end)) === 0;
  });
}

/** Whether the user may use one channel (subscribe to it, or with `isPattern` to the pattern). */
export function mayUseChannel(
  user: AclUser,
  buf: Uint8Array,
  start: number,
  end: number,
  isPattern: boolean,
): boolean {
  return user.selectors.some(
    ({ allChannels, channels }) =>
      allChannels || matchesChannel(channels, buf, start, end, isPattern),
  );
}

/**
 * Rules of channels that connections of a user have to be measured by after a change from `before`
 * to `after`; null where they may still use whatever they could use before.
 */
export function shrunkChannels(before: AclUser, after: AclUser): readonly ChannelPattern[] | null {
  if (after.selectors.some(({ allChannels }) => allChannels)) return null;
  const rules = after.selectors.flatMap(({ channels }) => channels);
  const isSuperset = before.selectors.every(
    ({ allChannels, channels }) =>
      !allChannels && channels.every(({ text }) => rules.some((rule) => rule.text === text)),
  );
  return isSuperset ? null : rules;
}
