/**
 * AclDesk: what AUTH, HELLO and ACL ask of the server, as one I/O thread answers it: from its own
 * copy of the users, or by having main do it.
 */
import type {
  AclOrder,
  AclOutcome,
  AclServices,
  DryRun,
  SelectorView,
  UserView,
} from '../../commands/acl-services.ts';
import type { Session } from '../../commands/spec.ts';
import type { CommandRow, CommandTable } from '../../commands/table.ts';
import { wrongArity } from '../../resp/errors.ts';
import type { ArgView } from '../../resp/request-parser.ts';
import { categoryBit } from './acl-commands.ts';
import type { AclGate } from './gate.ts';
import type { Selector } from './selector.ts';

/** Sends an order to main; the callback gets its outcome, once. */
export type SendOrder = (
  order: AclOrder,
  clientId: number,
  done: (outcome: AclOutcome) => void,
) => void;

export class AclDesk implements AclServices {
  readonly #gate: AclGate;
  readonly #table: CommandTable;
  readonly #send: SendOrder;

  constructor(gate: AclGate, table: CommandTable, send: SendOrder) {
    this.#gate = gate;
    this.#table = table;
    this.#send = send;
  }

  isPasswordRequired(): boolean {
    return !this.#gate.users.default.needsNoPassword;
  }

  authenticate(session: Session, user: string, password: Uint8Array, command: string): boolean {
    const found = this.#gate.users.get(user);
    if (found?.accepts(password)) {
      session.logIn(found.name);
      return true;
    }
    this.#gate.noteLogin(user, command, {
      context: session.isInTransaction ? 'multi' : 'toplevel',
      clientInfo: () => session.infoLine(),
    });
    return false;
  }

  hasUser(name: string): boolean {
    return this.#gate.users.get(name) !== null;
  }

  commandsIn(category: string): readonly string[] | null {
    const bit = categoryBit(category);
    if (bit === 0) return null;
    const members = this.#gate.users.commands.all.filter(
      ({ categories }) => (categories & bit) !== 0,
    );
    return members.map(({ fullName }) => fullName);
  }

  names(): readonly string[] {
    return this.#gate.users.sorted().map(({ name }) => name);
  }

  list(): readonly string[] {
    return this.#gate.users.sorted().map((user) => user.describe());
  }

  view(name: string): UserView | null {
    const user = this.#gate.users.get(name);
    if (user === null) return null;
    return {
      flags: user.flagNames(),
      passwords: user.passwords,
      root: viewOf(user.root),
      selectors: user.selectors.slice(1).map(viewOf),
    };
  }

  dryRun(user: string, args: ArgView): DryRun {
    const found = this.#gate.users.get(user);
    if (found === null) return { error: `ERR User '${user}' not found` };
    const row = this.#lookup(args);
    if (row === null) return { error: `ERR Command '${args.text(0)}' not found` };
    if (!row.acceptsCount(args.count)) return { error: wrongArity(row.fullName) };
    return { refusal: this.#gate.dryRun(found, row, args) };
  }

  /** The row of the command that `args` would run, or null. */
  #lookup(args: ArgView): CommandRow | null {
    const row = this.#table.find(args.buf, args.offset[0]!, args.end(0));
    if (row === null || row.subcommands === null || args.count < 2) return row;
    const sub = row.subcommands.find(args.buf, args.offset[1]!, args.end(1));
    // DEBUG has no sub-commands in Redis, so whatever they are called there is the command.
    return sub ?? (row.isDebug ? row : null);
  }

  order(order: AclOrder, session: Session, done: (outcome: AclOutcome) => void): void {
    this.#send(order, session.id, done);
  }
}

function viewOf(selector: Selector): SelectorView {
  return {
    commands: selector.commandRules().join(' '),
    keys: selector.keyRules().join(' '),
    channels: selector.channelRules().join(' '),
  };
}
