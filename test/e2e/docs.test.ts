import { execFile } from 'node:child_process';
import { realpathSync } from 'node:fs';
import { copyFile, mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { build } from 'esbuild';
import { type Block, blocksOf, documents, readDocument } from '../kit/markdown.js';
import { useService } from '../kit/use-service.js';

/** Runs the snippets of the documents as docs/testing.md says, in the order of each page. */
const ROOT = resolve(import.meta.dirname, '../..');
const COMMAND_TIMEOUT_MS = 60_000;
const brokers = process.env['E2E_KAFKA_BROKERS'] as string;
const RUNNABLE = /^(?:bash|ts|json model)$/;
const pages = documents().filter((path) => blocksOf(readDocument(path)).some(({ info }) => RUNNABLE.test(info)));

/** Where the snippets run: a folder that looks like the project's, and holds what they write. */
let folder: string;

const root = realpathSync(tmpdir());
const suite = useService({ env: { SOURCES: `file:${root}` } });
const { api } = suite;

beforeEach(async () => {
  // Without a symbolic link on its path, which a source may not have.
  folder = await mkdtemp(join(root, 'batch-docs-'));
  for (const name of ['bin', 'samples', 'schemas', 'scripts']) await symlink(join(ROOT, name), join(folder, name));
  await copyFile(join(ROOT, 'test/fixtures/parquet/codec-zstd.parquet'), join(folder, 'orders.parquet'));
});
afterEach(async () => {
  await rm(folder, { recursive: true });
  const models = (await (await fetch(`${suite.service.url}/models`)).json()) as { id: string }[];
  for (const { id } of models) await fetch(`${suite.service.url}/models/${id}`, { method: 'DELETE' });
});

interface Outcome {
  status: number | string | null;
  stdout: string;
  stderr: string;
}

function run(command: string, args: string[]): Promise<Outcome> {
  const env = { ...process.env, BATCH_API_URL: suite.service.url, KAFKA_BROKERS: brokers };
  return new Promise((done) => {
    execFile(command, args, { cwd: folder, env, timeout: COMMAND_TIMEOUT_MS }, (error, stdout, stderr) =>
      done({ status: error === null ? 0 : (error.code ?? error.signal ?? null), stdout, stderr }),
    );
  });
}

/** The last job's id, found when it is needed. */
const NEWEST_JOB = `newest_job() { curl -s "$BATCH_API_URL/jobs?limit=1" | sed -E 's/^\\[\\{"job_id":"([a-z0-9]+)".*/\\1/'; }`;

/** The snippet as a program for bash that ends with the first line whose exit status is not the expected one. */
function bashProgram(script: string): string {
  const filledIn = script
    .replaceAll('batch_<job_id>', `${suite.service.topicPrefix}_<job_id>`)
    .replaceAll('<job_id>', '$(newest_job)');
  const lines = filledIn.split('\n').map((line) => {
    const [, command, status] = /^(.*\S)\s+# exit (\d+)$/.exec(line) ?? [];
    return command === undefined ? line : `status=0; ${command} || status=$?; [ $status -eq ${status} ]`;
  });
  return ['set -euo pipefail', NEWEST_JOB, ...lines].join('\n');
}

/** The program with the SDK that it imports. */
async function bundled(contents: string): Promise<string> {
  const { outputFiles } = await build({
    stdin: { contents, resolveDir: ROOT, loader: 'ts' },
    tsconfig: join(ROOT, 'tsconfig.json'),
    bundle: true,
    format: 'esm',
    platform: 'node',
    write: false,
  });
  return outputFiles[0]?.text ?? '';
}

async function runBlock({ info, text, line }: Block): Promise<Outcome> {
  const code = text.replaceAll('http://127.0.0.1:8000', suite.service.url);
  if (info === 'bash') return run('bash', ['-c', bashProgram(code)]);
  if (info === 'ts') return run(process.execPath, ['--input-type=module', '--eval', await bundled(code)]);
  await api.createModel(`line-${line}`, JSON.parse(code));
  return { status: 0, stdout: '', stderr: '' };
}

function expectOutput({ info, text }: Block, stdout: string): void {
  if (info === 'json output') {
    // The last value: what is inside another one is indented.
    const last = stdout.slice(stdout.search(/^[[{](?![\s\S]*^[[{])/m));
    expect(JSON.parse(last)).toMatchObject(JSON.parse(text));
    return;
  }
  const trimmed = (lines: string): string => lines.replaceAll(/[ \t]+$/gm, '').trim();
  let rest = trimmed(stdout);
  for (const part of trimmed(text).split('…')) {
    expect(rest).toContain(part);
    rest = rest.slice(rest.indexOf(part) + part.length);
  }
}

it.each(pages)('the snippets of %s run, and print what the page shows', async (page) => {
  let printed: Outcome | null = null;
  for (const block of blocksOf(readDocument(page))) {
    if (RUNNABLE.test(block.info)) {
      printed = await runBlock(block);
      const { status, stdout, stderr } = printed;
      if (status !== 0) throw new Error(`${page}:${block.line} ended with ${status}:\n${stdout}\n${stderr}`);
    } else if (block.info.endsWith(' output')) {
      if (printed === null) throw new Error(`${page}:${block.line} shows the output of nothing`);
      expectOutput(block, printed.stdout);
    }
  }
});
