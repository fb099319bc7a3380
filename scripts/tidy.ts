/**
 * Checks the tree against the house's style: `node scripts/tidy.ts` writes `file:line: message` for
 * each violation and ends with 1 when there is one. With `--warnings` it also says what is close to
 * a limit.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { checkFiles } from './tidy-rules.ts';
import { SourceFile } from './tidy-source.ts';

const FOLDERS = ['src', 'workers', 'bench', 'test', 'scripts'];
const root = fileURLToPath(new URL('..', import.meta.url));

/** Every TypeScript file of the project's own. */
export function readTree(): readonly SourceFile[] {
  const files: SourceFile[] = [];
  for (const folder of FOLDERS) {
    for (const name of readdirSync(`${root}${folder}`, { recursive: true, encoding: 'utf8' })) {
      if (!name.endsWith('.ts')) continue;
      const path = `${folder}/${name}`;
      files.push(new SourceFile(path, readFileSync(`${root}${path}`, 'utf8')));
    }
  }
  return files;
}

function main(): void {
  const withWarnings = process.argv.includes('--warnings');
  const violations = checkFiles(readTree());
  for (const { path, line, message, isWarning } of violations) {
    if (isWarning && !withWarnings) continue;
    process.stdout.write(`${path}:${line}: ${isWarning ? 'warning: ' : ''}${message}\n`);
  }
  if (violations.some(({ isWarning }) => !isWarning)) process.exitCode = 1;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) main();
