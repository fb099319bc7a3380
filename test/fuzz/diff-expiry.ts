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
export function expiresSoon(command: Command): boolean {
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
