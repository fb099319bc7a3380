// Runs dist/main.js, or the tool that TESSERA_PROGRAM names; in a source checkout it is built first when a source file is newer.
import { existsSync, readdirSync, statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));

const major = Number(process.versions.node.split('.')[0]);
if (major < 26) {
  process.stderr.write(
    `Tessera needs Node 26 or newer; this is ${process.versions.node}. ` +
      'Install its optional dependencies (npm install), which bring the runtime along.\n',
  );
  process.exit(1);
}

function newest(folder) {
  let time = 0;
  for (const entry of readdirSync(folder, { withFileTypes: true, recursive: true })) {
    if (!entry.isFile()) continue;
    time = Math.max(time, statSync(`${entry.parentPath}/${entry.name}`).mtimeMs);
  }
  return time;
}

if (existsSync(`${root}src`)) {
  const built = existsSync(`${root}dist/main.js`) ? statSync(`${root}dist/main.js`).mtimeMs : 0;
  if (built < Math.max(newest(`${root}src`), newest(`${root}workers`))) {
    const { buildAll } = await import('../scripts/build.ts');
    await buildAll();
  }
}
const program = process.env.TESSERA_PROGRAM ?? 'main';
delete process.env.TESSERA_PROGRAM;
await import(`../dist/${program}.js`);
