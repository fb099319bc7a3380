/**
 * Protocol fuzzer: random and mutated byte streams, cut anywhere, against a running server, while
 * well-behaved clients check that nobody else notices.
 *
 *   npm run fuzz:protocol -- [--seconds 60] [--seed N] [server options...]
 */
import { pathToFileURL } from 'node:url';
import { Random } from '../support/random.ts';
import { encodeCommand, replyLength } from '../support/raw-client.ts';
import { startTessera, type Tessera } from '../support/tessera.ts';

/** Data of the well-behaved clients: it must never reach a fuzzed connection. */
const PRIVATE = 'PRIVATE';
const COMMANDS_MAX = 12;
const MUTATIONS_MAX = 6;
const REPORT_EVERY_MS = 5000;

/** What a fuzzed connection must not do to the others. */
export const FUZZ_OPTIONS: readonly string[] = [
  ...['FLUSHALL', 'FLUSHDB', 'SWAPDB', 'SHUTDOWN', 'DEBUG', 'CONFIG'].flatMap((name) => [
    '--rename-command',
    name,
    '',
  ]),
  '--maxmemory',
  '256mb',
];

const COMMANDS: readonly (readonly string[])[] = [
  ['SET', 'k', 'v'],
  ['GET', 'k'],
  ['MSET', 'a', '1', 'b', '2', 'c', '3'],
  ['MGET', 'a', 'b', 'c', 'd', 'e'],
  ['INCRBY', 'n', '9223372036854775807'],
  ['SETRANGE', 'k', '100', 'x'],
  ['SETBIT', 'bits', '77', '1'],
  ['BITFIELD', 'bits', 'GET', 'u8', '0', 'INCRBY', 'i16', '#1', '-1'],
  ['BITOP', 'XOR', 'd', 'a', 'b'],
  ['APPEND', 'k', ''],
  ['MULTI'],
  ['EXEC'],
  ['DISCARD'],
  ['WATCH', 'k', 'a'],
  ['SELECT', '1'],
  ['RENAME', 'a', 'b'],
  ['COPY', 'k', 'z', 'DB', '2', 'REPLACE'],
  ['SCAN', '0', 'COUNT', '5', 'MATCH', 'k*'],
  ['KEYS', 'k*'],
  ['HELLO', '3'],
  ['HELLO', '2', 'SETNAME', 'fuzz'],
  ['CLIENT', 'INFO'],
  ['CLIENT', 'REPLY', 'SKIP'],
  ['CLIENT', 'SETINFO', 'lib-name', 'x'],
  ['COMMAND', 'INFO', 'get'],
  ['COMMAND', 'GETKEYS', 'MSET', 'a', '1', 'b', '2'],
  ['OBJECT', 'ENCODING', 'k'],
  ['EXPIRE', 'k', '100', 'NX'],
  ['LCS', 'k', 'a', 'IDX'],
  ['PING', 'x'],
  ['ECHO', '\0\r\n'],
  ['RESET'],
  ['QUIT'],
  ['INFO', 'everything'],
  ['MEMORY', 'USAGE', 'k'],
];

const NASTY: readonly string[] = [
  '\r\n',
  '\n',
  '\r',
  '\0',
  '*',
  '$',
  '*-1\r\n',
  '*0\r\n',
  '$-1\r\n',
  '*2147483647\r\n',
  '*1000000\r\n',
  '$536870912\r\n',
  '$0\r\n\r\n',
  '-',
  '99999999999999999999',
  '"',
  "'",
  '"\\x',
  'PING\r\n',
  'GET k\r\n',
  '\xff\xfe',
];

/** A stream of commands, some of them inline, some broken. */
export function randomStream(random: Random): Buffer {
  const parts: Buffer[] = [];
  for (let i = 1 + random.below(COMMANDS_MAX); i > 0; i--) {
    const words = random.pick(COMMANDS);
    if (random.oneIn(8)) parts.push(Buffer.from(`${words.join(' ')}\r\n`, 'latin1'));
    else if (random.oneIn(12)) parts.push(Buffer.from(random.bytes(random.below(40))));
    else if (random.oneIn(20))
      parts.push(encodeCommand([...words, 'x'.repeat(random.below(70_000))]));
    else parts.push(encodeCommand(words));
  }
  let stream: Buffer = Buffer.concat(parts);
  if (random.oneIn(4)) return stream;
  for (let i = 1 + random.below(MUTATIONS_MAX); i > 0; i--) stream = mutated(stream, random);
  return stream;
}

function mutated(stream: Buffer, random: Random): Buffer {
  const at = random.below(stream.length + 1);
  const end = Math.min(stream.length, at + 1 + random.below(6));
  const [before, middle, after] = [
    stream.subarray(0, at),
    stream.subarray(at, end),
    stream.subarray(end),
  ];
  switch (random.below(6)) {
    case 0:
      return Buffer.concat([before, random.bytes(middle.length), after]);
    case 1:
      return Buffer.concat([before, after]);
    case 2:
      return Buffer.concat([before, Buffer.from(random.pick(NASTY), 'latin1'), middle, after]);
    case 3:
      return Buffer.concat([before, middle, middle, after]);
    case 4:
      return Buffer.from(before);
    default:
      return Buffer.concat([before, Buffer.from(String(random.next() % 70_000)), after]);
  }
}

/** Throws unless `text` is a sequence of whole replies (one more may have been cut by a close). */
function checkReplies(text: string): void {
  if (text.includes(PRIVATE)) throw new Error('another client’s bytes');
  const bytes = Buffer.from(text, 'latin1');
  for (let at = 0; at < bytes.length; ) {
    const length = replyLength(bytes, at);
    if (length < 0) throw new Error('the last reply is incomplete');
    at += length;
  }
}

/** One fuzzed connection: sends a stream in pieces, then ends its side and reads to the close. */
async function attack(server: Tessera, random: Random): Promise<void> {
  const client = await server.connect();
  const stream = randomStream(random);
  for (let at = 0; at < stream.length; ) {
    const end = at + 1 + random.below(random.oneIn(2) ? 8 : stream.length);
    client.send(stream.subarray(at, end));
    at = end;
    if (random.oneIn(2)) await new Promise((resolve) => setImmediate(resolve));
  }
  if (random.oneIn(10)) {
    client.socket.resetAndDestroy();
    return;
  }
  client.socket.end();
  try {
    checkReplies(await client.readUntilClose());
  } catch (error) {
    const shown = JSON.stringify(stream.toString('latin1'));
    throw new Error(`after ${shown.length > 3000 ? `${shown.slice(0, 3000)}...` : shown}`, {
      cause: error,
    });
  } finally {
    client.close();
  }
}

/** A well-behaved client: writes and reads its own data until told to stop. Returns its rounds. */
async function behave(server: Tessera, name: string, isDone: () => boolean): Promise<number> {
  const client = await server.connect();
  let rounds = 0;
  for (; !isDone() || rounds === 0; rounds++) {
    const value = `${PRIVATE}:${name}:${rounds}:${'.'.repeat(rounds % 300)}`;
    const key = `own:${name}:${rounds % 7}`;
    const replies = await Promise.all([
      client.command(['SET', key, value]),
      client.command(['GET', key]),
      client.command(['MGET', key, 'own:nothing', key]),
      client.command(['PING', value]),
    ]);
    const bulk = `$${value.length}\r\n${value}\r\n`;
    const expected = ['+OK\r\n', bulk, `*3\r\n${bulk}$-1\r\n${bulk}`, bulk];
    for (const [i, reply] of replies.entries()) {
      if (reply !== expected[i]) throw new Error(`${name} got ${JSON.stringify(reply)}`);
    }
  }
  client.close();
  return rounds;
}

/**
 * Attacks `server` with `width` connections at a time while `again` says so, beside two
 * well-behaved clients. Throws at the first thing that is wrong. Returns the connections made.
 */
export async function fuzzProtocol(
  server: Tessera,
  random: Random,
  width: number,
  again: (connections: number) => boolean,
): Promise<number> {
  let isDone = false;
  let connections = 0;
  const others = ['first', 'second'].map((name) => behave(server, name, () => isDone));
  const attackers = Array.from({ length: width }, async () => {
    const own = new Random(random.next());
    while (!isDone && again(connections)) {
      connections += 1;
      await attack(server, own);
    }
  });
  try {
    await Promise.all(attackers);
  } finally {
    isDone = true;
    await Promise.all(others);
  }
  const last = await server.connect();
  if ((await last.command(['PING'])) !== '+PONG\r\n') throw new Error('no PONG at the end');
  last.close();
  return connections;
}

async function main(words: readonly string[]): Promise<void> {
  let seconds = 60;
  let seed = Date.now() % 2 ** 31;
  const options: string[] = [];
  for (let i = 0; i < words.length; i++) {
    if (words[i] === '--seconds') seconds = Number(words[++i]);
    else if (words[i] === '--seed') seed = Number(words[++i]);
    else options.push(words[i]!);
  }
  console.log(`seed ${seed}, ${seconds} s`);
  const server = await startTessera([...FUZZ_OPTIONS, ...options]);
  const endMs = Date.now() + seconds * 1000;
  let reportMs = 0;
  try {
    const connections = await fuzzProtocol(server, new Random(seed), 8, (count) => {
      if (Date.now() - reportMs > REPORT_EVERY_MS) {
        reportMs = Date.now();
        console.log(`${count} connections`);
      }
      return Date.now() < endMs;
    });
    console.log(`${connections} connections, nothing found`);
  } catch (error) {
    console.error(`found with --seed ${seed}:`, error, server.log().slice(-2000));
    process.exitCode = 1;
  }
  const code = await server.stop();
  if (code !== 0) {
    console.error(`the server ended with ${code}:`, server.log().slice(-2000));
    process.exitCode = 1;
  }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href)
  await main(process.argv.slice(2));
