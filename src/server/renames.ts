/** rename-command: the command table under other names. */
import type { CommandSpec } from '../commands/spec.ts';

/**
 * The specs with renamed commands under their new names; an empty new name takes the command away.
 */
export function applyRenames(
  specs: readonly CommandSpec[],
  renames: Readonly<Record<string, string>>,
): readonly CommandSpec[] {
  const newNames = new Map(Object.entries(renames).map(([from, to]) => [from.toLowerCase(), to]));
  const result: CommandSpec[] = [];
  for (const spec of specs) {
    const name = newNames.get(spec.name);
    if (name === undefined) result.push(spec);
    else if (name !== '') result.push({ ...spec, name: name.toLowerCase(), origin: spec.name });
  }
  return result;
}
