/** What the machine (or the container) gives this process. */
import { totalmem } from 'node:os';

/**
 * Bytes of memory that this process may use: the machine's, or the control group's where that is
 * less.
 */
export function constrainedMemory(): number {
  const limit = process.constrainedMemory();
  return limit > 0 && limit < totalmem() ? limit : totalmem();
}
