/** The style rules that a machine can check, as data and one function per rule. */
import { dirname, join } from 'node:path/posix';
import type { SourceFile } from './tidy-source.ts';

export interface Violation {
  readonly path: string;
  readonly line: number;
  readonly message: string;
  /** Said, but does not fail. */
  readonly isWarning: boolean;
}

/**
 * Folders of src/ that each folder of src/ may import, itself aside. What is missing here may not
 * be imported.
 */
export const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = (() => {
  const keyspace = ['base', 'sync', 'memory', 'structures'];
  const durability = [...keyspace, 'keyspace', 'resp'];
  const commands = [...durability, 'durability'];
  const engines = [...commands, 'commands'];
  return {
    base: [],
    sync: ['base'],
    memory: ['base', 'sync'],
    resp: ['base'],
    structures: ['base', 'memory'],
    keyspace,
    durability,
    commands,
    scripting: engines,
    replication: engines,
    transport: ['base', 'sync'],
    server: [...engines, 'scripting', 'replication', 'transport'],
  };
})();

/** Files outside sync/ and memory/ that may use Atomics, and why they cannot leave it to them. */
export const ATOMICS_ALLOWED: Readonly<Record<string, string>> = {
  'src/server/shard-locks.ts': 'the pause between two tries of a shard lock',
  'src/server/shard-worker.ts': 'spins for frames that are about to become ready',
  'src/server/shared-layout.ts': 'the few flag words that all threads read',
  'src/server/spill.ts': 'the lock of messages larger than a ring',
  'src/server/thread-setup.ts': 'wakes threads that park in JavaScript',
  'src/transport/node-net.ts': 'waits for the doorbell word beside the event loop',
  'src/transport/uring-buffers.ts': 'the tail of a ring that the kernel reads',
  'src/transport/uring-ring.ts': 'heads and tails of rings that the kernel shares',
};

/** `path#function` of functions that may be longer than FUNCTION_LINES_MAX, and why. */
export const LONG_FUNCTIONS: Readonly<Record<string, string>> = {};

export const FILE_LINES_MAX = 700;
export const FILE_BYTES_WARN = 20_000;
export const FUNCTION_LINES_WARN = 70;
export const FUNCTION_LINES_MAX = 90;
export const LINE_COLUMNS_MAX = 100;

const FORBIDDEN_NAMES = ['utils.ts', 'util.ts', 'types.ts', 'helpers.ts', 'common.ts', 'index.ts'];
const KEBAB_NAME = /^[a-z0-9]+(?:-[a-z0-9]+)*(?:\.(?:test|bench|config))?\.ts$/;
const KEBAB_FOLDER = /^[a-z0-9]+(?:-[a-z0-9]+)*$/;

/** What must not stand in code (comments and strings aside). */
const FORBIDDEN_CODE: readonly { readonly pattern: RegExp; readonly message: string }[] = [
  {
    pattern: /(?::|<(?:[^<>();]*,)?|(?<!\|)\||(?<!&)&|\bas)\s*any\b(?=\s*(?:[[\]<>,;)=|&{]|$))/gm,
    message: 'no any',
  },
  { pattern: /^\s*(?:export\s+)?(?:declare\s+)?(?:const\s+)?enum\s+\w/gm, message: 'no enum' },
  {
    pattern: /^\s*(?:export\s+)?(?:declare\s+)?(?:namespace|module)\s+[\w$.]+\s*\{/gm,
    message: 'no namespace',
  },
  {
    pattern: /\bconstructor\s*\([^)]*\b(?:public|private|protected|readonly)\s+\w+\s*[?:,=)]/g,
    message: 'no parameter properties',
  },
];

const FORBIDDEN_COMMENTS: readonly { readonly pattern: RegExp; readonly message: string }[] = [
  { pattern: /@ts-(?:ignore|expect-error|nocheck)/, message: 'no @ts- suppressions' },
  { pattern: /biome-ignore/, message: 'no biome-ignore' },
  {
    pattern: /\b(?:TODO|FIXME|XXX)\b(?!\([^)]+\))/,
    message: 'a TODO names its condition: TODO(when …)',
  },
];

/** Folder of src/ that a file belongs to; `main.ts` and what is outside src/ have none. */
function layerOf(path: string): string | null {
  const parts = path.split('/');
  return parts[0] === 'src' && parts.length > 2 ? parts[1]! : null;
}

class Report {
  readonly violations: Violation[] = [];

  at(file: SourceFile, offset: number, message: string): void {
    this.line(file, file.lineAt(offset), message);
  }

  line(file: SourceFile, line: number, message: string, isWarning = false): void {
    this.violations.push({ path: file.path, line, message, isWarning });
  }
}

function checkName(file: SourceFile, report: Report): void {
  const parts = file.path.split('/');
  const name = parts.pop()!;
  if (!KEBAB_NAME.test(name)) report.line(file, 1, `${name} is not kebab-case`);
  for (const folder of parts) {
    if (!KEBAB_FOLDER.test(folder)) report.line(file, 1, `folder ${folder} is not kebab-case`);
  }
  if (FORBIDDEN_NAMES.includes(name)) report.line(file, 1, `no ${name}: name it after its idea`);
}

function checkSizes(file: SourceFile, report: Report): void {
  const count = file.lines.length - 1;
  if (count > FILE_LINES_MAX)
    report.line(file, count, `${count} lines; the limit is ${FILE_LINES_MAX}`);
  const bytes = Buffer.byteLength(file.text);
  if (bytes > FILE_BYTES_WARN && layerOf(file.path) !== 'structures') {
    report.line(file, 1, `${Math.round(bytes / 1000)} KB; aim for under 20`, true);
  }
  file.lines.forEach((line, index) => {
    if ([...line].length <= LINE_COLUMNS_MAX || /https?:\/\/\S{40}/.test(line)) return;
    report.line(file, index + 1, `longer than ${LINE_COLUMNS_MAX} columns`);
  });
}

function checkFunctions(file: SourceFile, report: Report): void {
  // A describe block of a test is a folder, not a function.
  if (file.path.startsWith('test/')) return;
  for (const { start, end, name } of file.functions()) {
    const line = file.lineAt(start);
    const count = file.lineAt(end) - line + 1;
    if (count <= FUNCTION_LINES_WARN || Object.hasOwn(LONG_FUNCTIONS, `${file.path}#${name}`))
      continue;
    const isWarning = count <= FUNCTION_LINES_MAX;
    report.line(
      file,
      line,
      `${name} has ${count} lines; the limit is ${FUNCTION_LINES_MAX}`,
      isWarning,
    );
  }
}

function checkWords(file: SourceFile, report: Report): void {
  for (const { pattern, message } of FORBIDDEN_CODE) {
    for (const match of file.code.matchAll(pattern)) {
      const blank = match[0].length - match[0].trimStart().length;
      report.at(file, match.index + blank, message);
    }
  }
  for (const { start, end } of file.comments) {
    const comment = file.text.slice(start, end);
    for (const { pattern, message } of FORBIDDEN_COMMENTS) {
      const found = pattern.exec(comment);
      if (found !== null) report.at(file, start + found.index, message);
    }
  }
}

function checkThreads(file: SourceFile, report: Report): void {
  const layer = layerOf(file.path);
  const isShipped = file.path.startsWith('src/') || file.path.startsWith('workers/');
  if (!isShipped) return;
  const isHome =
    layer === 'sync' || layer === 'memory' || Object.hasOwn(ATOMICS_ALLOWED, file.path);
  if (!isHome) {
    for (const match of file.code.matchAll(/\bAtomics\./g)) {
      report.at(file, match.index, 'Atomics belong in src/sync and src/memory');
    }
  }
  if (file.path.startsWith('workers/')) return;
  // As the name of an option (`workerData: …`) it starts a worker, which is somebody else's
  // business.
  for (const match of file.code.matchAll(/\b(parentPort|workerData)\b(?!\s*:)/g)) {
    report.at(file, match.index, `${match[1]} belongs in workers/`);
  }
}

/**
 * An exported function or class has a comment of its own, or is what the file's opening comment
 * describes: it is named there, or is the only one. Handlers of commands (`cmd…`) are described by
 * their row in the command table.
 */
function checkDocs(file: SourceFile, report: Report): void {
  if (!file.path.startsWith('src/')) return;
  const pattern = /^export\s+(?:async\s+)?(?:abstract\s+)?(?:function\*?|class)\s+([\w$]+)/gm;
  const exported = [...file.code.matchAll(pattern)];
  const names = new Set(exported.map((match) => match[1]!));
  const first = file.comments[0];
  const opening = first?.start === 0 ? openingComment(file) : '';
  for (const match of exported) {
    const name = match[1]!;
    const isDescribed = opening !== '' && (names.size === 1 || opening.includes(name));
    const before = file.text.slice(0, match.index).trimEnd();
    if (isDescribed || before.endsWith('*/') || name.startsWith('cmd')) continue;
    report.at(file, match.index, `${name} is exported without a doc comment`);
  }
}

/** Text of the comment the file begins with: one block, or lines of `//`. */
function openingComment(file: SourceFile): string {
  const isBlock = file.text.startsWith('/*');
  if (isBlock) return file.text.slice(0, file.comments[0]!.end);
  const end = file.lines.findIndex((line) => !line.startsWith('//'));
  return file.lines.slice(0, end).join('\n');
}

function checkImports(file: SourceFile, report: Report): void {
  const layer = layerOf(file.path);
  for (const { offset, specifier, isReExport } of file.imports()) {
    if (isReExport) report.at(file, offset, 'no barrels: import from the file that owns it');
    if (!specifier.startsWith('.')) continue;
    if (!/\.(?:ts|json)$/.test(specifier)) report.at(file, offset, `${specifier} lacks its .ts`);
    const target = join(dirname(file.path), specifier);
    const targetLayer = layerOf(target);
    if (file.path.startsWith('src/') && !target.startsWith('src/')) {
      report.at(file, offset, `src imports ${target}`);
    } else if (layer !== null && target === 'src/main.ts') {
      report.at(file, offset, `${layer} imports main.ts`);
    } else if (layer !== null && targetLayer !== null && targetLayer !== layer) {
      if (MAY_IMPORT[layer]?.includes(targetLayer) === true) continue;
      report.at(file, offset, `${layer} may not import ${targetLayer}`);
    }
  }
}

/**
 * Reports each import that closes a cycle, once, by depth-first search. Types do not count: a part
 * may name the type of its whole, and nothing of that is left when the program runs.
 */
function checkCycles(files: readonly SourceFile[], report: Report): void {
  const byPath = new Map(files.map((file) => [file.path, file]));
  const isDone = new Map<string, boolean>();
  const trail: string[] = [];
  const visit = (file: SourceFile): void => {
    isDone.set(file.path, false);
    trail.push(file.path);
    for (const { specifier, offset, isTypeOnly } of file.imports()) {
      if (isTypeOnly) continue;
      const target = byPath.get(join(dirname(file.path), specifier));
      if (!specifier.startsWith('.') || target === undefined) continue;
      if (isDone.get(target.path) === false) {
        const cycle = trail.slice(trail.indexOf(target.path));
        report.at(file, offset, `import cycle: ${[...cycle, target.path].join(' > ')}`);
      } else if (!isDone.has(target.path)) {
        visit(target);
      }
    }
    trail.pop();
    isDone.set(file.path, true);
  };
  for (const file of files) if (!isDone.has(file.path)) visit(file);
}

/** All violations of all rules, in the order of path and line. */
export function checkFiles(files: readonly SourceFile[]): readonly Violation[] {
  const report = new Report();
  for (const file of files) {
    checkName(file, report);
    checkSizes(file, report);
    checkFunctions(file, report);
    checkWords(file, report);
    checkThreads(file, report);
    checkDocs(file, report);
    checkImports(file, report);
  }
  checkCycles(files, report);
  const order = (a: Violation, b: Violation): number =>
    a.path === b.path ? a.line - b.line : a.path < b.path ? -1 : 1;
  return report.violations.sort(order);
}
