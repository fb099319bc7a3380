/**
 * SnapshotReader: finds the keys of an RDB file (LAYOUT in rdb-format.ts) out of any source, and
 * hands each to a sink, which reads its value or passes over it. All of the file is untrusted.
 */
import { asciiBytes, copyBytes } from '../base/bytes.ts';
import { NO_TTL } from '../keyspace/shard.ts';
import { Crc64 } from './crc64.ts';
import * as rdb from './rdb-format.ts';
import { type ByteSource, RdbInput } from './rdb-input.ts';
import { skipValue } from './rdb-skip.ts';
import { damageText, isLoadableType, isModuleType } from './rdb-type-names.ts';

const MAGIC = asciiBytes('REDIS');
const HEAD_BYTES = 9;
const VERSION_CHECKSUM = 5;
const KEY_BYTES = 256;
/** What a small key takes in a file: no more keys than so are believed to follow. */
const KEY_FILE_BYTES = 16;
/** Longest name or value of a fact that anybody wants to see. */
const FACT_BYTES_MAX = 4096;
const MODULE_LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
const MODULE_NAME_LETTERS = 9;

/** Times are signed: from here on they are long over. */
const EXPIRE_MS_NEGATIVE = 2 ** 63;

/** A time of expiry as read; those that are over are so, too, where 0 would mean none. */
function expiryOf(ms: number): number {
  return ms >= 1 && ms < EXPIRE_MS_NEGATIVE ? ms : 1;
}

/** A key of a file, and what stands in front of its value. One object is reused. */
export class SnapshotEntry {
  /** Bytes [0, nameLength) are the key's name. */
  name: Uint8Array = new Uint8Array(KEY_BYTES);
  nameLength = 0;
  type = 0;
  db = 0;
  /** Unix ms, or NO_TTL. */
  expireMs = NO_TTL;
  /** Seconds; -1 = not known. */
  idleSeconds = -1;
  /** LFU counter; -1 = not known. */
  frequency = -1;
  /** Bytes of the file before the value. */
  valueOffset = 0;

  /** The name as people see it: one character a byte, cut where it is long. */
  get shownName(): string {
    const shown = Buffer.from(this.name.subarray(0, Math.min(this.nameLength, KEY_BYTES)));
    return shown.toString('latin1');
  }

  /** Copies the name buf[from, to). */
  setName(buf: Uint8Array, from: number, to: number): void {
    const length = to - from;
    if (length > this.name.length) this.name = new Uint8Array(length * 2);
    copyBytes(this.name, 0, buf, from, to);
    this.nameLength = length;
  }

  forgetFacts(): void {
    this.expireMs = NO_TTL;
    this.idleSeconds = -1;
    this.frequency = -1;
  }
}

/** Takes the keys of a file. */
export interface EntrySink {
  /** Reads the value of `entry`, all of it. What is wrong with it, or null. */
  take(input: RdbInput, entry: SnapshotEntry): string | null;
  /** Says that at most so many keys of a database may follow; a hint. */
  expect(db: number, keys: number): void;
  /** Told of keys that are left out because they have expired. */
  readonly onExpired?: (entry: SnapshotEntry) => void;
}

/** Told what stands beside the keys. */
export interface SnapshotObserver {
  fact(name: string, value: string): void;
  database(db: number): void;
}

/** What a file is read for. */
export interface SnapshotReadOptions {
  readonly databases: number;
  /** Do not compare the checksum. */
  readonly skipsChecksum: boolean;
  /** Unix ms: keys that expire earlier are passed over. */
  readonly nowMs: number;
}

/** What is wrong with a file. */
export interface SnapshotProblem {
  readonly text: string;
  /** Bytes of the file before the place where it showed. */
  readonly offset: number;
}

/** What the reader was doing, in the words of redis-check-rdb. */
export type ReaderState =
  | 'start'
  | 'read-type'
  | 'read-expire'
  | 'read-key'
  | 'read-object-value'
  | 'check-sum'
  | 'read-len'
  | 'read-aux'
  | 'read-module-aux'
  | 'read-function';

const SHORT = 'Unexpected EOF reading RDB file';

export class SnapshotReader {
  /** Keys passed over because they had expired. */
  expired = 0;
  doing: ReaderState = 'start';
  /** The file has no checksum, or nobody wanted it compared. */
  isUnchecked = false;
  observer: SnapshotObserver | null = null;
  readonly entry = new SnapshotEntry();
  readonly #options: SnapshotReadOptions;
  readonly #sink: EntrySink;
  readonly #input = new RdbInput();
  readonly #checksum = new Crc64();
  #version = 0;

  constructor(sink: EntrySink, options: SnapshotReadOptions) {
    this.#sink = sink;
    this.#options = options;
  }

  /** Files of the oldest versions end without one. */
  get hasChecksum(): boolean {
    return this.#version >= VERSION_CHECKSUM;
  }

  /** Bytes of the file read so far. */
  get offset(): number {
    return this.#input.position;
  }

  /**
   * Reads everything up to the end of the snapshot; what is wrong with it (the sink has had the
   * keys before that), or null. O(n).
   */
  read(source: ByteSource): SnapshotProblem | null {
    const { skipsChecksum } = this.#options;
    const input = this.#input.openSource(source, skipsChecksum ? null : this.#checksum);
    this.#checksum.reset();
    let text = this.#readHead();
    while (text === null) {
      this.doing = 'read-type';
      const code = input.byte();
      if (input.isBad) text = SHORT;
      else if (code === rdb.OP_EOF) {
        text = this.#checkEnd();
        break;
      } else if (code < rdb.OP_SLOT_INFO) text = this.#readKey(code);
      else text = this.#readFact(code);
      if (text === null && input.isBad) text = this.#damage();
    }
    return text === null ? null : { text, offset: input.position };
  }

  #damage(): string {
    return this.#input.isShort ? SHORT : `Damaged length or string in ${this.doing}`;
  }

  #readHead(): string | null {
    const input = this.#input;
    this.doing = 'start';
    if (!input.raw(HEAD_BYTES)) return SHORT;
    const { strBuf, strFrom } = input;
    for (let i = 0; i < MAGIC.length; i++) {
      if (strBuf[strFrom + i] !== MAGIC[i]) return 'Wrong signature trying to load DB from file';
    }
    let version = 0;
    for (let i = MAGIC.length; i < HEAD_BYTES; i++) {
      version = version * 10 + strBuf[strFrom + i]! - 0x30;
    }
    this.#version = version;
    if (version >= 1 && version <= rdb.RDB_VERSION) return null;
    return `Can't handle RDB format version ${version}`;
  }

  #checkEnd(): string | null {
    const input = this.#input;
    this.doing = 'check-sum';
    if (this.#version < VERSION_CHECKSUM) return null;
    input.settleChecksum();
    const low = this.#checksum.low >>> 0;
    const high = this.#checksum.high >>> 0;
    const statedLow = input.little(4);
    const statedHigh = input.little(4);
    if (input.isBad) return SHORT;
    this.isUnchecked = this.#options.skipsChecksum || (statedLow === 0 && statedHigh === 0);
    if (this.isUnchecked || (statedLow === low && statedHigh === high)) return null;
    const hex = (a: number, b: number): string =>
      (a.toString(16).padStart(8, '0') + b.toString(16).padStart(8, '0')).replace(/^0+(?=.)/, '');
    return (
      `RDB CRC error: wrong RDB checksum expected: (${hex(high, low)}) ` +
      `but got (${hex(statedHigh, statedLow)})`
    );
  }

  /** Reads what stands beside the keys. */
  #readFact(code: number): string | null {
    const input = this.#input;
    const { entry } = this;
    switch (code) {
      case rdb.OP_EXPIRE_MS:
        this.doing = 'read-expire';
        entry.expireMs = expiryOf(input.u64());
        return null;
      case rdb.OP_EXPIRE_SECONDS:
        this.doing = 'read-expire';
        entry.expireMs = expiryOf((input.little(4) | 0) * 1000);
        return null;
      case rdb.OP_IDLE:
        entry.idleSeconds = input.length();
        return null;
      case rdb.OP_FREQ:
        entry.frequency = input.byte();
        return null;
      case rdb.OP_SELECT_DB:
        return this.#selectDatabase();
      case rdb.OP_RESIZE_DB:
        return this.#readSizes();
      case rdb.OP_SLOT_INFO:
        this.doing = 'read-len';
        for (let i = 0; i < 3; i++) input.length();
        return null;
      case rdb.OP_AUX:
        return this.#readAux();
      case rdb.OP_FUNCTION:
        return this.#refuseFunction();
      case rdb.OP_FUNCTION_OLD:
        return 'Pre-release function format not supported.';
      default:
        return this.#refuseModuleFacts();
    }
  }

  #selectDatabase(): string | null {
    this.doing = 'read-len';
    const { databases } = this.#options;
    const db = this.#input.length();
    if (this.#input.isBad) return null;
    if (db >= databases) {
      return (
        'FATAL: Data file was created with a Redis server configured to handle more than ' +
        `${databases} databases`
      );
    }
    this.entry.db = db;
    this.observer?.database(db);
    return null;
  }

  #readSizes(): string | null {
    const input = this.#input;
    this.doing = 'read-len';
    const keys = input.length();
    input.length();
    if (!input.isBad) {
      this.#sink.expect(this.entry.db, Math.min(keys, Math.floor(input.left / KEY_FILE_BYTES)));
    }
    return null;
  }

  #readAux(): string | null {
    const input = this.#input;
    this.doing = 'read-aux';
    const name = this.#shortString();
    const value = this.#shortString();
    if (!input.isBad) this.observer?.fact(name, value);
    return null;
  }

  /** A string, of which only the beginning is kept. */
  #shortString(): string {
    const input = this.#input;
    if (!input.string()) return '';
    const to = Math.min(input.strTo, input.strFrom + FACT_BYTES_MAX);
    return Buffer.from(input.strBuf.subarray(input.strFrom, to)).toString('latin1');
  }

  #refuseFunction(): string | null {
    this.doing = 'read-function';
    const code = this.#shortString();
    if (this.#input.isBad) return null;
    const name = /^#![^\n]*\bname=([^\s]+)/.exec(code)?.[1] ?? '?';
    return `The function library '${name}': function libraries are not supported yet`;
  }

  #refuseModuleFacts(): string | null {
    this.doing = 'read-module-aux';
    const name = this.#moduleName();
    if (this.#input.isBad) return null;
    return `The RDB file contains AUX module data I can't load: no matching module '${name}'`;
  }

  /** Name in the id of a module: nine letters of six bits, in front of ten bits of version. */
  #moduleName(): string {
    const id = this.#input.id();
    let name = '';
    for (let i = 0; i < MODULE_NAME_LETTERS; i++) {
      const shift = BigInt(64 - 6 * (i + 1));
      name += MODULE_LETTERS[Number((id >> shift) & 63n)];
    }
    return name;
  }

  #readKey(type: number): string | null {
    const input = this.#input;
    const { entry } = this;
    this.doing = 'read-key';
    entry.type = type;
    if (!input.string()) return null;
    entry.setName(input.strBuf, input.strFrom, input.strTo);
    entry.valueOffset = input.position;
    this.doing = 'read-object-value';
    if (isModuleType(type)) return this.#refuseModule();
    if (entry.expireMs !== NO_TTL && entry.expireMs <= this.#options.nowMs) {
      if (!skipValue(input, type)) return valueProblem(input, type);
      this.expired += 1;
      this.#sink.onExpired?.(entry);
    } else {
      const problem = this.#sink.take(input, entry);
      if (problem !== null) return problem;
    }
    entry.forgetFacts();
    return null;
  }

  #refuseModule(): string {
    const { type } = this.entry;
    if (type === rdb.RDB_MODULE_OLD) return 'Pre-release module format not supported';
    const name = this.#moduleName();
    return `The RDB file contains module data I can't load: no matching module type '${name}'`;
  }
}

/** What is wrong with a value that could not be read or passed over. */
export function valueProblem(input: RdbInput, type: number): string {
  if (input.isShort) return SHORT;
  return isLoadableType(type) ? damageText(type) : `Unknown RDB encoding type ${type}`;
}
