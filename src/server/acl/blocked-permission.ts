/**
 * BlockedPermission: clients whose commands wait are asked again whether they may run them when
 * users change. Who may not any more is told so when it would be served, and nothing is taken.
 */
import type { CommandRow, CommandTable } from '../../commands/table.ts';
import { ArgView } from '../../resp/request-parser.ts';
import type { BlockedClients, Wait } from '../blocked-clients.ts';
import type { Connection } from '../connection.ts';
import type { ThreadStats } from '../thread-stats.ts';
import type { WaitRecords } from '../wait-records.ts';
import { sceneOf } from './exec-permission.ts';
import type { AclGate } from './gate.ts';

export interface BlockedPermissionParts {
  readonly acl: AclGate;
  readonly table: CommandTable;
  readonly records: WaitRecords;
  readonly blocked: BlockedClients;
  readonly stats: ThreadStats;
}

export class BlockedPermission {
  readonly #parts: BlockedPermissionParts;
  readonly #args = new ArgView();

  constructor(parts: BlockedPermissionParts) {
    this.#parts = parts;
  }

  /** Looks at the command that a client waits with, where it waits with one. */
  recheck(c: Connection): void {
    const wait = c.blocked;
    if (wait === null || wait.ref === 0) return;
    const { acl, blocked } = this.#parts;
    if (!c.isRestricted || acl.isAllowed(c.account, this.#read(wait), this.#args)) {
      blocked.permit(wait);
    } else {
      blocked.deny(wait, () => this.#denial(c, wait));
    }
  }

  /** The row of the command; its arguments are in `args`. */
  #read(wait: Wait): CommandRow {
    const { records, table } = this.#parts;
    records.readArgs(wait.ref, this.#args);
    return table.rows[records.row(wait.ref)]!;
  }

  /** The error for a client that would be served now; it is noted now, too. */
  #denial(c: Connection, wait: Wait): string {
    const row = this.#read(wait);
    const refusal = this.#parts.acl.refusal(c.account, row, this.#args, sceneOf(c, row));
    this.#parts.stats.rejected(row.index);
    // What it was denied for may be allowed again in the instant between.
    return `NOPERM ${refusal?.text ?? 'No permissions to access a key'}`;
  }
}
