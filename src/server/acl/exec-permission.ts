/**
 * Permissions of a transaction: its commands were allowed when they were queued, but the user may
 * have changed since, or be another one.
 */
import type { CommandRow } from '../../commands/table.ts';
import { ReplyWriter } from '../../resp/reply-writer.ts';
import type { ArgView } from '../../resp/request-parser.ts';
import type { Connection } from '../connection.ts';
import type { AclGate, DenialScene } from './gate.ts';

const CHANGED =
  'NOPERM ACLs rules changed between the moment the transaction was accumulated and the EXEC ' +
  'call. This command is no longer allowed for the following reason: ';
const REASONS = {
  command: 'no permission to execute the command or subcommand',
  key: 'no permission to touch the specified keys',
  channel: 'no permission to access one of the channels used as arguments',
};

/** Where a connection is refused a command. Its client's line names that command. */
export function sceneOf(c: Connection, row: CommandRow): DenialScene {
  return {
    context: c.isInTransaction ? 'multi' : 'toplevel',
    clientInfo: () => {
      const { lastCommand } = c;
      c.lastCommand = row.fullName;
      const line = c.infoLine();
      c.lastCommand = lastCommand;
      return line;
    },
  };
}

/**
 * The error reply's bytes for a queued command that EXEC may not run any more, or null. `exec` is
 * EXEC's row.
 */
export function queuedRefusal(
  gate: AclGate,
  c: Connection,
  exec: CommandRow,
  row: CommandRow,
  args: ArgView,
): Uint8Array | null {
  const refusal = gate.refusal(c.account, row, args, sceneOf(c, exec));
  const text =
    refusal === null ? gate.sortRefusal(c.account, row, args) : CHANGED + REASONS[refusal.reason];
  if (text === null) return null;
  const reply = new ReplyWriter(text.length + 16);
  reply.error(text);
  return reply.buf.slice(0, reply.length);
}
