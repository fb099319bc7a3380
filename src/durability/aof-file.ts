/** Questions about files of the append-only file, asked when something is wrong with one. */
import { closeSync, openSync, readSync } from 'node:fs';
import { AofScanner, SCAN_ANNOTATION, SCAN_COMMAND, SCAN_ERROR, SCAN_MORE } from './aof-scanner.ts';

const CHUNK_BYTES = 1 << 20;
/** How far behind a torn record another one is looked for. */
const SEARCH_BYTES_MAX = 64 << 20;
const SIGNATURE = 'REDIS';
/** `\r\n*` with a digit behind it: where a record may begin. */
const RECORD_START = /\r\n\*[1-9]/g;
const LINE_END_BYTES = 2;

/** True for a file that begins as an RDB file does. Throws what the file system throws. */
export function isRdbFile(path: string): boolean {
  const fd = openSync(path, 'r');
  try {
    const head = Buffer.alloc(SIGNATURE.length);
    return readSync(fd, head, 0, head.length, 0) === head.length && head.equals(RDB_HEAD);
  } finally {
    closeSync(fd);
  }
}

const RDB_HEAD = Buffer.from(SIGNATURE, 'latin1');

/** Where command number `index` (from 0) of the file begins, counted from offset `start`. O(n). */
export function commandOffset(path: string, start: number, index: number): number {
  const fd = openSync(path, 'r');
  try {
    const scanner = new AofScanner(start);
    const buf = Buffer.allocUnsafe(CHUNK_BYTES);
    for (;;) {
      const length = readSync(fd, buf, 0, buf.length, scanner.offset);
      if (length === 0) return scanner.commandStart;
      for (let at = 0; at < length; at = scanner.at) {
        const status = scanner.next(buf, at, length);
        if (status === SCAN_ERROR) return scanner.commandStart;
        if (status === SCAN_COMMAND && scanner.commands === index + 1) return scanner.commandStart;
      }
    }
  } finally {
    closeSync(fd);
  }
}

/**
 * True where complete commands follow in a file whose record at `from` seems to be cut off by the
 * end: then its length is wrong, and what follows is not lost. O(bytes behind `from`), bounded.
 */
export function hasCommandsBehind(path: string, from: number): boolean {
  const fd = openSync(path, 'r');
  try {
    const buf = Buffer.allocUnsafe(CHUNK_BYTES);
    for (let at = from; at - from < SEARCH_BYTES_MAX; at += CHUNK_BYTES - RECORD_BYTES_MIN) {
      const length = readSync(fd, buf, 0, buf.length, at);
      if (length < RECORD_BYTES_MIN) return false;
      for (const match of buf.toString('latin1', 0, length).matchAll(RECORD_START)) {
        if (isAllCommands(fd, at + match.index + LINE_END_BYTES)) return true;
      }
    }
    return false;
  } finally {
    closeSync(fd);
  }
}

const RECORD_BYTES_MIN = 16;

/** True where the file is good from `start` to its end, but for a torn tail, with some command. */
function isAllCommands(fd: number, start: number): boolean {
  const scanner = new AofScanner(start);
  const buf = Buffer.allocUnsafe(CHUNK_BYTES);
  for (;;) {
    const length = readSync(fd, buf, 0, buf.length, scanner.offset);
    if (length === 0) return scanner.commands > 0;
    for (let at = 0; at < length; at = scanner.at) {
      const status = scanner.next(buf, at, length);
      if (status === SCAN_ERROR) return false;
      if (status !== SCAN_MORE && status !== SCAN_ANNOTATION && scanner.commands > 1) return true;
    }
  }
}
