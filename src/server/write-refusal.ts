/** Commands that are refused while the data set cannot be written to disk. */
import type { CommandRow } from '../commands/table.ts';
import { ERRORS } from '../resp/errors.ts';
import { REFUSE_NOTHING, REFUSE_SNAPSHOT_FAILED, type SharedLayout } from './shared-layout.ts';

/** What those commands are told. */
export function refusalText(layout: SharedLayout): string {
  const isSnapshot = layout.writeRefusal === REFUSE_SNAPSHOT_FAILED;
  return isSnapshot ? ERRORS.MISCONF : ERRORS.MISCONF_LOG;
}

/** Whether a command is refused now: those that may change keys, and PING, as in Redis. */
export function isRefused(layout: SharedLayout, row: CommandRow): boolean {
  if (layout.writeRefusal === REFUSE_NOTHING) return false;
  return row.isWrite || row.spec.name === 'ping';
}
