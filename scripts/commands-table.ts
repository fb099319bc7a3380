/**
 * The README's table of commands, from the command table itself.
 *
 * `node scripts/commands-table.ts` prints it; with `--write FILE` it replaces what stands in FILE
 * between `<!-- commands -->` and `<!-- /commands -->`.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { ALL_COMMANDS } from '../src/commands/registry.ts';
import type { CommandGroup, CommandSpec } from '../src/commands/spec.ts';

const START = '<!-- commands -->';
const END = '<!-- /commands -->';

const HEADINGS: Readonly<Record<CommandGroup, string>> = {
  string: 'Strings',
  bitmap: 'Bitmaps',
  list: 'Lists',
  hash: 'Hashes',
  set: 'Sets',
  'sorted-set': 'Sorted sets',
  geo: 'Geo',
  hyperloglog: 'HyperLogLog',
  stream: 'Streams',
  generic: 'Keys',
  pubsub: 'Pub/sub',
  transactions: 'Transactions',
  connection: 'Connection',
  server: 'Server',
  cluster: 'Cluster',
};

function subcommandsOf(spec: CommandSpec): readonly CommandSpec[] {
  return spec.subcommands ?? [];
}

/** `≥ 2` for a minimum, as COMMAND INFO's negative arity says it. The name counts. */
function arityText(arity: number): string {
  return arity < 0 ? `≥ ${-arity}` : String(arity);
}

function rowOf(spec: CommandSpec): string {
  const name = `\`${spec.name.toUpperCase()}\``;
  const names = subcommandsOf(spec).map((sub) => sub.name.toUpperCase());
  const options = names.length === 0 ? '' : `: ${names.sort().join(', ')}`;
  return `| ${name}${options} | ${spec.since} | ${arityText(spec.arity)} |`;
}

/** One table for each group that has commands, in the order of HEADINGS. */
export function commandsTable(specs: readonly CommandSpec[]): string {
  const parts: string[] = [];
  for (const [group, heading] of Object.entries(HEADINGS)) {
    const members = specs.filter((spec) => spec.group === group);
    if (members.length === 0) continue;
    const rows = [...members].sort((a, b) => (a.name < b.name ? -1 : 1)).map(rowOf);
    const head = `### ${heading}\n\n| command | since | arguments |\n|---|---|---|`;
    parts.push(`${head}\n${rows.join('\n')}\n`);
  }
  return parts.join('\n');
}

/** Text of a file with its table renewed. Throws where the markers are missing. */
export function withTable(text: string, table: string): string {
  const start = text.indexOf(START);
  const end = text.indexOf(END, start);
  if (start < 0 || end < 0) throw new Error(`the file needs the lines ${START} and ${END}`);
  return `${text.slice(0, start + START.length)}\n\n${table}\n${text.slice(end)}`;
}

function main(): void {
  const { values } = parseArgs({ options: { write: { type: 'string' } } });
  const table = commandsTable(ALL_COMMANDS);
  if (values.write === undefined) process.stdout.write(table);
  else writeFileSync(values.write, withTable(readFileSync(values.write, 'utf8'), table));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) main();
