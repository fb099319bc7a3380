/**
 * The data of the memory and latency rows: 16-byte keys with 32-byte values, written by a pipelined
 * loader.
 */
import { RawConnection } from './raw-connection.ts';

export const KEY_COUNT = 1_000_000;
export const VALUE_LENGTH = 32;
const BATCH = 10_000;

/** 16 bytes. */
export function keyOf(index: number): string {
  return `key:${String(index).padStart(12, '0')}`;
}

function valueText(index: number): string {
  return String(index).padStart(VALUE_LENGTH, 'v');
}

function setOf(index: number, ttlSeconds: number): string {
  const words = ttlSeconds === 0 ? 3 : 5;
  const set = `*${words}\r\n$3\r\nSET\r\n$16\r\n${keyOf(index)}\r\n$32\r\n${valueText(index)}\r\n`;
  if (ttlSeconds === 0) return set;
  // Times differ, as they do in life: a table of equal deadlines could be packed.
  const ttl = String(ttlSeconds + (index % 1000));
  return `${set}$2\r\nEX\r\n$${ttl.length}\r\n${ttl}\r\n`;
}

/**
 * Writes keys 0 .. `count - 1`; `ttlSeconds` 0 = without expiry. Throws when the server does not
 * have them all after.
 */
export async function fill(port: number, count: number, ttlSeconds: number): Promise<void> {
  const connection = await RawConnection.open(port);
  for (let first = 0; first < count; first += BATCH) {
    const parts: string[] = [];
    for (let i = first; i < Math.min(count, first + BATCH); i++) parts.push(setOf(i, ttlSeconds));
    await connection.discard(Buffer.from(parts.join(''), 'latin1'));
  }
  const size = await connection.command('DBSIZE');
  connection.close();
  if (size !== `:${count}\r\n`) throw new Error(`DBSIZE after filling says ${size.trim()}`);
}

/** MGET of `count` keys spread over the data set, in an order that no cache line likes. */
export function multiGet(count: number, keyCount: number): Buffer {
  const parts = [`*${count + 1}\r\n$4\r\nMGET\r\n`];
  // A step near the golden section visits every key once before any twice: it has no divisor in
  // common with 10^n.
  const step = 618_033;
  for (let i = 0; i < count; i++) parts.push(`$16\r\n${keyOf((i * step) % keyCount)}\r\n`);
  return Buffer.from(parts.join(''), 'latin1');
}
