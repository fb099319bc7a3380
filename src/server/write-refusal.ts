/** Commands that are refused while the data set cannot be written to disk. */
import { errnoNumberText } from '../base/errno-text.ts';
import type { CommandRow } from '../commands/table.ts';
import { ERRORS } from '../resp/errors.ts';
import { AOF_FACT } from './aof-facts.ts';
import { REFUSE_NOTHING, REFUSE_SNAPSHOT_FAILED, type SharedLayout } from './shared-layout.ts';

/** What those commands are told. */
export function refusalText(layout: SharedLayout): string {
  if ((layout.writeRefusal & REFUSE_SNAPSHOT_FAILED) !== 0) return ERRORS.MISCONF;
  const error = errnoNumberText(layout.facts[AOF_FACT.writeError]!);
  return `${ERRORS.MISCONF_LOG}${error}`;
}

/** Whether a command is refused now: those that may change keys, and PING, as in Redis. */
export function isRefused(layout: SharedLayout, row: CommandRow): boolean {
  if (layout.writeRefusal === REFUSE_NOTHING) return false;
  return row.isWrite || row.spec.name === 'ping';
}
