/** Rows and replies of the tables of consumer groups. */
import { GENERIC_COMMANDS } from '../../src/commands/generic.ts';
import { STREAM_COMMANDS } from '../../src/commands/stream.ts';
import { STRING_COMMANDS } from '../../src/commands/string.ts';
import { array, bulk, error, integer, NULL, type Row } from '../conformance/table.ts';
import { CLOCK_START_MS } from '../support/local-runner.ts';

/** Streams and what their tables use beside. */
export const STREAM_SPECS = [...STREAM_COMMANDS, ...STRING_COMMANDS, ...GENERIC_COMMANDS];
/** When the virtual clock starts. */
export const T = CLOCK_START_MS;
/** The greatest part of an ID. */
export const MAX = '18446744073709551615';
/** XGROUP without a stream. */
export const NO_KEY = error(
  'ERR The XGROUP subcommand requires the key to exist. Note that for CREATE you may want to use ' +
    'the MKSTREAM option to create an empty stream automatically.',
);
export const BAD_ID = error('ERR Invalid stream ID specified as stream command argument');
export const NULL_ARRAY = '*-1\r\n';

export const noGroup = (group: string, key: string): string =>
  error(`NOGROUP No such consumer group '${group}' for key name '${key}'`);
export const noKeyOrGroup = (key: string, group: string): string =>
  error(`NOGROUP No such key '${key}' or consumer group '${group}'`);
export const wrongShape = (sub: string, container: string): string =>
  error(`ERR unknown subcommand or wrong number of arguments for '${sub}'. Try ${container} HELP.`);
export const arity = (name: string): string =>
  error(`ERR wrong number of arguments for '${name}' command`);
export const words = (text: string): string[] => text.split(' ');
/** A row whose command is words with spaces between. */
export const row = (command: string, reply: string, resp3?: string): Row =>
  resp3 === undefined ? [words(command), reply] : [words(command), reply, resp3];
export const ids = (...list: readonly string[]): string => array(...list.map(bulk));
export const entry = (id: string, ...fields: readonly string[]): string =>
  array(bulk(id), array(...fields.map(bulk)));
/** A row of XPENDING. */
export const pending = (id: string, owner: string, idle: number, count: number | string): string =>
  array(bulk(id), bulk(owner), integer(idle), integer(count));

/** A reply with maps, in both protocols; `[]` is a list, `null` a null, an object a map. */
export type Tree = string | number | null | readonly Tree[] | { readonly [name: string]: Tree };

function encode(tree: Tree, resp3: boolean): string {
  if (tree === null) return resp3 ? '_\r\n' : NULL;
  if (typeof tree === 'number') return integer(tree);
  if (typeof tree === 'string') return bulk(tree);
  if (Array.isArray(tree)) return array(...tree.map((one) => encode(one, resp3)));
  const parts = Object.entries(tree).map(([name, value]) => bulk(name) + encode(value, resp3));
  return `${resp3 ? `%${parts.length}` : `*${parts.length * 2}`}\r\n${parts.join('')}`;
}

/** A reply in RESP2 and in RESP3. */
export const both = (tree: Tree): [string, string] => [encode(tree, false), encode(tree, true)];

/** A stream s of the entries 1-1 to `count`-1, f=v<i>. */
export const filled = (count: number): Row[] =>
  Array.from({ length: count }, (_, i) => row(`XADD s ${i + 1}-1 f v${i + 1}`, bulk(`${i + 1}-1`)));
