/**
 * AofManifest: which files make up the append-only file, as Redis 7 keeps it.
 *
 * FORMAT  one line a file, words separated by blanks, quoted where they need it, `#` begins a
 *         comment line:
 *           file appendonly.aof.2.base.rdb seq 2 type b     what a rewrite left, at most one
 *           file appendonly.aof.1.incr.aof seq 1 type h     history: to be deleted
 *           file appendonly.aof.4.incr.aof seq 4 type i     commands since, in this order
 * LOADING base, then the incremental files in order; commands are appended to the last one.
 * TEXTS   names and lines are byte strings: one character per byte.
 */
import { quoteArgument } from '../base/quoted-text.ts';
import { splitInline } from '../resp/inline-split.ts';
import { ArgView } from '../resp/request-parser.ts';

export const TYPE_BASE = 'b';
export const TYPE_HISTORY = 'h';
export const TYPE_INCR = 'i';

const LINE_BYTES_MAX = 1024;
const WORDS_MIN = 6;
const MANIFEST_SUFFIX = '.manifest';
const TEMPORARY_PREFIX = 'temp-';
const TRIMMED = /^[ \t\r\n]+|[ \t\r\n]+$/g;
const PLAIN_WORD = /^[!#-&(-[\]-~]+$/;

/** One file of the append-only file. */
export interface AofFile {
  readonly name: string;
  readonly seq: number;
}

/** Why a manifest cannot be read; `lineNumber` 0 where that is not about one line. */
export class ManifestError extends Error {
  readonly lineNumber: number;
  readonly line: string;

  constructor(message: string, lineNumber = 0, line = '') {
    super(message);
    this.lineNumber = lineNumber;
    this.line = line;
  }
}

/** Name of the manifest of `appendfilename`. */
export function manifestName(filename: string): string {
  return filename + MANIFEST_SUFFIX;
}

/** The name under which a manifest is written before it takes the place of the old one. */
export function temporaryManifestName(filename: string): string {
  return TEMPORARY_PREFIX + filename + MANIFEST_SUFFIX;
}

/** The file that collects commands while the first rewrite runs. */
export function temporaryIncrName(filename: string): string {
  return `${TEMPORARY_PREFIX}${filename}.incr`;
}

export class AofManifest {
  base: AofFile | null = null;
  /** Newest first. */
  history: AofFile[] = [];
  incr: AofFile[] = [];
  #baseSeq = 0;
  #incrSeq = 0;

  /** Reads the text of a manifest; throws ManifestError. O(bytes). */
  static parse(text: string): AofManifest {
    const manifest = new AofManifest();
    if (text === '') throw new ManifestError('Found an empty AOF manifest');
    let lineNumber = 0;
    for (let at = 0; at < text.length; ) {
      const newline = text.indexOf('\n', at);
      lineNumber += 1;
      const end = newline === -1 ? text.length : newline + 1;
      const line = text.slice(at, end);
      at = end;
      if (line.startsWith('#')) continue;
      if (newline === -1 || line.length > LINE_BYTES_MAX) {
        throw new ManifestError('The AOF manifest file contains too long line');
      }
      manifest.#addLine(line.replace(TRIMMED, ''), lineNumber);
    }
    return manifest;
  }

  #addLine(line: string, lineNumber: number): void {
    const wrong = (message: string): ManifestError => new ManifestError(message, lineNumber, line);
    const words = splitWords(line);
    if (words === null || words.length < WORDS_MIN || words.length % 2 !== 0) {
      throw wrong('Invalid AOF manifest file format');
    }
    let name = '';
    let seq = 0;
    let type = '';
    for (let i = 0; i < words.length; i += 2) {
      const value = words[i + 1]!;
      const key = words[i]!.toLowerCase();
      if (key === 'file') {
        name = value;
        if (/[/\\]/.test(name)) throw wrong("File can't be a path, just a filename");
      } else if (key === 'seq') seq = /^[+-]?\d{1,15}$/.test(value) ? Number(value) : 0;
      else if (key === 'type') type = value.slice(0, 1);
    }
    if (name === '' || seq === 0 || type === '') throw wrong('Invalid AOF manifest file format');
    const file: AofFile = { name, seq };
    if (type === TYPE_BASE) {
      if (this.base !== null) throw wrong('Found duplicate base file information');
      this.base = file;
      this.#baseSeq = seq;
    } else if (type === TYPE_HISTORY) {
      this.history.push(file);
    } else if (type === TYPE_INCR) {
      if (seq <= this.#incrSeq) throw wrong('Found a non-monotonic sequence number');
      this.incr.push(file);
      this.#incrSeq = seq;
    } else throw wrong('Unknown AOF file type');
  }

  /** The text of the manifest. */
  format(): string {
    const lines = this.base === null ? [] : [lineOf(this.base, TYPE_BASE)];
    for (const file of this.history) lines.push(lineOf(file, TYPE_HISTORY));
    for (const file of this.incr) lines.push(lineOf(file, TYPE_INCR));
    return lines.join('');
  }

  /** A copy to change and to write before it counts. */
  copy(): AofManifest {
    const copy = new AofManifest();
    copy.base = this.base;
    copy.history = [...this.history];
    copy.incr = [...this.incr];
    copy.#baseSeq = this.#baseSeq;
    copy.#incrSeq = this.#incrSeq;
    return copy;
  }

  /** Nothing to load. */
  get isEmpty(): boolean {
    return this.base === null && this.incr.length === 0;
  }

  /** Base and incremental files in the order of loading. */
  get files(): AofFile[] {
    return this.base === null ? [...this.incr] : [this.base, ...this.incr];
  }

  /** Makes a file of an older server, without a manifest, the base. */
  adoptBase(name: string): void {
    this.base = { name, seq: 1 };
    this.#baseSeq = 1;
  }

  /** Names a new base; the one before becomes history. */
  addBase(filename: string, isRdb: boolean): AofFile {
    if (this.base !== null) this.history.unshift(this.base);
    this.#baseSeq += 1;
    const name = `${filename}.${this.#baseSeq}.base.${isRdb ? 'rdb' : 'aof'}`;
    this.base = { name, seq: this.#baseSeq };
    return this.base;
  }

  /** Names a new incremental file, the last one. */
  addIncr(filename: string): AofFile {
    this.#incrSeq += 1;
    const file = { name: `${filename}.${this.#incrSeq}.incr.aof`, seq: this.#incrSeq };
    this.incr.push(file);
    return file;
  }

  /** Makes all incremental files history, but the last one where commands go there now. */
  retireIncr(keepsLast: boolean): void {
    const kept = keepsLast ? this.incr.slice(-1) : [];
    const retired = keepsLast ? this.incr.slice(0, -1) : this.incr;
    for (const file of retired.reverse()) this.history.unshift(file);
    this.incr = kept;
  }
}

function lineOf({ name, seq }: AofFile, type: string): string {
  return `file ${PLAIN_WORD.test(name) ? name : quoteArgument(name)} seq ${seq} type ${type}\n`;
}

function splitWords(line: string): string[] | null {
  const bytes = Buffer.from(line, 'latin1');
  const args = new ArgView();
  args.buf = new Uint8Array(bytes.length);
  if (!splitInline(bytes, 0, bytes.length, args)) return null;
  return Array.from({ length: args.count }, (_, i) => args.text(i));
}
