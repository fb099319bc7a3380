/**
 * AclUsers: the users of one thread. Main's copy is the authority; the other threads' follow it
 * with the records that main sends.
 *
 * OWNERSHIP: a user's object stays the same as long as the user exists, so connections keep it; a
 * deleted one is an object that nobody finds any more.
 */
import type { AclCommands } from './acl-commands.ts';
import { shrunkChannels } from './permission.ts';
import type { ChannelPattern } from './selector.ts';
import { AclUser, DEFAULT_USER, type UserRecord } from './user.ts';

/** What main tells the other threads after a change. */
export interface UsersChange {
  /** New users, and those that are different now. */
  readonly users: readonly UserRecord[];
  /** Names of users that are no more. */
  readonly removed: readonly string[];
}

/** What a change means for connections. */
export interface ChangeEffects {
  readonly removed: readonly AclUser[];
  /** Users that may use fewer channels, with the rules that they have left. */
  readonly shrunk: ReadonlyMap<AclUser, readonly ChannelPattern[]>;
}

export class AclUsers {
  readonly commands: AclCommands;
  readonly #byName = new Map<string, AclUser>();
  /** The user of connections that have not authenticated as another one. */
  readonly default: AclUser;

  constructor(commands: AclCommands, records: readonly UserRecord[] = []) {
    this.commands = commands;
    this.default = AclUser.unlimited(commands);
    this.#byName.set(DEFAULT_USER, this.default);
    this.apply({ users: records, removed: [] });
  }

  /** By name (a byte string). */
  get(name: string): AclUser | null {
    return this.#byName.get(name) ?? null;
  }

  /** All users, in the order of their names' bytes. O(users log users). */
  sorted(): AclUser[] {
    return [...this.#byName.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  records(): UserRecord[] {
    return this.sorted().map((user) => user.toRecord());
  }

  /** Takes a change over. O(rules of the changed users). */
  apply(change: UsersChange): ChangeEffects {
    const removed: AclUser[] = [];
    const shrunk = new Map<AclUser, readonly ChannelPattern[]>();
    for (const name of change.removed) {
      const user = this.#byName.get(name);
      if (user === undefined || user === this.default) continue;
      removed.push(user);
      this.#byName.delete(name);
    }
    for (const record of change.users) {
      const after = AclUser.fromRecord(this.commands, record);
      const user = this.#byName.get(record.name);
      if (user === undefined) {
        this.#byName.set(record.name, after);
        continue;
      }
      const rules = shrunkChannels(user, after);
      if (rules !== null) shrunk.set(user, rules);
      user.takeRecord(record);
    }
    return { removed, shrunk };
  }
}
