// Writes docs/reference/cli.md from the commands of src/cli: part of npm run generate.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'esbuild';
import { cliReference } from './lib/cli-reference.mjs';

const root = join(import.meta.dirname, '..');
const { outputFiles } = await build({
  absWorkingDir: root,
  entryPoints: ['src/cli/program.ts'],
  bundle: true,
  platform: 'node',
  format: 'esm',
  write: false,
  // Packages in CommonJS call require() for Node's own modules.
  banner: { js: `import { createRequire } from 'node:module'; const require = createRequire('${root}/package.json');` },
});
const module = `data:text/javascript;base64,${Buffer.from(outputFiles[0].contents).toString('base64')}`;
const { buildProgram } = await import(module);
const program = buildProgram({ argv: [], version: '' }, () => undefined);
writeFileSync(join(root, 'docs/reference/cli.md'), cliReference(program));
