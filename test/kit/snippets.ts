import { execFile } from 'node:child_process';
import { realpathSync } from 'node:fs';
import { copyFile, mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { build } from 'esbuild';
import { Api } from './api.js';
import { type Block, blocksOf, readDocument } from './markdown.js';
import type { Service } from './service.js';

const ROOT = resolve(import.meta.dirname, '../..');
const COMMAND_TIMEOUT_MS = 60_000;

/** Where snippets may be: without a symbolic link on the path, which a source may not have. */
export const SNIPPETS_ROOT = realpathSync(tmpdir());

/** What a block runs on, if it is run. */
const RUNNABLE = /^(?:bash|ts|json model|sql (?<database>\w+))$/;

/** The databases that the page's blocks `sql <name>` ask. */
export function databasesOf(page: string): string[] {
  return blocksOf(readDocument(page)).flatMap(({ info }) => RUNNABLE.exec(info)?.groups?.['database'] ?? []);
}

export function hasSnippets(page: string): boolean {
  return blocksOf(readDocument(page)).some(({ info }) => RUNNABLE.test(info));
}

/** The rows that a statement gives, from the database of this name. */
export type Query = (sql: string) => Promise<Record<string, unknown>[]>;

export interface SnippetsOptions {
  brokers: string;
  service: Service;
  /** For blocks `sql <name>`, by this name. */
  databases?: Readonly<Record<string, Query>>;
}

interface Outcome {
  status: number | string | null;
  stdout: string;
  stderr: string;
}

/**
 * Runs the snippets of a page as docs/testing.md says, in their order, in a folder that looks like the project's, and compares what
 * they print with what the page shows. Throws with the line of the first one that fails.
 */
export async function runSnippets(page: string, options: SnippetsOptions): Promise<void> {
  const folder = await mkdtemp(join(SNIPPETS_ROOT, 'batch-docs-'));
  try {
    for (const name of ['bin', 'samples', 'schemas', 'scripts']) await symlink(join(ROOT, name), join(folder, name));
    await copyFile(join(ROOT, 'test/fixtures/parquet/codec-zstd.parquet'), join(folder, 'orders.parquet'));
    let printed: Outcome | null = null;
    for (const block of blocksOf(readDocument(page))) {
      if (RUNNABLE.test(block.info)) {
        printed = await runBlock(block, folder, options);
        const { status, stdout, stderr } = printed;
        if (status !== 0) throw new Error(`${page}:${block.line} ended with ${status}:\n${stdout}\n${stderr}`);
      } else if (block.info.endsWith(' output')) {
        if (printed === null) throw new Error(`${page}:${block.line} shows the output of nothing`);
        expectOutput(block, printed.stdout);
      }
    }
  } finally {
    await rm(folder, { recursive: true });
  }
}

async function runBlock({ info, text, line }: Block, folder: string, options: SnippetsOptions): Promise<Outcome> {
  const { brokers, service, databases = {} } = options;
  const run = (command: string, args: string[]): Promise<Outcome> => {
    const env = { ...process.env, BATCH_API_URL: service.url, KAFKA_BROKERS: brokers };
    return new Promise((done) => {
      execFile(command, args, { cwd: folder, env, timeout: COMMAND_TIMEOUT_MS }, (error, stdout, stderr) =>
        done({ status: error === null ? 0 : (error.code ?? error.signal ?? null), stdout, stderr }),
      );
    });
  };
  const code = text.replaceAll('http://127.0.0.1:8000', service.url);
  if (info === 'bash') return run('bash', ['-c', bashProgram(code, service.topicPrefix)]);
  if (info === 'ts') return run(process.execPath, ['--input-type=module', '--eval', await bundled(code)]);
  if (info === 'json model') {
    await new Api(service.url).createModel(`line-${line}`, JSON.parse(code));
    return { status: 0, stdout: '', stderr: '' };
  }
  const query = databases[info.slice('sql '.length)];
  if (query === undefined) throw new Error(`line ${line}: there is no database for ${info}`);
  const sql = code.includes('<job_id>') ? code.replaceAll('<job_id>', await newestJob(service)) : code;
  return { status: 0, stdout: JSON.stringify(await query(sql)), stderr: '' };
}

async function newestJob({ url }: Service): Promise<string> {
  const [job] = (await (await fetch(`${url}/jobs?limit=1`)).json()) as { job_id: string }[];
  if (job === undefined) throw new Error('there is no job yet');
  return job.job_id;
}

/** The last job's id, found when it is needed. */
const NEWEST_JOB = `newest_job() { curl -s "$BATCH_API_URL/jobs?limit=1" | sed -E 's/^\\[\\{"job_id":"([a-z0-9]+)".*/\\1/'; }`;

/** The snippet as a program for bash that ends with the first line whose exit status is not the expected one. */
function bashProgram(script: string, topicPrefix: string): string {
  const filledIn = script
    .replaceAll('batch_<job_id>', `${topicPrefix}_<job_id>`)
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
