// Builds the package into dist: one file for each entry and module system, and the declarations for both.
import { execFileSync } from 'node:child_process';
import { cpSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = fileURLToPath(new URL('.', import.meta.url));
const dist = join(root, 'dist');
const compiler = join(dirname(createRequire(import.meta.url).resolve('typescript/package.json')), 'bin/tsc');
const ENTRIES = [
  { entry: 'src/index.ts', platform: 'node', target: 'node20' },
  // Whatever is of Node.js fails the build here.
  { entry: 'src/browser.ts', platform: 'browser', target: 'es2022' },
];

rmSync(dist, { recursive: true, force: true });
execFileSync(process.execPath, [compiler, '-p', root], { stdio: 'inherit' });
// The same text means CommonJS in a folder whose package.json says so.
cpSync(join(dist, 'esm'), join(dist, 'cjs'), { recursive: true });
writeFileSync(join(dist, 'cjs/package.json'), '{ "type": "commonjs" }\n');
for (const { entry, platform, target } of ENTRIES) {
  for (const format of ['esm', 'cjs']) {
    await build({
      absWorkingDir: root,
      entryPoints: [entry],
      outdir: join(dist, format),
      bundle: true,
      platform,
      target,
      format,
      logLevel: 'warning',
    });
  }
}
