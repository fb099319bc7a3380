/**
 * Files between Tessera and redis-server: a random keyspace of all types is written by one as an
 * RDB file and as an append-only file, and loaded by the other.
 */
import { cpSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { DATABASES, type Family, randomCommand } from '../fuzz/diff-commands.ts';
import type { Random } from '../support/random.ts';
import type { RawClient } from '../support/raw-client.ts';
import { waitUntil } from '../support/tessera.ts';
import { type Contents, contentsOf, expectContents, keepAll, pipeline } from './contents.ts';
import { anyTopology, type FaultOptions, inFolder, stopWell, withServer } from './fault-run.ts';
import type { Launch, ServerKind } from './fault-server.ts';

const FAMILIES: readonly Family[] = [
  ...['string', 'bitmap', 'list', 'hash', 'set', 'zset', 'hll', 'geo', 'stream'],
] as Family[];
const COMMANDS = 400;
const LARGE_ELEMENTS = 3000;
const OK = '+OK\r\n';

/** Commands that Redis 7.0 does not know: what Tessera logs instead has to be loadable there. */
const NEWER: readonly (readonly string[])[] = [
  ['MSETEX', '2', 'n1', 'v', 'n2', 'w', 'PX', '100000000'],
  ['INCREX', 'n3', 'BYINT', '5'],
  ['DELEX', 'n1'],
  ['SET', 'n2', 'x', 'IFEQ', 'w'],
  ['HSET', 'n4', 'a', '1', 'b', '2', 'c', '3'],
  ['HGETDEL', 'n4', 'FIELDS', '1', 'a'],
  ['HSETEX', 'n4', 'FIELDS', '1', 'd', '5'],
  ['HGETEX', 'n4', 'PERSIST', 'FIELDS', '1', 'b'],
  ['RPUSH', 'n5', 'a', 'b', 'c', 'd'],
  ['LMOVEM', 'n5', 'n6', 'LEFT', 'RIGHT', 'COUNT', '2'],
];

const many = (count: number): string[] => Array.from({ length: count }, (_, i) => `element:${i}`);

function largeValues(random: Random): readonly (readonly string[])[] {
  const names = many(LARGE_ELEMENTS + random.below(LARGE_ELEMENTS));
  return [
    ['RPUSH', 'large list', ...names, 'x'.repeat(70_000)],
    ['SADD', 'large set', ...names],
    ['SADD', 'large intset', ...names.map((_, i) => String(i * 7))],
    ['HSET', 'large hash', ...names.flatMap((name, i) => [name, String(i)])],
    ['ZADD', 'large zset', ...names.flatMap((name, i) => [String(i / 8), name])],
    ['SET', 'large string', Buffer.from(random.bytes(200_000)).toString('latin1')],
    ...names.map((name, i) => ['XADD', 'large stream', `${i + 1}-${i}`, 'field', name]),
    ['XGROUP', 'CREATE', 'large stream', 'group', '0'],
    ['XREADGROUP', 'GROUP', 'group', 'one', 'COUNT', '2000', 'STREAMS', 'large stream', '>'],
    ['XTRIM', 'large stream', 'MAXLEN', String(LARGE_ELEMENTS)],
    ['SPOP', 'large set', '100'],
    ['SPOP', 'large set'],
    ['SET', 'expires', 'x', 'EX', '100000'],
    ['GETEX', 'large string', 'PX', '100000000'],
    ['INCRBYFLOAT', 'float', '0.1'],
  ];
}

/** Fills all databases with random values. */
async function populate(client: RawClient, kind: ServerKind, random: Random): Promise<void> {
  for (let db = 0; db < DATABASES; db++) {
    await client.command(['SELECT', db]);
    const commands = Array.from({ length: COMMANDS }, () =>
      randomCommand(random, [random.pick(FAMILIES)]),
    );
    // Limits of encodings stay: -0 is 0 in what is packed, and a replay packs by other limits.
    await pipeline(
      client,
      commands.filter(([name]) => name !== 'CONFIG'),
    );
    await pipeline(client, largeValues(random));
    if (kind === 'tessera') await pipeline(client, NEWER);
    await keepAll(client);
  }
  await client.command(['SELECT', '0']);
}

interface Written {
  /** Of the RDB file, and of the append-only file. */
  readonly saved: Contents;
  readonly logged: Contents;
}

/** Limits of encodings, the same for all servers of a round. */
function limits(random: Random): readonly string[] {
  const names = [
    'zset-max-listpack-entries',
    'hash-max-listpack-entries',
    'set-max-intset-entries',
  ];
  const args = names.flatMap((name) => [`--${name}`, random.pick(['4', '64', '512'])]);
  return [...args, '--list-max-listpack-size', random.pick(['4', '128', '-2'])];
}

/** Has a server of `kind` write both files into `directory`. */
async function write(
  kind: ServerKind,
  directory: string,
  encodings: readonly string[],
  random: Random,
): Promise<Written> {
  const preamble = ['--aof-use-rdb-preamble', random.oneIn(2) ? 'yes' : 'no'];
  const args = ['--appendonly', 'yes', ...encodings, ...preamble, ...anyTopology(kind, random)];
  return withServer({ kind, directory, args }, async (server) => {
    const client = await server.connect();
    await populate(client, kind, random);
    if (random.oneIn(2)) {
      await client.command(['BGREWRITEAOF']);
      await waitUntil('the rewrite', async () => {
        return (await server.info('persistence', 'aof_rewrite_in_progress')) === '0';
      });
      await populate(client, kind, random);
    }
    const saved = await contentsOf(server);
    const reply = await client.command(['SAVE']);
    if (reply !== OK) throw new Error(`SAVE: ${reply}`);
    await populate(client, kind, random);
    const written = { saved, logged: await contentsOf(server) };
    client.close();
    await stopWell(server);
    return written;
  });
}

/** Both directions, and each server with its own files. */
export async function roundTrips(options: FaultOptions): Promise<void> {
  const { random, rounds, report } = options;
  const kinds: readonly ServerKind[] = options.kind === 'redis' ? ['redis'] : ['tessera', 'redis'];
  for (let round = 1; round <= rounds; round++) {
    for (const writer of kinds) {
      await inFolder(async (directory) => {
        const encodings = limits(random);
        const source = join(directory, writer);
        mkdirSync(source);
        const { saved, logged } = await write(writer, source, encodings, random);
        for (const kind of kinds) {
          const target = join(directory, `${writer}-to-${kind}`);
          cpSync(source, target, { recursive: true });
          const launch = (appendonly: string): Launch => ({
            ...{ kind, directory: target },
            args: ['--appendonly', appendonly, ...encodings, ...anyTopology(kind, random)],
          });
          const what = `from ${writer} to ${kind}`;
          await withServer(launch('no'), (server) =>
            expectContents(server, saved, `RDB file ${what}`),
          );
          await withServer(launch('yes'), (server) =>
            expectContents(server, logged, `append-only file ${what}`),
          );
        }
      });
      report(`round ${round}/${rounds}: files of ${writer}`);
    }
  }
}
