import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const root = fileURLToPath(new URL('../..', import.meta.url));
const compiler = join(root, 'node_modules/typescript/bin/tsc');

interface Packed {
  filename: string;
  /** Size of the tarball in bytes. */
  size: number;
  unpackedSize: number;
  files: { path: string }[];
}

/** A program that uses the package, in an empty folder where it is installed. */
const PROGRAM = `
const client = createBatchClient({ baseUrl: 'http://127.0.0.1:1', retry: { maxOutageMs: 0 } });
client.getJob('a1b2c3d4').catch((error) => console.log(error instanceof BatchConnectionError, error.name));
`;
/** The same for the compiler, with what a caller would write. */
const TYPED_PROGRAM = `
export async function send(file: File, abort: AbortSignal): Promise<Job> {
  const client = createBatchClient({ baseUrl: 'http://127.0.0.1:8000' });
  const onProgress = ({ bytesSent, bytesTotal }: UploadProgress) => console.log(bytesSent, bytesTotal);
  for (const content of [file, file.stream(), new Uint8Array(1), 'orders.csv']) {
    await client.createJob({ modelId: 'orders', file: content }, { onProgress, signal: abort });
  }
  // @ts-expect-error: no format of the contract
  await client.createJob({ modelId: 'orders', file, format: 'xml' });
  const job = await client.waitForJob('a1b2c3d4');
  // @ts-expect-error: no state of the contract
  if (job.state === 'DONE') return job;
  for await (const row of client.listRejectedRows(job.job_id)) console.log(row.raw_data.length);
  return job;
}
`;

let folder: string;
let packed: Packed;

async function run(command: string, args: string[], cwd = folder): Promise<string> {
  try {
    return (await promisify(execFile)(command, args, { cwd })).stdout;
  } catch (error) {
    // What a compiler has to say is on its standard output.
    const { stdout, stderr } = error as { stdout: string; stderr: string };
    throw new Error(`${command} ${args.join(' ')}\n${stdout}\n${stderr}`);
  }
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'batch-sdk-package-'));
  const pack = ['pack', '--silent', '--json', '--workspace', 'batch-ingest-sdk', '--pack-destination', folder];
  const answer = JSON.parse(await run('npm', pack, root)) as Packed[] | Record<string, Packed>;
  packed = Object.values(answer)[0] as Packed;
  await writeFile(join(folder, 'package.json'), '{ "private": true }');
  await run('npm', ['install', '--offline', '--no-audit', '--no-fund', packed.filename]);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

describe('the package', () => {
  it('holds two programs for each module system, their types, and nothing else', () => {
    const files = packed.files.map(({ path }) => path).sort();
    expect(files.filter((path) => !path.endsWith('.d.ts'))).toEqual([
      'README.md',
      'dist/cjs/browser.js',
      'dist/cjs/index.js',
      'dist/cjs/package.json',
      'dist/esm/browser.js',
      'dist/esm/index.js',
      'package.json',
    ]);
    const types = files.filter((path) => path.endsWith('.d.ts'));
    expect(types).toContain('dist/esm/index.d.ts');
    expect(types.every((path) => /^dist\/(esm|cjs)\//.test(path))).toBe(true);
    expect(packed.size).toBeLessThan(120_000);
    expect(packed.unpackedSize).toBeLessThan(500_000);
  });

  it('needs nothing else', async () => {
    const { dependencies } = JSON.parse(await run('npm', ['ls', '--all', '--json']));
    expect(Object.keys(dependencies)).toEqual(['batch-ingest-sdk']);
    expect(dependencies['batch-ingest-sdk'].dependencies).toBeUndefined();
  });

  it.each([
    ['ESM', 'program.mjs', "import { BatchConnectionError, createBatchClient } from 'batch-ingest-sdk';"],
    ['CommonJS', 'program.cjs', "const { BatchConnectionError, createBatchClient } = require('batch-ingest-sdk');"],
  ])('is loaded by a program in %s', async (_system, name, head) => {
    await writeFile(join(folder, name), head + PROGRAM);
    expect(await run(process.execPath, [name])).toBe('true BatchConnectionError\n');
  });
});

describe('the types', () => {
  const head = "import { createBatchClient, type Job, type UploadProgress } from 'batch-ingest-sdk';";

  /** Compiles with the declarations checked, too. */
  async function compile(name: string, files: string[], options: Record<string, unknown>): Promise<void> {
    const compilerOptions = { target: 'ES2022', strict: true, noEmit: true, skipLibCheck: false, ...options };
    await writeFile(join(folder, `${name}.json`), JSON.stringify({ compilerOptions, files }));
    for (const file of files) await writeFile(join(folder, file), head + TYPED_PROGRAM);
    await run(process.execPath, [compiler, '-p', `${name}.json`]);
  }

  it('serve Node.js in both module systems, without those of browsers', async () => {
    await mkdir(join(folder, 'node_modules/@types'), { recursive: true });
    for (const name of ['@types/node', 'undici-types']) {
      await symlink(join(root, 'node_modules', name), join(folder, 'node_modules', name));
    }
    await compile('node', ['node.mts', 'node.cts'], { module: 'node16', lib: ['ES2023'], types: ['node'] });
  });

  it('serve browsers, without those of Node.js', async () => {
    const lib = ['ES2022', 'DOM', 'DOM.AsyncIterable'];
    await compile('browser', ['browser.ts'], { module: 'preserve', moduleResolution: 'bundler', lib, types: [] });
  });
});
