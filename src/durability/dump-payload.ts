/** DUMP payloads: one value with version and checksum. LAYOUT in rdb-format.ts. */
import type { Detached } from '../keyspace/detached-value.ts';
import type { Shard } from '../keyspace/shard.ts';
import type { Ref } from '../memory/arena.ts';
import type { ByteSink } from './byte-sink.ts';
import { Crc64 } from './crc64.ts';
import { LOAD_BAD, LOAD_EMPTY, type LoadStatus } from './pack-builder.ts';
import { CRC_BYTES, FOOTER_BYTES, RDB_VERSION } from './rdb-format.ts';
import { RdbInput } from './rdb-input.ts';
import { RdbOutput } from './rdb-output.ts';
import { ValueLoader } from './rdb-read-value.ts';
import { damageText, isModuleType } from './rdb-type-names.ts';
import { ValueWriter } from './rdb-write-value.ts';
import { valueProblem } from './snapshot-read.ts';

const checksum = new Crc64();
const MODULES = 'modules are not supported yet';
const VERSION_BYTES = FOOTER_BYTES - CRC_BYTES;

/**
 * Appends the payload of an entry's value to `sink`, one that keeps everything in `buf`. Returns
 * its length. O(value).
 */
export function writePayload(sink: ByteSink, shard: Shard, ref: Ref, compresses: boolean): number {
  const start = sink.length;
  const writer = new ValueWriter(shard);
  const out = new RdbOutput(sink, compresses);
  const type = writer.typeOf(ref);
  out.byte(type);
  writer.write(out, ref, type);
  out.little(ValueWriter.versionOf(type), VERSION_BYTES);
  checksum.reset();
  checksum.update(sink.buf, start, sink.length);
  sink.reserve(CRC_BYTES);
  checksum.write(sink.buf, sink.length);
  sink.length += CRC_BYTES;
  return sink.length - start;
}

/** Whether buf[from, to) ends with a version that is known and (unless skipped) its checksum. */
export function isPayload(
  buf: Uint8Array,
  from: number,
  to: number,
  skipsChecksum: boolean,
): boolean {
  if (to - from < FOOTER_BYTES) return false;
  const footer = to - FOOTER_BYTES;
  if ((buf[footer]! | (buf[footer + 1]! << 8)) > RDB_VERSION) return false;
  if (skipsChecksum) return true;
  checksum.reset();
  checksum.update(buf, from, to - CRC_BYTES);
  return checksum.equals(buf, to - CRC_BYTES);
}

/** What `loadPayload` has made: to be linked or dropped. */
export interface Payload {
  readonly status: LoadStatus;
  readonly value: Detached;
  /** What is wrong with the bytes, where `status` is LOAD_BAD. */
  readonly problem: string;
}

/**
 * Loads the value of the untrusted bytes buf[from, to), whose version and checksum are right, into
 * `shard`, detached. What follows the value is ignored, as in Redis. O(value).
 */
export function loadPayload(shard: Shard, buf: Uint8Array, from: number, to: number): Payload {
  const input = new RdbInput().open(buf, from, to - FOOTER_BYTES);
  const loader = new ValueLoader(shard);
  const type = input.byte();
  const status = input.isBad ? LOAD_BAD : loader.load(input, type);
  if (status !== LOAD_BAD && status !== LOAD_EMPTY) {
    return { status, value: loader.loaded, problem: '' };
  }
  let problem = isModuleType(type) ? MODULES : valueProblem(input, type);
  if (status === LOAD_EMPTY) problem = `${damageText(type)} It has no elements.`;
  return { status: LOAD_BAD, value: loader.loaded, problem };
}
