/**
 * The data of the rows about snapshots: plain strings that redis-benchmark overwrites, and a mixed
 * data set of all types, small and large. The same bytes for both servers.
 */
import { randomBytes } from 'node:crypto';
import { keyOf } from './data-set.ts';
import { RawConnection } from './raw-connection.ts';

/** Bytes of the value of a plain string. */
export const PLAIN_VALUE_BYTES = 512;
const BATCH_BYTES = 1 << 20;
const TEXT_BYTES = 1 << 20;
/** Shares of the mixed data set in percent; strings take the rest. */
const COLLECTION_PERCENT = 10;
const LARGE_EVERY = 200;
const SMALL_ELEMENTS = 16;
const LARGE_ELEMENTS = 20_000;
const ELEMENTS_PER_COMMAND = 500;
/** Bytes of strings: most are small, few are large, none of one size only. */
const STRING_BYTES = [20, 32, 60, 100, 100, 250, 400, 1000, 2000, 8000];
const LARGE_STRING_BYTES = 300_000;

/** How many plain strings make up `bytes` of keys and values. */
export function plainCount(bytes: number): number {
  return Math.round(bytes / (keyOf(0).length + PLAIN_VALUE_BYTES));
}

function bulk(word: string): string {
  return `$${word.length}\r\n${word}\r\n`;
}

function commandOf(words: readonly string[]): string {
  return `*${words.length}\r\n${words.map(bulk).join('')}`;
}

/** Sends the commands, a megabyte at a time. */
async function send(port: number, commands: Iterable<string>): Promise<void> {
  const connection = await RawConnection.open(port);
  let parts: string[] = [];
  let length = 0;
  const flush = async (): Promise<void> => {
    await connection.discard(Buffer.from(parts.join(''), 'latin1'));
    parts = [];
    length = 0;
  };
  for (const command of commands) {
    parts.push(command);
    length += command.length;
    if (length >= BATCH_BYTES) await flush();
  }
  await flush();
  connection.close();
}

async function expectKeys(port: number, count: number): Promise<void> {
  const connection = await RawConnection.open(port);
  const size = await connection.command('DBSIZE');
  connection.close();
  if (size !== `:${count}\r\n`) throw new Error(`DBSIZE says ${size.trim()}, not ${count}`);
}

/** Writes `count` keys `key:000000000000` .. as redis-benchmark names them. */
export async function fillPlain(port: number, count: number): Promise<void> {
  const value = 'v'.repeat(PLAIN_VALUE_BYTES);
  const commands = function* (): Generator<string> {
    for (let i = 0; i < count; i++) yield commandOf(['SET', keyOf(i), value]);
  };
  await send(port, commands());
  await expectKeys(port, count);
}

/** Text of words that LZF finds something in, and text that it does not. */
const WORDS = ['{"id":', '"name":"', '"email":"', '@example.com"', '"state":"active"', ',', '}'];
const looseText = ((): string => {
  const parts: string[] = [];
  const noise = randomBytes(TEXT_BYTES);
  for (let length = 0, i = 0; length < TEXT_BYTES; i++) {
    const word = `${WORDS[noise[i]! % WORDS.length]}${noise[i + 1]! * noise[i + 2]!}`;
    parts.push(word);
    length += word.length;
  }
  return parts.join('');
})();
const denseText = randomBytes(TEXT_BYTES).toString('base64');

/** A piece of text that depends on `index` alone. */
function textOf(index: number, length: number): string {
  const source = index % 2 === 0 ? looseText : denseText;
  const from = (index * 7919) % (TEXT_BYTES - length);
  return source.slice(from, from + length);
}

interface Kind {
  readonly command: string;
  readonly words: (index: number) => readonly string[];
}

const COLLECTIONS: readonly Kind[] = [
  {
    command: 'HSET',
    words: (i) => [`field:${i}`, textOf(i, 10 + (i % 40))],
  },
  { command: 'RPUSH', words: (i) => [textOf(i, 10 + (i % 60))] },
  { command: 'SADD', words: (i) => [`member:${i}:${(i * 7919) % 1_000_003}`] },
  { command: 'ZADD', words: (i) => [String(((i * 7919) % 1_000_003) / 4), `member:${i}`] },
];

/** Bytes of keys and values written, and keys. */
interface Tally {
  bytes: number;
  keys: number;
}

function* collection(kind: Kind, tally: Tally): Generator<string> {
  const key = `${kind.command.toLowerCase()}:${tally.keys}`;
  const isLarge = tally.keys % LARGE_EVERY === 0;
  const count = isLarge ? LARGE_ELEMENTS : 1 + (tally.keys % (SMALL_ELEMENTS * 2));
  tally.bytes += key.length;
  tally.keys += 1;
  for (let first = 0; first < count; ) {
    const words = [kind.command, key];
    const last = Math.min(count, first + ELEMENTS_PER_COMMAND);
    for (; first < last; first++) words.push(...kind.words(first));
    for (let i = 2; i < words.length; i++) tally.bytes += words[i]!.length;
    yield commandOf(words);
  }
}

function string(tally: Tally): string {
  const key = `string:${tally.keys}`;
  const isLarge = tally.keys % (LARGE_EVERY * 50) === 0;
  const length = isLarge ? LARGE_STRING_BYTES : STRING_BYTES[tally.keys % STRING_BYTES.length]!;
  tally.keys += 1;
  tally.bytes += key.length + length;
  return commandOf(['SET', key, textOf(tally.keys, length)]);
}

/** Commands that make about `bytes` of data: each type keeps its share all the way. */
function* mixed(bytes: number, total: Tally): Generator<string> {
  const tallies = COLLECTIONS.map(() => ({ bytes: 0, keys: 0 }));
  const strings: Tally = { bytes: 0, keys: 0 };
  const stringPercent = 100 - COLLECTIONS.length * COLLECTION_PERCENT;
  while (total.bytes < bytes) {
    for (const [i, kind] of COLLECTIONS.entries()) {
      const tally = tallies[i]!;
      if (tally.bytes * stringPercent > strings.bytes * COLLECTION_PERCENT) continue;
      yield* collection(kind, tally);
    }
    yield string(strings);
    const all = [strings, ...tallies];
    total.bytes = all.reduce((sum, tally) => sum + tally.bytes, 0);
    total.keys = all.reduce((sum, tally) => sum + tally.keys, 0);
  }
}

/**
 * Writes about `bytes` of keys and values: 60 % strings, the rest in equal shares hashes, lists,
 * sets and sorted sets, of a few elements or of 20,000. Returns what it wrote.
 */
export async function fillMixed(port: number, bytes: number): Promise<Readonly<Tally>> {
  const total: Tally = { bytes: 0, keys: 0 };
  await send(port, mixed(bytes, total));
  await expectKeys(port, total.keys);
  return total;
}
