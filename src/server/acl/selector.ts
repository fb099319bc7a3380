/**
 * Selector: one set of permissions of a user, and the rules that change it. A user has a root
 * selector and any number of others; a command needs one selector that allows all of it.
 *
 * Texts are byte strings (one character a byte): patterns and names may hold any byte.
 */
import { KEY_READ, KEY_WRITE } from '../../commands/key-flags.ts';
import { type AclCommand, type AclCommands, categoryBit } from './acl-commands.ts';

/** Why a rule was refused; the texts are Redis's. */
export const RULE_ERRORS = {
  unknownCommand: 'Unknown command or category name in ACL',
  syntax: 'Syntax error',
  keysAfterAll:
    "Adding a pattern after the * pattern (or the 'allkeys' flag) is not valid and does not have " +
    "any effect. Try 'resetkeys' to start with an empty list of patterns",
  channelsAfterAll:
    "Adding a pattern after the * pattern (or the 'allchannels' flag) is not valid and does not " +
    "have any effect. Try 'resetchannels' to start with an empty list of channels",
  noSuchPassword: 'The password you are trying to remove from the user does not exist',
  badHash:
    'The password hash must be exactly 64 characters and contain only lowercase hexadecimal ' +
    'characters',
  duplicateUser: 'Duplicate user found. A user can only be defined once in config files',
  argumentOfSubcommand: 'Allowing first-arg of a subcommand is not supported',
} as const;
export type RuleError = (typeof RULE_ERRORS)[keyof typeof RULE_ERRORS];

/** A pattern of keys with the permissions that it gives: KEY_READ, KEY_WRITE, or both. */
export interface KeyPattern {
  readonly text: string;
  readonly bytes: Uint8Array;
  permissions: number;
}

export interface ChannelPattern {
  readonly text: string;
  readonly bytes: Uint8Array;
}

/** A selector as plain data, for other threads: [permissions, pattern] for keys. */
export interface SelectorRecord {
  readonly allKeys: boolean;
  readonly allChannels: boolean;
  readonly keys: readonly (readonly [number, string])[];
  readonly channels: readonly string[];
  /** Command rules in order, the first one `+@all` or `-@all`. */
  readonly commands: readonly string[];
}

const NONE: readonly string[] = [];
const SPACE = /[ \t\n\v\f\r\0]/;

/** Whether a text has spaces or null bytes, which user names and patterns must not have. */
export function hasSpaces(text: string): boolean {
  return SPACE.test(text);
}

function bytesOf(text: string): Uint8Array {
  return Uint8Array.from(Buffer.from(text, 'latin1'));
}

export class Selector {
  allKeys = false;
  allChannels: boolean;
  /** Every command, those that later versions bring included. */
  allCommands = false;
  readonly keys: KeyPattern[] = [];
  readonly channels: ChannelPattern[] = [];
  /** Bit `command.id` is set where the command is allowed. */
  readonly #bits: Uint32Array;
  /** Commands that are allowed with some first arguments only (in lower case). */
  readonly #firstArguments = new Map<number, string[]>();
  /** It began with `+@all`: commands are allowed unless a rule forbids them. */
  #beginsWithAll = false;
  /** Command rules since `+@all` or `-@all`, without those that later ones made void. */
  #rules: string[] = [];
  readonly #commands: AclCommands;

  /** No permissions, but for channels where `allChannels` (`acl-pubsub-default`) says so. */
  constructor(commands: AclCommands, allChannels: boolean) {
    this.#commands = commands;
    this.allChannels = allChannels;
    this.#bits = new Uint32Array((commands.all.length + 31) >>> 5);
  }

  /** A copy from a record that a selector of the same commands made. Throws on anything else. */
  static fromRecord(commands: AclCommands, record: SelectorRecord): Selector {
    const selector = new Selector(commands, record.allChannels);
    selector.allKeys = record.allKeys;
    for (const [permissions, text] of record.keys) {
      selector.keys.push({ text, bytes: bytesOf(text), permissions });
    }
    for (const text of record.channels) selector.channels.push({ text, bytes: bytesOf(text) });
    for (const rule of record.commands) {
      const error = selector.apply(rule);
      if (error !== null) throw new Error(`a selector's record has a bad rule: ${error}`);
    }
    return selector;
  }

  toRecord(): SelectorRecord {
    return {
      allKeys: this.allKeys,
      allChannels: this.allChannels,
      keys: this.keys.map(({ permissions, text }) => [permissions, text]),
      channels: this.channels.map(({ text }) => text),
      commands: this.commandRules(),
    };
  }

  /** True where nothing is forbidden. */
  get isUnrestricted(): boolean {
    return this.allCommands && this.allKeys && this.allChannels;
  }

  /** Whether the command's bit is set. */
  has(command: AclCommand): boolean {
    return (this.#bits[command.id >>> 5]! & (1 << (command.id & 31))) !== 0;
  }

  /** First arguments with which a command is allowed though its bit is not set. */
  firstArgumentsOf(command: AclCommand): readonly string[] {
    return this.#firstArguments.get(command.id) ?? NONE;
  }

  // Rules --------------------------------------------------------------------------------------

  /** Carries out one rule; an error changes nothing. O(commands) for categories. */
  apply(rule: string): RuleError | null {
    switch (rule.toLowerCase()) {
      case 'allkeys':
      case '~*':
        return this.#setAllKeys(true);
      case 'resetkeys':
        return this.#setAllKeys(false);
      case 'allchannels':
      case '&*':
        return this.#setAllChannels(true);
      case 'resetchannels':
        return this.#setAllChannels(false);
      case 'allcommands':
      case '+@all':
        return this.#setAllCommands(true);
      case 'nocommands':
      case '-@all':
        return this.#setAllCommands(false);
    }
    switch (rule[0]) {
      case '~':
        return this.#addKeys(KEY_READ | KEY_WRITE, rule.slice(1));
      case '%':
        return this.#addQualifiedKeys(rule);
      case '&':
        return this.#addChannels(rule.slice(1));
      case '+':
      case '-':
        if (rule[1] === '@') return this.#setCategory(rule.slice(2), rule[0] === '+');
        return rule[0] === '+' ? this.#allow(rule.slice(1)) : this.#forbid(rule.slice(1));
    }
    return RULE_ERRORS.syntax;
  }

  #setAllKeys(isAll: boolean): null {
    this.allKeys = isAll;
    this.keys.length = 0;
    return null;
  }

  #setAllChannels(isAll: boolean): null {
    this.allChannels = isAll;
    this.channels.length = 0;
    return null;
  }

  #setAllCommands(isAll: boolean): null {
    this.#bits.fill(isAll ? 0xffffffff : 0);
    this.allCommands = isAll;
    this.#beginsWithAll = isAll;
    this.#rules = [];
    this.#firstArguments.clear();
    return null;
  }

  /** `%R~pattern`, `%W~pattern`, `%RW~pattern`. */
  #addQualifiedKeys(rule: string): RuleError | null {
    if (this.allKeys) return RULE_ERRORS.keysAfterAll;
    let permissions = 0;
    let at = 1;
    for (; at < rule.length && rule[at] !== '~'; at++) {
      const letter = rule[at]!.toUpperCase();
      const permission = letter === 'R' ? KEY_READ : letter === 'W' ? KEY_WRITE : 0;
      if (permission === 0 || (permissions & permission) !== 0) return RULE_ERRORS.syntax;
      permissions |= permission;
    }
    if (permissions === 0 || at === rule.length) return RULE_ERRORS.syntax;
    return this.#addKeys(permissions, rule.slice(at + 1));
  }

  #addKeys(permissions: number, text: string): RuleError | null {
    if (this.allKeys) return RULE_ERRORS.keysAfterAll;
    if (hasSpaces(text)) return RULE_ERRORS.syntax;
    const known = this.keys.find((pattern) => pattern.text === text);
    if (known === undefined) this.keys.push({ text, bytes: bytesOf(text), permissions });
    else known.permissions |= permissions;
    return null;
  }

  #addChannels(text: string): RuleError | null {
    if (this.allChannels) return RULE_ERRORS.channelsAfterAll;
    if (hasSpaces(text)) return RULE_ERRORS.syntax;
    const isKnown = this.channels.some((pattern) => pattern.text === text);
    if (!isKnown) this.channels.push({ text, bytes: bytesOf(text) });
    return null;
  }

  #setCategory(name: string, isAllowed: boolean): RuleError | null {
    const bit = categoryBit(name);
    if (bit === 0) return RULE_ERRORS.unknownCommand;
    this.#noteRule(`@${name}`, isAllowed);
    for (const command of this.#commands.all) {
      if ((command.categories & bit) !== 0) this.#setCommand(command, isAllowed);
    }
    return null;
  }

  /** A command, a sub-command, or `command|argument` of a command without sub-commands. */
  #allow(name: string): RuleError | null {
    const commands = this.#commands;
    const bar = name.lastIndexOf('|');
    const base = bar < 0 ? name : name.slice(0, bar);
    const command = commands.find(base);
    if (command === null) return this.#nameForeign(name, true);
    if (bar < 0) {
      this.#setCommand(command, true);
    } else {
      const argument = name.slice(bar + 1);
      if (command.isSubcommand) return RULE_ERRORS.argumentOfSubcommand;
      if (argument === '') return RULE_ERRORS.syntax;
      const sub = commands.find(name);
      if (sub !== null) this.#setCommand(sub, true);
      else if (commands.isContainer(command)) return this.#nameForeign(name, true);
      else this.#allowFirstArgument(command, argument.toLowerCase());
    }
    this.#noteRule(name, true);
    return null;
  }

  #forbid(name: string): RuleError | null {
    const command = this.#commands.find(name);
    if (command === null) return this.#nameForeign(name, false);
    this.#setCommand(command, false);
    this.#noteRule(name, false);
    return null;
  }

  /** A rule about a command that only Redis has: kept, without effect. */
  #nameForeign(name: string, isAllowed: boolean): RuleError | null {
    if (!this.#commands.isForeign(name)) return RULE_ERRORS.unknownCommand;
    // What is not known by its bit may not count as "everything".
    if (!isAllowed) this.allCommands = false;
    this.#noteRule(name, isAllowed);
    return null;
  }

  /** A command with its sub-commands. */
  #setCommand(command: AclCommand, isAllowed: boolean): void {
    this.#setBit(command.id, isAllowed);
    this.#firstArguments.delete(command.id);
    for (const id of command.subcommands) this.#setBit(id, isAllowed);
  }

  #setBit(id: number, isAllowed: boolean): void {
    const word = id >>> 5;
    const bit = 1 << (id & 31);
    if (isAllowed) {
      this.#bits[word] = this.#bits[word]! | bit;
    } else {
      this.#bits[word] = this.#bits[word]! & ~bit;
      this.allCommands = false;
    }
  }

  #allowFirstArgument({ id }: AclCommand, argument: string): void {
    const known = this.#firstArguments.get(id);
    if (known === undefined) this.#firstArguments.set(id, [argument]);
    else if (!known.includes(argument)) known.push(argument);
  }

  /** Adds a command rule behind the others; those that it makes void go. */
  #noteRule(name: string, isAllowed: boolean): void {
    const lower = name.toLowerCase();
    this.#rules = this.#rules.filter((rule) => {
      const other = rule.slice(1);
      return other !== lower && !other.startsWith(`${lower}|`);
    });
    this.#rules.push((isAllowed ? '+' : '-') + lower);
  }

  // Description --------------------------------------------------------------------------------

  /** The command rules that make this selector, the first one `+@all` or `-@all`. */
  commandRules(): string[] {
    return [this.#beginsWithAll ? '+@all' : '-@all', ...this.#rules];
  }

  /** Key patterns as rules. */
  keyRules(): string[] {
    if (this.allKeys) return ['~*'];
    return this.keys.map(({ permissions, text }) => {
      if (permissions === (KEY_READ | KEY_WRITE)) return `~${text}`;
      return permissions === KEY_READ ? `%R~${text}` : `%W~${text}`;
    });
  }

  /** Channel patterns as rules, without the `resetchannels` that goes before them. */
  channelRules(): string[] {
    return this.allChannels ? ['&*'] : this.channels.map(({ text }) => `&${text}`);
  }

  /** All rules that make this selector out of a fresh one. */
  rules(): string[] {
    const reset = this.allChannels ? [] : ['resetchannels'];
    return [...this.keyRules(), ...reset, ...this.channelRules(), ...this.commandRules()];
  }
}
