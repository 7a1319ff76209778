// Makes the command line one self-contained executable (https://nodejs.org/api/single-executable-applications.html):
// node scripts/build-executable.mjs [OUTFILE] (default dist/bin/batch). It is for the system and processor it is made
// on, and carries the Node.js it is made with.
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { inject } from 'postject';

const FUSE = 'NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2';
const root = fileURLToPath(new URL('..', import.meta.url));
const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
const outfile = resolve(process.argv[2] ?? join(root, 'dist/bin/batch'));

mkdirSync(dirname(outfile), { recursive: true });
// Beside the result, so that it takes its place in one step and never half written.
const work = mkdtempSync(`${outfile}.`);
try {
  const executable = join(work, 'batch');
  copyNode(executable);
  await inject(executable, 'NODE_SEA_BLOB', await prepareBlob(), {
    sentinelFuse: FUSE,
    ...(process.platform === 'darwin' ? { machoSegmentName: 'NODE_SEA' } : {}),
  });
  if (process.platform === 'darwin') execFileSync('codesign', ['--sign', '-', executable]);
  renameSync(executable, outfile);
} finally {
  rmSync(work, { recursive: true, force: true });
}

/** The Node.js that runs this. Distributions may keep most of it in a shared library, and that one carries nothing. */
function copyNode(target) {
  if (!readFileSync(process.execPath).includes(FUSE)) {
    throw new Error(`${process.execPath} cannot carry an application: use the Node.js of https://nodejs.org instead.`);
  }
  copyFileSync(process.execPath, target);
  chmodSync(target, 0o755);
  if (process.platform === 'darwin') execFileSync('codesign', ['--remove-signature', target]);
}

async function prepareBlob() {
  const [main, output, config] = ['batch.cjs', 'batch.blob', 'sea.json'].map((name) => join(work, name));
  await build({
    absWorkingDir: root,
    entryPoints: ['src/cli/batch.ts'],
    outfile: main,
    bundle: true,
    platform: 'node',
    target: 'node24',
    format: 'cjs',
    minify: true,
    legalComments: 'eof',
    logLevel: 'warning',
    // With a code cache there is no import().
    supported: { 'dynamic-import': false },
    define: { BATCH_VERSION: JSON.stringify(version), 'import.meta.url': 'EXECUTABLE_URL' },
    banner: { js: "const EXECUTABLE_URL = require('node:url').pathToFileURL(process.execPath).href;" },
  });
  writeFileSync(config, JSON.stringify({ main, output, useCodeCache: true, disableExperimentalSEAWarning: true }));
  execFileSync(process.execPath, ['--experimental-sea-config', config], { stdio: ['ignore', 'ignore', 'inherit'] });
  return readFileSync(output);
}
