/** Users and commands for tests of permissions, without a server. */
import { ALL_COMMANDS } from '../../src/commands/registry.ts';
import { CommandTable } from '../../src/commands/table.ts';
import { AclCommands } from '../../src/server/acl/acl-commands.ts';
import { AclUser } from '../../src/server/acl/user.ts';

export const TABLE = new CommandTable(ALL_COMMANDS);
export const COMMANDS = new AclCommands(TABLE);

/** A new user with these rules; throws where one is refused. */
export function userWith(...rules: readonly string[]): AclUser {
  const user = new AclUser(COMMANDS, 'alice', false);
  for (const rule of rules) {
    const error = user.apply(rule, false);
    if (error !== null) throw new Error(`${rule}: ${error}`);
  }
  return user;
}
