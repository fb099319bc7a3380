/** Payloads and their parts written by hand, for tests. */

import { DEBUG_COMMANDS } from '../../src/commands/debug.ts';
import { GENERIC_COMMANDS } from '../../src/commands/generic.ts';
import { HASH_COMMANDS } from '../../src/commands/hash.ts';
import { LIST_COMMANDS } from '../../src/commands/list.ts';
import { SET_COMMANDS } from '../../src/commands/set.ts';
import { STREAM_COMMANDS } from '../../src/commands/stream.ts';
import { STRING_COMMANDS } from '../../src/commands/string.ts';
import { ZSET_COMMANDS } from '../../src/commands/zset.ts';
import { Crc64 } from '../../src/durability/crc64.ts';

/** All commands on data, and DEBUG. */
export const DATA_COMMANDS = [
  ...STRING_COMMANDS,
  ...LIST_COMMANDS,
  ...SET_COMMANDS,
  ...ZSET_COMMANDS,
  ...HASH_COMMANDS,
  ...STREAM_COMMANDS,
  ...GENERIC_COMMANDS,
  ...DEBUG_COMMANDS,
];

const PLAIN_VERSION = 10;

/** Text (one byte a character) or bytes, one after the other. */
export type Part = string | Uint8Array | readonly number[];

export function bytesOf(...parts: readonly Part[]): Buffer {
  return Buffer.concat(
    parts.map((part) =>
      typeof part === 'string' ? Buffer.from(part, 'latin1') : Buffer.from(part),
    ),
  );
}

/** The CRC-64 of bytes. */
export function crcOf(bytes: Uint8Array): Buffer {
  const crc = new Crc64();
  crc.update(bytes, 0, bytes.length);
  const out = Buffer.alloc(8);
  crc.write(out, 0);
  return out;
}

/** A DUMP payload of type and value. */
export function payloadOf(type: number, body: Uint8Array, version = PLAIN_VERSION): Buffer {
  const head = bytesOf([type], body, [version & 0xff, version >> 8]);
  return bytesOf(head, crcOf(head));
}

/** The payload with its checksum made right again. */
export function resealed(payload: Uint8Array): Buffer {
  const head = payload.subarray(0, payload.length - 8);
  return bytesOf(head, crcOf(head));
}

export function little(n: number, bytes: number): Buffer {
  return Buffer.from(Array.from({ length: bytes }, (_, i) => Math.floor(n / 256 ** i) % 256));
}

/** A length of the RDB format. */
export function length(n: number): Buffer {
  if (n < 64) return Buffer.of(n);
  if (n < 16_384) return Buffer.of(0x40 | (n >> 8), n & 0xff);
  const out = Buffer.alloc(5, 0x80);
  out.writeUInt32BE(n, 1);
  return out;
}

/** A string of the RDB format as it is. */
export function string(part: Part): Buffer {
  const bytes = bytesOf(part);
  return bytesOf(length(bytes.length), bytes);
}

function backLength(bytes: number): number[] {
  if (bytes < 128) return [bytes];
  return [bytes >> 7, (bytes & 127) | 128];
}

/** An element of a listpack: bytes of encoding and data. */
export function element(encoded: Part): Buffer {
  const bytes = bytesOf(encoded);
  return bytesOf(bytes, backLength(bytes.length));
}

/** A string element of a listpack, up to 4095 bytes; numbers stay strings. */
export function text(value: string): Buffer {
  const { length: n } = value;
  return element(bytesOf(n < 64 ? [0x80 | n] : [0xe0 | (n >> 8), n & 0xff], value));
}

/** A listpack in Redis's form. */
export function listpack(elements: readonly Uint8Array[], count = elements.length): Buffer {
  const body = Buffer.concat(elements);
  return bytesOf(little(body.length + 7, 4), little(count, 2), body, [0xff]);
}

/** Encoding and data of a ziplist entry for text. */
export function ziplistText(value: string): Buffer {
  const { length: n } = value;
  if (n < 64) return bytesOf([n], value);
  return bytesOf([0x40 | (n >> 8), n & 0xff], value);
}

/** A ziplist of entries without the lengths in front. */
export function ziplist(entries: readonly Uint8Array[], count = entries.length): Buffer {
  const parts: Buffer[] = [];
  let previous = 0;
  let tail = 10;
  let at = 10;
  for (const entry of entries) {
    const front = previous < 254 ? [previous] : [254, ...little(previous, 4)];
    const bytes = bytesOf(front, entry);
    parts.push(bytes);
    tail = at;
    at += bytes.length;
    previous = bytes.length;
  }
  return bytesOf(little(at + 1, 4), little(tail, 4), little(count, 2), ...parts, [255]);
}

/** A zipmap of names and values, with `unused` bytes behind each value. */
export function zipmap(pairs: readonly (readonly [string, string])[], unused = 0): Buffer {
  const size = (n: number): readonly number[] => (n < 254 ? [n] : [254, ...little(n, 4)]);
  const parts = pairs.map(([name, value]) =>
    bytesOf(size(name.length), name, size(value.length), [unused], value, Buffer.alloc(unused)),
  );
  return bytesOf([Math.min(pairs.length, 254)], ...parts, [255]);
}
