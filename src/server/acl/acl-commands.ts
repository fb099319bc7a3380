/**
 * AclCommands: the commands as ACL rules see them. Rules name commands by their own names, whatever
 * rename-command calls them, and so do the errors; every command has a number, the index of its bit
 * in a selector.
 */
import { ACL_CATEGORIES, aclCategories } from '../../commands/acl-categories.ts';
import { permissionOf } from '../../commands/key-flags.ts';
import { ALL_COMMANDS } from '../../commands/registry.ts';
import type { CommandSpec, KeySpec } from '../../commands/spec.ts';
import type { CommandRow, CommandTable } from '../../commands/table.ts';
import { OTHER_COMMANDS } from './other-commands.ts';

/** Which arguments of a command are channels. */
export interface ChannelArguments {
  readonly first: number;
  /** All arguments from the first on; otherwise it is the only one. */
  readonly isRest: boolean;
  /** They are patterns, which a rule has to name literally. */
  readonly isPattern: boolean;
}

/** Commands that use channels; leaving one needs no permission. */
const CHANNELS: Readonly<Record<string, ChannelArguments>> = {
  subscribe: { first: 1, isRest: true, isPattern: false },
  ssubscribe: { first: 1, isRest: true, isPattern: false },
  psubscribe: { first: 1, isRest: true, isPattern: true },
  publish: { first: 1, isRest: false, isPattern: false },
  spublish: { first: 1, isRest: false, isPattern: false },
};

/** One key specification. */
export interface KeyUse {
  /** It alone. */
  readonly specs: readonly [KeySpec];
  /** Permissions that its keys need; -1 = the other arguments tell. */
  readonly needed: number;
}

/** A command or sub-command. */
export interface AclCommand {
  /** Index of its bit. */
  readonly id: number;
  /** `client|kill`. */
  readonly fullName: string;
  readonly spec: CommandSpec;
  /** Bits of ACL_CATEGORIES by position. */
  readonly categories: number;
  /** Ids of its sub-commands. */
  readonly subcommands: readonly number[];
  readonly isSubcommand: boolean;
  readonly channels: ChannelArguments | null;
  /** Key specifications whose keys need permission. */
  readonly keys: readonly KeyUse[];
  /** Everybody may run it: it comes before authentication. */
  readonly isEverybodys: boolean;
  /** It makes keys out of what it finds: sort-permission.ts. */
  readonly isSort: boolean;
}

/** A container whose sub-commands are plain arguments to Redis, and so to ACL rules. */
const FLAT = 'debug';

export class AclCommands {
  /** By id, every container followed by its sub-commands. */
  readonly all: readonly AclCommand[];
  readonly #byName: ReadonlyMap<string, AclCommand>;
  /** By row of the command table. */
  readonly #byRow: readonly AclCommand[];

  /** The commands of `table`, which may bear other names than those in `specs`. */
  constructor(table: CommandTable, specs: readonly CommandSpec[] = ALL_COMMANDS) {
    const all: AclCommand[] = [];
    const bySpec = new Map<CommandSpec, AclCommand>();
    for (const spec of specs) addCommand(spec, all, bySpec);
    this.all = all;
    this.#byName = new Map(all.map((command) => [command.fullName, command]));
    this.#byRow = table.rows.map(
      ({ spec }) => bySpec.get(spec) ?? this.#byName.get(spec.origin ?? spec.name)!,
    );
  }

  /** The command behind a row of the table. */
  ofRow(row: CommandRow): AclCommand {
    return this.#byRow[row.index]!;
  }

  /** By full name in any case; null where there is none. */
  find(name: string): AclCommand | null {
    return this.#byName.get(name.toLowerCase()) ?? null;
  }

  /** Whether Redis has a command of this name that is not here. */
  isForeign(name: string): boolean {
    return this.find(name) === null && OTHER_COMMANDS.has(name.toLowerCase());
  }

  /** Whether the command takes sub-commands that rules can name. */
  isContainer({ subcommands }: AclCommand): boolean {
    return subcommands.length > 0;
  }
}

function addCommand(
  spec: CommandSpec,
  all: AclCommand[],
  bySpec: Map<CommandSpec, AclCommand>,
  prefix = '',
): number {
  const id = all.length;
  const fullName = prefix + spec.name;
  const subcommands: number[] = [];
  const command: AclCommand = {
    id,
    fullName,
    spec,
    categories: categoryBits(spec),
    subcommands,
    isSubcommand: prefix !== '',
    channels: CHANNELS[fullName] ?? null,
    keys: spec.keys
      .filter(({ flags }) => !flags.includes('NOT_KEY'))
      .map((key) => ({ specs: [key], needed: permissionOf(key.flags) })),
    isEverybodys: spec.flags.includes('no_auth'),
    isSort: fullName === 'sort' || fullName === 'sort_ro',
  };
  all.push(command);
  bySpec.set(spec, command);
  for (const sub of spec.subcommands ?? []) {
    if (fullName === FLAT) bySpec.set(sub, command);
    else subcommands.push(addCommand(sub, all, bySpec, `${fullName}|`));
  }
  return id;
}

function categoryBits(spec: CommandSpec): number {
  let bits = 0;
  for (const name of aclCategories(spec)) bits |= categoryBit(name);
  return bits;
}

/** The bit of a category, given without `@` in any case; 0 = there is no such category. */
export function categoryBit(name: string): number {
  const names: readonly string[] = ACL_CATEGORIES;
  const at = names.indexOf(name.toLowerCase());
  return at < 0 ? 0 : 1 << at;
}
