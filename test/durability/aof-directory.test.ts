import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { AofDirectory } from '../../src/durability/aof-directory.ts';
import { AofManifest } from '../../src/durability/aof-manifest.ts';
import { openDisk } from '../../src/durability/log-disk.ts';

/** Name, content, whether a rewrite that was killed before its manifest may have left it. */
const FILES: readonly (readonly [string, string, boolean])[] = [
  ['log.1.base.rdb', 'base', false],
  ['log.1.incr.aof', '', false],
  ['log.2.base.rdb', 'base', true],
  ['log.2.base.aof', '', true],
  ['log.2.incr.aof', '', true],
  ['log.3.incr.aof', '*1\r\n$4\r\nPING\r\n', false],
  ['log.manifest', 'file', false],
  ['other.2.base.rdb', 'base', false],
  ['other.2.incr.aof', '', false],
  ['log.x.incr.aof', '', false],
  ['log.2.incr.aof.bak', '', false],
];

test('stray files: what a manifest does not name and nothing needs', () => {
  const path = mkdtempSync(join(tmpdir(), 'tessera-aof-directory-'));
  try {
    for (const [name, content] of FILES) writeFileSync(join(path, name), content);
    const manifest = AofManifest.parse(
      'file log.1.base.rdb seq 1 type b\nfile log.1.incr.aof seq 1 type i\n',
    );
    const directory = new AofDirectory(openDisk(), path, 'log');
    const strays = FILES.filter(([, , isStray]) => isStray).map(([name]) => name);
    expect(directory.strayFiles(manifest).sort()).toEqual(strays.sort());
    expect(readdirSync(path)).toHaveLength(FILES.length);
  } finally {
    rmSync(path, { recursive: true });
  }
});
