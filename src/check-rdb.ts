/** `tessera-check-rdb FILE`: checks a snapshot file as redis-check-rdb does. */
import { errnoText } from './base/errno-text.ts';
import { TESSERA_VERSION } from './base/version.ts';
import { FileSource } from './durability/file-source.ts';
import { checkSnapshot } from './durability/snapshot-check.ts';

const USAGE = 'Usage: tessera-check-rdb <rdb-file-name>\n';

function main(args: readonly string[]): number {
  const path = args[0];
  if (args.length !== 1 || path === undefined) {
    process.stderr.write(USAGE);
    return 1;
  }
  if (path === '-v' || path === '--version') {
    process.stdout.write(`tessera-check-rdb ${TESSERA_VERSION}\n`);
    return 0;
  }
  if (path === '-h' || path === '--help') {
    process.stdout.write(USAGE);
    return 0;
  }
  const write = (line: string): void => {
    process.stdout.write(`${line}\n`);
  };
  try {
    const source = new FileSource(path);
    const isRight = checkSnapshot(source, { path, nowMs: Date.now(), write });
    source.close();
    return isRight ? 0 : 1;
  } catch (error) {
    process.stderr.write(`Cannot read ${path}: ${errnoText(error)}\n`);
    return 1;
  }
}

process.exitCode = main(process.argv.slice(2));
