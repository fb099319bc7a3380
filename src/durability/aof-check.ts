/**
 * checkAof: what `tessera-check-aof` does: it reads the files of an append-only file with the code
 * that loads them, and says what is wrong in the words of redis-check-aof. Only the end of the last
 * file is ever cut off.
 */
import { closeSync, openSync, readFileSync, readSync, statSync, truncateSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { errnoText } from '../base/errno-text.ts';
import { isRdbFile } from './aof-file.ts';
import { AofManifest, ManifestError } from './aof-manifest.ts';
import { AofScanner, SCAN_ANNOTATION, SCAN_ERROR } from './aof-scanner.ts';
import { FileSource } from './file-source.ts';
import { checkSnapshot } from './snapshot-check.ts';

const CHUNK_BYTES = 1 << 20;
const MANIFEST_LINE = /^(?:#[^\n]*\n)*file/;
const TIMESTAMP = /^#TS:(-?\d+)$/;
const HEX_DIGITS = 16;

/** What to do, and how to talk. */
export interface AofCheckOptions {
  /** A manifest, or one file of commands. */
  readonly path: string;
  readonly fixes: boolean;
  /** Unix seconds: everything behind the first later timestamp is cut off; 0 = nothing. */
  readonly toTimestamp: number;
  /** Takes a line without its line feed. */
  write(line: string): void;
  /** Puts a question and reads a line. */
  ask(question: string): string;
}

/** Ends the check with a message; the exit code is 1. */
class CheckFailed extends Error {}

/** How one file was. */
type FileStatus = 'ok' | 'empty' | 'truncated' | 'timestamp-truncated';

/** Checks, and mends where it was told to. The exit code. */
export function checkAof(options: AofCheckOptions): number {
  try {
    const text = isManifest(options.path) ? readFileSync(options.path, 'latin1') : null;
    if (text !== null) checkManifest(options, text);
    else {
      options.write('Start checking Old-Style AOF');
      const { path } = options;
      sayStatus(options, checkFile(options, path, path, true), 'AOF', path);
    }
    return 0;
  } catch (error) {
    if (error instanceof CheckFailed) options.write(error.message);
    else options.write(`Cannot open file ${options.path}: ${errnoText(error)}, aborting...`);
    return 1;
  }
}

/** True for a file that begins with lines of a manifest, and has nothing else. */
function isManifest(path: string): boolean {
  const text = readFileSync(path, 'latin1');
  if (!MANIFEST_LINE.test(text)) return false;
  return !text.startsWith('*') && !text.startsWith('REDIS');
}

function checkManifest(options: AofCheckOptions, text: string): void {
  const { write } = options;
  write('Start checking Multi Part AOF');
  const manifest = readManifest(options, text);
  const files = manifest.files;
  const directory = dirname(options.path);
  const pathOf = (name: string): string => {
    return join(directory, Buffer.from(name, 'latin1').toString('utf8'));
  };
  const { base } = manifest;
  if (base !== null) {
    const path = pathOf(base.name);
    write(`Start to check BASE AOF (${rdbOrResp(path)} format).`);
    const status = checkFile(options, base.name, path, files.length === 1);
    sayStatus(options, status, 'BASE AOF', base.name);
  }
  if (manifest.incr.length !== 0) write('Start to check INCR files.');
  for (const file of manifest.incr) {
    const status = checkFile(options, file.name, pathOf(file.name), file === files.at(-1));
    sayStatus(options, status, 'INCR AOF', file.name);
  }
  write('All AOF files and manifest are valid');
}

function rdbOrResp(path: string): string {
  try {
    return isRdbFile(path) ? 'RDB' : 'RESP';
  } catch (error) {
    throw new CheckFailed(`Cannot open file ${path}: ${errnoText(error)}`);
  }
}

function readManifest({ write }: AofCheckOptions, text: string): AofManifest {
  try {
    return AofManifest.parse(text);
  } catch (error) {
    if (!(error instanceof ManifestError)) throw error;
    write('*** FATAL AOF MANIFEST FILE ERROR ***');
    if (error.lineNumber !== 0) {
      write(`Reading the manifest file, at line ${error.lineNumber}`);
      write(`>>> '${error.line}'`);
    }
    throw new CheckFailed(error.message);
  }
}

function sayStatus(
  { write, toTimestamp }: AofCheckOptions,
  status: FileStatus,
  type: string,
  name: string,
): void {
  if (status === 'ok') write(`${type} ${name} is valid`);
  else if (status === 'empty') write(`${type} ${name} is empty`);
  else if (status === 'truncated') write(`Successfully truncated AOF ${name}`);
  else write(`Successfully truncated AOF ${name} to timestamp ${toTimestamp}`);
}

/** Checks the RDB part of a file. Where the commands begin. */
function checkRdbPart({ write }: AofCheckOptions, path: string): number {
  const source = new FileSource(path);
  let end = 0;
  const isRight = checkSnapshot(source, {
    path,
    nowMs: Date.now(),
    write,
    onEnd: (offset) => {
      end = offset;
    },
  });
  source.close();
  if (!isRight) throw new CheckFailed('RDB preamble of AOF file is not sane, aborting.');
  write('RDB preamble is OK, proceeding with AOF tail...');
  return end;
}

function checkFile(
  options: AofCheckOptions,
  name: string,
  path: string,
  isLast: boolean,
): FileStatus {
  let size = 0;
  let start = 0;
  try {
    size = statSync(path).size;
    if (size === 0) return 'empty';
    if (isRdbFile(path)) start = checkRdbPart(options, path);
  } catch (error) {
    if (error instanceof CheckFailed) throw error;
    throw new CheckFailed(`Cannot open file ${path}: ${errnoText(error)}, aborting...`);
  }
  const scanner = new AofScanner(start);
  const late = scanFile(options, scanner, path, isLast);
  if (late >= 0) {
    truncateSync(path, late);
    return 'timestamp-truncated';
  }
  const error = scanner.error !== '' ? scanner.error : scanner.endError();
  const { write } = options;
  if (error !== '') {
    const offset = scanner.errorOffset.toString(16).padStart(HEX_DIGITS, ' ');
    write(`0x${offset}: ${error}`);
    if (scanner.error !== '' && scanner.errorOffset === scanner.commandStart) {
      write(`AOF ${name} format error`);
    }
  }
  const valid = scanner.validUpTo;
  const diff = size - valid;
  if (diff === 0 && options.toTimestamp !== 0) {
    write(`Truncate nothing in AOF ${name} to timestamp ${options.toTimestamp}`);
    return 'ok';
  }
  write(
    `AOF analyzed: filename=${name}, size=${size}, ok_up_to=${valid}, ` +
      `ok_up_to_line=${scanner.line}, diff=${diff}`,
  );
  if (diff === 0) return 'ok';
  mend(options, name, path, isLast, size, valid);
  return 'truncated';
}

function mend(
  options: AofCheckOptions,
  name: string,
  path: string,
  isLast: boolean,
  size: number,
  valid: number,
): void {
  if (!options.fixes) {
    throw new CheckFailed(`AOF ${name} is not valid. Use the --fix option to try fixing it.`);
  }
  if (!isLast) {
    throw new CheckFailed(`Failed to truncate AOF ${name} because it is not the last file`);
  }
  options.write(
    `This will shrink the AOF ${name} from ${size} bytes, with ${size - valid} bytes, ` +
      `to ${valid} bytes`,
  );
  const answer = options.ask('Continue? [y/N]: ');
  if (!answer.toLowerCase().startsWith('y')) throw new CheckFailed('Aborting...');
  try {
    truncateSync(path, valid);
  } catch (error) {
    throw new CheckFailed(`Failed to truncate AOF ${name}: ${errnoText(error)}`);
  }
}

/** Scans all of a file. Where it has to be cut off for its timestamps; -1 = nowhere. */
function scanFile(
  options: AofCheckOptions,
  scanner: AofScanner,
  path: string,
  isLast: boolean,
): number {
  const fd = openSync(path, 'r');
  try {
    const buf = Buffer.allocUnsafe(CHUNK_BYTES);
    for (;;) {
      const length = readSync(fd, buf, 0, buf.length, scanner.offset);
      if (length === 0) return -1;
      for (let at = 0; at < length; at = scanner.at) {
        const status = scanner.next(buf, at, length);
        if (status === SCAN_ERROR) return -1;
        if (status !== SCAN_ANNOTATION || options.toTimestamp === 0) continue;
        if (isLate(options, scanner, path, isLast)) return scanner.commandStart;
      }
    }
  } finally {
    closeSync(fd);
  }
}

/** True where the annotation scanned last is a later time than the file may have. */
function isLate(
  { toTimestamp }: AofCheckOptions,
  { annotation, commandStart }: AofScanner,
  path: string,
  isLast: boolean,
): boolean {
  if (!annotation.startsWith('#TS:')) return false;
  const match = TIMESTAMP.exec(annotation);
  if (match === null) throw new CheckFailed('Invalid timestamp annotation');
  if (Number(match[1]) <= toTimestamp) return false;
  if (commandStart === 0) {
    throw new CheckFailed(`AOF ${path} has nothing before timestamp ${toTimestamp}, aborting...`);
  }
  if (!isLast) {
    throw new CheckFailed(
      `Failed to truncate AOF ${path} to timestamp ${toTimestamp} to offset ${commandStart} ` +
        'because it is not the last file.\n' +
        'If you insist, please delete all files after this file according to the manifest file ' +
        'and delete the corresponding records in manifest file manually. ' +
        'Then re-run tessera-check-aof.',
    );
  }
  return true;
}
