import { describe, expect, test } from 'vitest';
import { readTree } from '../../scripts/tidy.ts';
import { ATOMICS_ALLOWED, checkFiles, LONG_FUNCTIONS } from '../../scripts/tidy-rules.ts';
import { SourceFile } from '../../scripts/tidy-source.ts';

/** Messages that fail, as `line: message`, for files by path. */
function failures(texts: Readonly<Record<string, string>>): string[] {
  const files = Object.entries(texts).map(([path, text]) => new SourceFile(path, text));
  return checkFiles(files)
    .filter(({ isWarning }) => !isWarning)
    .map(({ line, message }) => `${line}: ${message}`);
}

function lines(count: number, line: string): string {
  return `${line}\n`.repeat(count);
}

describe('the tree', () => {
  test('has no violation', () => {
    const found = checkFiles(readTree()).filter(({ isWarning }) => !isWarning);
    expect(found.map(({ path, line, message }) => `${path}:${line}: ${message}`)).toEqual([]);
  });

  test('needs all of its exceptions', () => {
    const files = readTree();
    const paths = new Set(files.map((file) => file.path));
    const users = files.filter((file) => /\bAtomics\./.test(file.code)).map((file) => file.path);
    expect(users).toEqual(expect.arrayContaining(Object.keys(ATOMICS_ALLOWED)));
    const places = Object.keys(LONG_FUNCTIONS).map((name) => name.split('#')[0]!);
    expect(places.filter((path) => !paths.has(path))).toEqual([]);
  });
});

/** Each rule: a file that breaks it, and what is said. */
const BROKEN: readonly (readonly [rule: string, path: string, text: string, message: string])[] = [
  ['layers', 'src/base/a.ts', "import { b } from '../sync/b.ts';\n", '1: base may not import sync'],
  [
    'layers of the same height',
    'src/resp/a.ts',
    "\nimport type {\n  B,\n} from '../structures/b.ts';\n",
    '2: resp may not import structures',
  ],
  [
    'commands and the server',
    'src/commands/a.ts',
    "const a = await import('../server/b.ts');\n",
    '1: commands may not import server',
  ],
  [
    'a folder nobody listed',
    'src/misc/a.ts',
    "import { b } from '../base/b.ts';\n",
    '1: misc may not import base',
  ],
  ['main', 'src/server/a.ts', "import '../main.ts';\n", '1: server imports main.ts'],
  [
    'outside src',
    'src/base/a.ts',
    "import { b } from '../../test/b.ts';\n",
    '1: src imports test/b.ts',
  ],
  ['extensions', 'src/base/a.ts', "import { b } from './b';\n", '1: ./b lacks its .ts'],
  [
    'barrels',
    'src/base/a.ts',
    "export * from './b.ts';\n",
    '1: no barrels: import from the file that owns it',
  ],
  ['names', 'src/base/utils.ts', '', '1: no utils.ts: name it after its idea'],
  ['kebab-case files', 'src/base/aB.ts', '', '1: aB.ts is not kebab-case'],
  ['kebab-case folders', 'src/base/aB/c.ts', '', '1: folder aB is not kebab-case'],
  ['file length', 'src/base/a.ts', lines(701, 'a();'), '701: 701 lines; the limit is 700'],
  ['line length', 'src/base/a.ts', `//${' x'.repeat(50)}\n`, '1: longer than 100 columns'],
  [
    'function length',
    'src/base/a.ts',
    `function f(\n  a: string,\n): { b: number } {\n${lines(90, '  g({});')}}\n`,
    '1: f has 94 lines; the limit is 90',
  ],
  [
    'method length',
    'src/base/a.ts',
    `class A {\n  async #f(a = [1]): Promise<void> {\n${lines(90, '    if (a) {}')}  }\n}\n`,
    '2: #f has 92 lines; the limit is 90',
  ],
  [
    'arrow function length',
    'src/base/a.ts',
    `const f = (a: string): void => {\n${lines(90, '  a();')}};\n`,
    '1: f has 92 lines; the limit is 90',
  ],
  ['any', 'src/base/a.ts', 'let a: any;\n', '1: no any'],
  ['any in brackets', 'src/base/a.ts', 'let a = b as Map<string, any[]>;\n', '1: no any'],
  ['enum', 'src/base/a.ts', '\nexport enum A {}\n', '2: no enum'],
  ['namespace', 'src/base/a.ts', 'namespace A {}\n', '1: no namespace'],
  [
    'parameter properties',
    'src/base/a.ts',
    'class A {\n  constructor(\n    private readonly b: string,\n  ) {}\n}\n',
    '2: no parameter properties',
  ],
  ['suppressions', 'src/base/a.ts', '\n// @ts-ignore\n', '2: no @ts- suppressions'],
  ['suppressed lint', 'src/base/a.ts', '// biome-ignore lint: x\n', '1: no biome-ignore'],
  [
    'conditions of work left',
    'src/base/a.ts',
    '/**\n * FIXME soon\n */\n',
    '2: a TODO names its condition: TODO(when …)',
  ],
  [
    'Atomics',
    'src/server/a.ts',
    'Atomics.load(a, 0);\n',
    '1: Atomics belong in src/sync and src/memory',
  ],
  [
    'parentPort',
    'src/server/a.ts',
    "import { parentPort } from 'node:worker_threads';\n",
    '1: parentPort belongs in workers/',
  ],
  [
    'doc comments',
    'src/base/a.ts',
    'export function a() {}\n',
    '1: a is exported without a doc comment',
  ],
];

describe('rules can fail', () => {
  test.each(BROKEN)('%s', (_rule, path, text, message) => {
    expect(failures({ [path]: text })).toEqual([message]);
  });

  test('import cycles', () => {
    const texts = {
      'src/base/a.ts': "import { b } from './b.ts';\n",
      'src/base/b.ts': "\nimport { c } from './c.ts';\n",
      'src/base/c.ts': "import { a } from './a.ts';\n",
    };
    const cycle = 'src/base/a.ts > src/base/b.ts > src/base/c.ts > src/base/a.ts';
    expect(failures(texts)).toEqual([`1: import cycle: ${cycle}`]);
    const typed = { ...texts, 'src/base/c.ts': "import type { A } from './a.ts';\n" };
    expect(failures(typed)).toEqual([]);
  });

  test('a long file is said, not refused', () => {
    const files = ['src/base/a.ts', 'src/structures/a.ts'].map(
      (path) => new SourceFile(path, lines(600, `a('${'x'.repeat(40)}');`)),
    );
    const found = checkFiles(files);
    expect(found.map(({ path, isWarning }) => [path, isWarning])).toEqual([
      ['src/base/a.ts', true],
    ]);
  });
});

/** What looks like a violation and is none. */
const FINE: readonly (readonly [path: string, text: string])[] = [
  ['src/base/a.ts', "const a = 'let b: any; Atomics.load; enum A {}';\n"],
  ['src/base/a.ts', 'const a = `x $' + '{b ? `import c from "../server/d.ts"` : 1} any`;\n'],
  ['src/base/a.ts', '// TODO(when Node 28 is out): drop this\n'],
  ['src/base/a.ts', `// see https://example.org/${'x'.repeat(120)}\n`],
  ['src/base/a.ts', 'const a = /[/"]\'any: any/;\nlet any = a || any;\nf(any);\n'],
  ['src/base/a.ts', '/** Does a. */\nexport function a() {}\n'],
  ['src/base/a.ts', '/** Class A, and what it does. */\nimport "./b.ts";\nexport class A {}\n'],
  ['src/server/a.ts', 'new Worker(url, { workerData: 1 });\n'],
  ['src/sync/a.ts', 'Atomics.notify(a, 0);\n'],
  ['workers/io.ts', "import { parentPort } from 'node:worker_threads';\nparentPort.a();\n"],
  ['src/server/a.ts', "import { a } from '../commands/a.ts';\n"],
  ['test/a.test.ts', `describe('a', () => {\n${lines(200, '  a();')}});\n`],
  ['src/base/a.ts', `const a = {\n${lines(200, '  b: { c: f(1) },')}};\n`],
];

test.each(FINE)('no violation: %s', (path, text) => {
  expect(failures({ [path]: text })).toEqual([]);
});
