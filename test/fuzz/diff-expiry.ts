import type { Command } from './diff-commands.ts';

/** No comparison of a history takes that long, on whatever machine. */
const SOON_MS = 60_000;
const MS_PER_UNIT: Readonly<Record<string, number>> = {
  ...{ EX: 1000, PX: 1, SETEX: 1000, PSETEX: 1, EXPIRE: 1000, PEXPIRE: 1 },
};
const MS_PER_UNIX: Readonly<Record<string, number>> = { EXAT: 1000, PXAT: 1 };

/**
 * Whether a command gives a time to live that passes while two servers are compared, so that one of
 * them may still have the key; or a SET gives one that is over: 7.0 stores the key all the same,
 * and tells of it, until somebody looks.
 */
function expiresSoon(command: Command): boolean {
  const name = command[0]!.toUpperCase();
  return command.some((word, i) => {
    const option = i === 0 ? name : word.toUpperCase();
    const number = Number(command[i === 0 ? 2 : i + 1]);
    const at = number * (MS_PER_UNIX[option] ?? 0);
    if (name === 'SET' && at > 0 && at < Date.now() + SOON_MS) return true;
    const ms = number * (MS_PER_UNIT[option] ?? 0);
    return ms > 0 && ms < SOON_MS;
  });
}

/**
 * Whether a command asks if a time to live is more or less than that of a key. What was given the
 * same time before, in the same millisecond or not, answers one or the other.
 */
function comparesWithNow(command: Command): boolean {
  const [name, , ttl, ...options] = command.map((word) => word.toUpperCase());
  if (name !== 'EXPIRE' && name !== 'PEXPIRE') return false;
  return Number(ttl) > 0 && options.some((option) => option === 'GT' || option === 'LT');
}

/** Whether two servers may differ over a command by the moment at which each has run it. */
export function dependsOnMoment(command: Command): boolean {
  return expiresSoon(command) || comparesWithNow(command);
}
