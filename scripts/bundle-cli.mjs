// Bundles src/cli into one file that starts fast: node scripts/bundle-cli.mjs [OUTFILE] (default dist/cli/batch.js).
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = fileURLToPath(new URL('..', import.meta.url));
const { version } = JSON.parse(readFileSync(`${root}package.json`, 'utf8'));

await build({
  absWorkingDir: root,
  entryPoints: ['src/cli/batch.ts'],
  outfile: process.argv[2] ?? 'dist/cli/batch.js',
  bundle: true,
  platform: 'node',
  target: 'node20',
  format: 'esm',
  minify: true,
  sourcemap: true,
  legalComments: 'eof',
  logLevel: 'warning',
  define: { BATCH_VERSION: JSON.stringify(version) },
  // Packages in CommonJS call require() for Node's own modules.
  banner: { js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);" },
});
