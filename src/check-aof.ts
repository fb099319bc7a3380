/** `tessera-check-aof`: checks and mends an append-only file as redis-check-aof does. */
import { readSync } from 'node:fs';
import { TESSERA_VERSION } from './base/version.ts';
import { checkAof } from './durability/aof-check.ts';

const USAGE =
  'Usage: tessera-check-aof [--fix|--truncate-to-timestamp $timestamp] ' +
  '<file.manifest|file.aof>\n';
const ANSWER_BYTES_MAX = 256;
const STDIN = 0;

/** Reads what is typed, up to the end of a line. */
function readAnswer(): string {
  const buf = Buffer.alloc(ANSWER_BYTES_MAX);
  try {
    return buf.toString('utf8', 0, readSync(STDIN, buf, 0, buf.length, null));
  } catch {
    return '';
  }
}

function main(args: readonly string[]): number {
  const [first = '', second = '', third = ''] = args;
  if (args.length === 1 && (first === '-v' || first === '--version')) {
    process.stdout.write(`tessera-check-aof ${TESSERA_VERSION}\n`);
    return 0;
  }
  const isFix = args.length === 2 && first === '--fix';
  const isTruncate = args.length === 3 && first === '--truncate-to-timestamp';
  if (args.length !== 1 && !isFix && !isTruncate) {
    process.stdout.write(USAGE);
    return 1;
  }
  if (isTruncate && !/^-?\d+$/.test(second)) {
    process.stdout.write('Invalid timestamp, aborting...\n');
    return 1;
  }
  return checkAof({
    path: isTruncate ? third : isFix ? second : first,
    fixes: isFix,
    toTimestamp: isTruncate ? Number(second) : 0,
    write: (line) => {
      process.stdout.write(`${line}\n`);
    },
    ask: (question) => {
      process.stdout.write(question);
      return readAnswer();
    },
  });
}

process.exitCode = main(process.argv.slice(2));
