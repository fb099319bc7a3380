/**
 * AclUser: a user with its passwords and selectors, and the rules that change it.
 *
 * A thread's users are objects that connections keep, so a change is made in place
 * (`takeRecord`); what is changed by rules is a draft of its own.
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import { quoteArgument } from '../../base/quoted-text.ts';
import { splitArguments } from '../config/lines.ts';
import type { AclCommands } from './acl-commands.ts';
import { RULE_ERRORS, type RuleError, Selector, type SelectorRecord } from './selector.ts';

export const DEFAULT_USER = 'default';

/** A user as plain data, for other threads. */
export interface UserRecord {
  readonly name: string;
  readonly isOn: boolean;
  readonly needsNoPassword: boolean;
  readonly skipsSanitizing: boolean;
  readonly passwords: readonly string[];
  /** The root selector first. */
  readonly selectors: readonly SelectorRecord[];
}

const HASH = /^[0-9a-f]{64}$/;
const NEEDS_QUOTES = /["'\\]|[^\x21-\x7e]/;

/** SHA-256 of a password in lower-case hexadecimal digits. */
export function hashPassword(password: Uint8Array | string): string {
  const bytes = typeof password === 'string' ? Buffer.from(password, 'latin1') : password;
  return createHash('sha256').update(bytes).digest('hex');
}

export class AclUser {
  readonly name: string;
  isOn = false;
  /** Any password will do. */
  needsNoPassword = false;
  /** RESTORE trusts what this user sends. */
  skipsSanitizing = false;
  /** SHA-256, 64 hexadecimal digits each. */
  passwords: string[] = [];
  /** The root selector first. */
  selectors: Selector[];
  /**
   * Nothing is forbidden to it: what every command asks before anything else, so it is a field.
   * Kept by whoever changes the user.
   */
  isUnrestricted = false;
  readonly #commands: AclCommands;

  /** A new user: off, without permissions but for channels (`acl-pubsub-default`). */
  constructor(commands: AclCommands, name: string, allChannels: boolean) {
    this.#commands = commands;
    this.name = name;
    this.selectors = [new Selector(commands, allChannels)];
    this.#settle();
  }

  /** The default user as it is without any configuration. */
  static unlimited(commands: AclCommands, name: string = DEFAULT_USER): AclUser {
    const user = new AclUser(commands, name, true);
    for (const rule of ['+@all', '~*', '&*', 'on', 'nopass']) user.apply(rule, true);
    return user;
  }

  static fromRecord(commands: AclCommands, record: UserRecord): AclUser {
    const user = new AclUser(commands, record.name, false);
    user.takeRecord(record);
    return user;
  }

  /** Becomes what the record says, but for the name. */
  takeRecord(record: UserRecord): void {
    this.isOn = record.isOn;
    this.needsNoPassword = record.needsNoPassword;
    this.skipsSanitizing = record.skipsSanitizing;
    this.passwords = [...record.passwords];
    this.selectors = record.selectors.map((one) => Selector.fromRecord(this.#commands, one));
    this.#settle();
  }

  toRecord(): UserRecord {
    return {
      name: this.name,
      isOn: this.isOn,
      needsNoPassword: this.needsNoPassword,
      skipsSanitizing: this.skipsSanitizing,
      passwords: [...this.passwords],
      selectors: this.selectors.map((selector) => selector.toRecord()),
    };
  }

  #settle(): void {
    this.isUnrestricted = this.selectors.some((selector) => selector.isUnrestricted);
  }

  get root(): Selector {
    return this.selectors[0]!;
  }

  /** A connection need not authenticate where the default user is so. */
  get isOpen(): boolean {
    return this.isOn && this.needsNoPassword;
  }

  /** Compares in constant time. False for a user that is off. O(passwords). */
  accepts(password: Uint8Array): boolean {
    if (!this.isOn) return false;
    if (this.needsNoPassword) return true;
    const given = createHash('sha256').update(password).digest();
    let isRight = false;
    for (const hash of this.passwords) {
      if (timingSafeEqual(given, Buffer.from(hash, 'hex'))) isRight = true;
    }
    return isRight;
  }

  // Rules --------------------------------------------------------------------------------------

  /**
   * Carries out one rule; an error changes nothing. `allChannels` is `acl-pubsub-default`, for
   * new selectors and `reset`.
   */
  apply(rule: string, allChannels: boolean): RuleError | null {
    const error = this.#apply(rule, allChannels);
    this.#settle();
    return error;
  }

  #apply(rule: string, allChannels: boolean): RuleError | null {
    switch (rule.toLowerCase()) {
      case '':
        return null;
      case 'on':
      case 'off':
        this.isOn = rule.length === 2;
        return null;
      case 'skip-sanitize-payload':
      case 'sanitize-payload':
        this.skipsSanitizing = rule.length > 16;
        return null;
      case 'nopass':
      case 'resetpass':
        this.needsNoPassword = rule.length === 6;
        this.passwords = [];
        return null;
      case 'clearselectors':
        this.selectors.length = 1;
        return null;
      case 'reset':
        return this.#reset(allChannels);
    }
    if ('>#<!'.includes(rule[0]!)) return this.#changePasswords(rule);
    if (rule.startsWith('(') && rule.endsWith(')')) return this.#addSelector(rule, allChannels);
    return this.root.apply(rule);
  }

  #reset(allChannels: boolean): null {
    this.isOn = false;
    this.needsNoPassword = false;
    this.skipsSanitizing = false;
    this.passwords = [];
    this.selectors = [new Selector(this.#commands, allChannels)];
    return null;
  }

  #changePasswords(rule: string): RuleError | null {
    const isClear = rule[0] === '>' || rule[0] === '<';
    const given = rule.slice(1);
    if (!isClear && !HASH.test(given)) return RULE_ERRORS.badHash;
    const hash = isClear ? hashPassword(given) : given;
    const at = this.passwords.indexOf(hash);
    if (rule[0] === '>' || rule[0] === '#') {
      if (at < 0) this.passwords.push(hash);
      this.needsNoPassword = false;
      return null;
    }
    if (at < 0) return RULE_ERRORS.noSuchPassword;
    this.passwords.splice(at, 1);
    return null;
  }

  /** `(rules)`, split like a configuration line. */
  #addSelector(rule: string, allChannels: boolean): RuleError | null {
    const words = splitArguments(rule.slice(1, -1));
    if (words === null) return RULE_ERRORS.syntax;
    const selector = new Selector(this.#commands, allChannels);
    for (const word of words) {
      const error = selector.apply(word);
      if (error !== null) return error;
    }
    this.selectors.push(selector);
    return null;
  }

  // Description --------------------------------------------------------------------------------

  /** `on`, `off`, `nopass`, `skip-sanitize-payload`, `sanitize-payload`: those that are set. */
  flagNames(): string[] {
    const names = [this.isOn ? 'on' : 'off'];
    if (this.needsNoPassword) names.push('nopass');
    names.push(this.skipsSanitizing ? 'skip-sanitize-payload' : 'sanitize-payload');
    return names;
  }

  /** The rules that make this user out of a new one. */
  rules(): string[] {
    const selectors = this.selectors.slice(1).map((selector) => {
      const words = selector.rules().map((word) => (isPlain(word) ? word : quoteArgument(word)));
      return `(${words.join(' ')})`;
    });
    const hashes = this.passwords.map((hash) => `#${hash}`);
    return [...this.flagNames(), ...hashes, ...this.root.rules(), ...selectors];
  }

  /** As ACL LIST and the ACL file have it: `user NAME RULES…`. */
  describe(): string {
    return `user ${this.name} ${this.rules().join(' ')}`;
  }

  /** As a configuration file has it: the same, with quotes where a word needs them. */
  configLine(): string {
    const words = [this.name, ...this.rules()].map((word) =>
      isPlain(word) || (word.startsWith('(') && !/["'\\]/.test(word)) ? word : quoteArgument(word),
    );
    return `user ${words.join(' ')}`;
  }
}

/** Whether a word of a configuration line can do without quotes. */
function isPlain(word: string): boolean {
  return !NEEDS_QUOTES.test(word);
}
