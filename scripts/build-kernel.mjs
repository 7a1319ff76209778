// Compiles the CSV kernel (AssemblyScript) to src/formats/csv/kernel/kernel.wasm, if its sources have changed since:
// node scripts/build-kernel.mjs [FOLDER] also copies it into FOLDER. Tests call `buildKernel` before they run.
import { createHash } from 'node:crypto';
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import asc from 'assemblyscript/asc';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const FOLDER = join(ROOT, 'src/formats/csv/kernel');
const WASM = join(FOLDER, 'kernel.wasm');
const STAMP = join(ROOT, '.cache/kernel.stamp');
const PAGE_BYTES = 65_536;

export async function buildKernel() {
  const wanted = `${sourceHash()} ${asc.version}`;
  if (existsSync(WASM) && existsSync(STAMP) && readFileSync(STAMP, 'utf8') === wanted) return;
  const { MEMORY_BYTES } = await import(join(FOLDER, 'memory-layout.ts'));
  const pages = String(Math.ceil(MEMORY_BYTES / PAGE_BYTES));
  // Whoever else compiles it at this moment gets the same bytes: each writes a file of its own, the last rename stays.
  const output = `${WASM}.${process.pid}`;
  const { error, stderr } = await asc.main([
    join(FOLDER, 'assembly/index.ts'),
    ...['--baseDir', ROOT, '--outFile', output],
    ...['--optimizeLevel', '3', '--converge', '--noAssert', '--runtime', 'stub'],
    ...['--enable', 'simd', '--enable', 'bulk-memory', '--disableWarning', '112'],
    ...['--transform', join(ROOT, 'scripts/lib/inline-functions.mjs')],
    // Fixed: what lies in it leaves through sockets, and must not move.
    ...['--initialMemory', pages, '--maximumMemory', pages],
  ]);
  if (error !== null) throw new Error(`the CSV kernel does not compile\n${stderr.toString()}`);
  renameSync(output, WASM);
  mkdirSync(join(ROOT, '.cache'), { recursive: true });
  writeFileSync(STAMP, wanted);
}

function sourceHash() {
  const hash = createHash('sha256');
  for (const script of ['build-kernel.mjs', 'lib/inline-functions.mjs']) {
    hash.update(readFileSync(join(ROOT, 'scripts', script)));
  }
  for (const name of readdirSync(FOLDER, { recursive: true }).sort()) {
    if (name.endsWith('.ts')) hash.update(`${name}\0`).update(readFileSync(join(FOLDER, name)));
  }
  return hash.digest('hex');
}

if (import.meta.main) {
  await buildKernel();
  const [folder] = process.argv.slice(2);
  if (folder !== undefined) {
    mkdirSync(folder, { recursive: true });
    copyFileSync(WASM, join(folder, 'kernel.wasm'));
  }
}
