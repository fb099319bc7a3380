/**
 * AclGate: permissions on one thread. It decides about commands by the thread's copy of the users,
 * and notes and counts what it refuses.
 */
import type { CommandRow } from '../../commands/table.ts';
import type { ArgView } from '../../resp/request-parser.ts';
import { STAT, type ThreadStats } from '../thread-stats.ts';
import { type DenialContext, DenialNotes } from './acl-log.ts';
import {
  ALLOWED,
  DENIED_CHANNEL,
  DENIED_COMMAND,
  type Decision,
  mayUseChannel,
  PermissionCheck,
} from './permission.ts';
import { sortDenial } from './sort-permission.ts';
import type { AclUser } from './user.ts';
import type { AclUsers } from './users.ts';

/** Of a key or channel so much is kept in the log. */
const OBJECT_LENGTH_MAX = 4096;

/** Who was refused something, and where. */
export interface DenialScene {
  readonly context: DenialContext;
  /** CLIENT INFO's line; asked for only when something is noted. */
  readonly clientInfo: () => string;
}

/** Why a command is refused. */
export interface Refusal {
  readonly reason: 'command' | 'key' | 'channel';
  /** In the words of Redis, without an error code. */
  readonly text: string;
}

export class AclGate {
  readonly users: AclUsers;
  readonly notes = new DenialNotes();
  /** `acllog-max-len`. */
  logLengthMax = 0;
  readonly #check = new PermissionCheck();
  readonly #stats: ThreadStats;

  constructor(users: AclUsers, stats: ThreadStats) {
    this.users = users;
    this.#stats = stats;
  }

  /** Whether a user may run a command now; notes nothing. */
  isAllowed(user: AclUser, row: CommandRow, args: ArgView): boolean {
    if (user.isUnrestricted) return true;
    return this.#check.check(user, this.users.commands.ofRow(row), args) === ALLOWED;
  }

  /** Whether a user may use a channel, or subscribe to a pattern of channels. */
  mayUseChannel(
    user: AclUser,
    buf: Uint8Array,
    start: number,
    end: number,
    isPattern: boolean,
  ): boolean {
    return user.isUnrestricted || mayUseChannel(user, buf, start, end, isPattern);
  }

  /** Null where a user may run a command. What is refused is noted and counted. */
  refusal(user: AclUser, row: CommandRow, args: ArgView, scene: DenialScene): Refusal | null {
    const command = this.users.commands.ofRow(row);
    const decision = this.#check.check(user, command, args);
    if (decision === ALLOWED) return null;
    const { deniedIndex } = this.#check;
    const isCommand = decision === DENIED_COMMAND;
    const isChannel = decision === DENIED_CHANNEL;
    const counter = isCommand
      ? STAT.deniedCommand
      : isChannel
        ? STAT.deniedChannel
        : STAT.deniedKey;
    this.#stats.add(counter, 1);
    const object = isCommand ? command.fullName : args.text(deniedIndex);
    const reason = isCommand ? 'command' : isChannel ? 'channel' : 'key';
    this.#note(reason, object, user.name, scene);
    const text = isCommand
      ? commandRefusal(user, command.fullName)
      : `No permissions to access a ${reason}`;
    return { reason, text };
  }

  /** What ACL DRYRUN says: as `refusal`, but with the key's or channel's name, and not noted. */
  dryRun(user: AclUser, row: CommandRow, args: ArgView): string | null {
    const command = this.users.commands.ofRow(row);
    const decision: Decision = this.#check.check(user, command, args);
    if (decision === ALLOWED) return null;
    if (decision === DENIED_COMMAND) return commandRefusal(user, command.fullName);
    const what = decision === DENIED_CHANNEL ? 'channel' : 'key';
    const name = args.text(this.#check.deniedIndex);
    return `User ${user.name} has no permissions to access the '${name}' ${what}`;
  }

  /**
   * SORT's own refusal: its BY and GET read keys that no argument names. An error reply's text, or
   * null.
   */
  sortRefusal(user: AclUser, row: CommandRow, args: ArgView): string | null {
    const command = this.users.commands.ofRow(row);
    if (user.isUnrestricted || !command.isSort) return null;
    const denial = sortDenial(args);
    if (denial === null || this.#check.mayReadAllKeys(user, command, args)) return null;
    return denial;
  }

  /** Notes a failed login; `command` as it was sent. */
  noteLogin(username: string, command: string, scene: DenialScene): void {
    this.#stats.add(STAT.deniedAuth, 1);
    this.#note('auth', command, username, scene);
  }

  #note(
    reason: 'command' | 'key' | 'channel' | 'auth',
    object: string,
    username: string,
    { context, clientInfo }: DenialScene,
  ): void {
    const isKept = this.logLengthMax !== 0;
    this.notes.note(
      {
        reason,
        context,
        object: object.slice(0, OBJECT_LENGTH_MAX),
        username: username.slice(0, OBJECT_LENGTH_MAX),
        clientInfo: isKept ? clientInfo() : '',
        atMs: Date.now(),
      },
      this.logLengthMax,
    );
  }
}

function commandRefusal(user: AclUser, fullName: string): string {
  return `User ${user.name} has no permissions to run the '${fullName}' command`;
}
