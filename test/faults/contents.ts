/** Whole keyspaces of running servers, compared by content. */
import { DATABASES } from '../fuzz/diff-commands.ts';
import { decodeReply } from '../support/decode-reply.ts';
import type { RawClient } from '../support/raw-client.ts';
import type { FaultServer } from './fault-server.ts';

const SOON_MS = 600_000;

/** Sends all commands at once; their raw replies. */
export function pipeline(
  client: RawClient,
  commands: readonly (readonly string[])[],
): Promise<string[]> {
  return Promise.all(commands.map((words) => client.command(words)));
}

/** One key: what tells whether it is the same, and what it has, to say where it is not. */
interface Value {
  readonly facts: string;
  readonly elements: readonly string[];
}

/** Digest of a whole keyspace, and its values by database and key. */
export interface Contents {
  readonly digest: string;
  readonly values: ReadonlyMap<string, Value>;
}

/** How all of a value is read, by its type. */
const READERS: Readonly<Record<string, (key: string) => readonly string[]>> = {
  string: (key) => ['MGET', key],
  list: (key) => ['LRANGE', key, '0', '-1'],
  hash: (key) => ['HGETALL', key],
  set: (key) => ['SMEMBERS', key],
  zset: (key) => ['ZRANGE', key, '0', '-1', 'WITHSCORES'],
  stream: (key) => ['XRANGE', key, '-', '+'],
};
const UNORDERED: Readonly<Record<string, number>> = { hash: 2, set: 1 };
const SHOWN_MAX = 200;

/** The elements of a value, pairs as one, in an order of their own where they have none. */
function elementsOf(type: string, reply: string): readonly string[] {
  const flat = (decodeReply(reply) as readonly unknown[]).map((one) => JSON.stringify(one));
  const step = type === 'zset' ? 2 : (UNORDERED[type] ?? 1);
  const elements = flat.flatMap((_, i) => (i % step === 0 ? [flat.slice(i, i + step).join()] : []));
  return type in UNORDERED ? elements.sort() : elements;
}

/** All that there is, by DEBUG DIGEST and its like. */
export async function contentsOf(server: FaultServer): Promise<Contents> {
  const client = await server.connect();
  try {
    const digest = await client.command(['DEBUG', 'DIGEST']);
    if (!/^\+[0-9a-f]{40}\r\n$/.test(digest)) throw new Error(`DEBUG DIGEST: ${digest}`);
    const values = new Map<string, Value>();
    for (let db = 0; db < DATABASES; db++) {
      await client.command(['SELECT', db]);
      const names = decodeReply(await client.command(['KEYS', '*'])) as readonly string[];
      const types = await pipeline(
        client,
        names.map((name) => ['TYPE', name]),
      );
      for (const [i, name] of names.entries()) {
        const type = types[i]!.slice(1, -2);
        const [value, deadline, reply] = await pipeline(client, [
          ['DEBUG', 'DIGEST-VALUE', name],
          ['PEXPIRETIME', name],
          READERS[type]!(name),
        ]);
        values.set(`${type} ${db}: ${JSON.stringify(name)}`, {
          facts: `${value!.split('\r\n')[1]} ${deadline!.trim()}`,
          elements: elementsOf(type, reply!),
        });
      }
    }
    return { digest, values };
  } finally {
    client.close();
  }
}

/** Throws where a server has something else; `what` is where it has it from. */
export async function expectContents(
  server: FaultServer,
  expected: Contents,
  what: string,
): Promise<void> {
  const found = await contentsOf(server);
  if (found.digest === expected.digest) return;
  throw new Error(`${what} differs:\n  ${differences(found, expected)}`);
}

/** The keys that are not the same, one a line, with the first element that is not. */
function differences(found: Contents, expected: Contents): string {
  const names = new Set([...found.values.keys(), ...expected.values.keys()]);
  const lines = [...names].flatMap((name) => {
    const [has, should] = [found.values.get(name), expected.values.get(name)];
    if (has === undefined || should === undefined) {
      return [`${name} is ${has === undefined ? 'missing' : 'too much'}`];
    }
    if (has.facts === should.facts) return [];
    const sizes = `${has.elements.length} for ${should.elements.length}`;
    return [
      `${name} has ${has.facts} for ${should.facts}, elements: ${sizes}`,
      ...first(has, should),
    ];
  });
  return lines.join('\n  ');
}

function first({ elements }: Value, should: Value): readonly string[] {
  const at = elements.findIndex((one, i) => one !== should.elements[i]);
  const cut = (text: string | undefined): string => String(text).slice(0, SHOWN_MAX);
  return at < 0 ? [] : [`  element ${at}: ${cut(elements[at])} for ${cut(should.elements[at])}`];
}

/** What would expire soon stays: nothing may before the files are loaded again. */
export async function keepAll(client: RawClient): Promise<void> {
  const names = decodeReply(await client.command(['KEYS', '*'])) as readonly string[];
  const replies = await pipeline(
    client,
    names.map((name) => ['PEXPIRETIME', name]),
  );
  const soon = names.filter((_, i) => {
    const deadline = decodeReply(replies[i]!) as number;
    return deadline >= 0 && deadline < Date.now() + SOON_MS;
  });
  await pipeline(
    client,
    soon.map((name) => ['PERSIST', name]),
  );
}
