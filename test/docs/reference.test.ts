import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { Command } from '@commander-js/extra-typings';
import { cliReference } from '../../scripts/lib/cli-reference.mjs';
import { jobCreateCommand } from '../../src/cli/commands/job-create.js';
import type { Environment } from '../../src/cli/environment.js';
import { buildProgram } from '../../src/cli/program.js';
import { catalogue } from '../../src/errors/index.js';
import { TYPE_NAMES } from '../../src/models/schema/column-type.js';
import { readDocument, tableRows } from '../kit/markdown.js';
import { at, isBranch, type Json, members, operations } from '../openapi/document.js';

const code = (cell: string | undefined): string => cell?.replaceAll('`', '') ?? '';
const page = (name: string): string => readDocument(`docs/reference/${name}.md`);

describe('errors.md', () => {
  const [requests = [], jobs = [], rows = []] = page('errors')
    .split(/^## /m)
    .slice(1)
    .map((section) => tableRows(section, 'code'));
  const codes = (table: string[][]): string[] => table.map(([name]) => name as string);

  it('has every code that a response can carry, with its status', () => {
    const expected = Object.entries(catalogue).flatMap(([name, { status }]) =>
      status === null ? [] : [[name, status]],
    );
    expect(requests.map(([name, status]) => [name, Number(status)])).toEqual(
      expected.toSorted(([a], [b]) => (String(a) < String(b) ? -1 : 1)),
    );
    expect(codes(requests)).toEqual((at('/components/schemas/ErrorCode/enum') as string[]).toSorted());
  });

  it('says of exactly the same codes as the service that the request may succeed later', () => {
    const retried = requests.filter(([, , retry]) => retry === 'yes');
    const retryable = Object.entries(catalogue).filter(([, { retryable: again }]) => again === true);
    expect(codes(retried)).toEqual(retryable.map(([name]) => name).toSorted());
  });

  it('has every code of a failed job, and whether the job can be resumed', () => {
    expect(codes(jobs)).toEqual((at('/components/schemas/JobErrorCode/enum') as string[]).toSorted());
    const isFinal = (name: string): boolean => catalogue[name as keyof typeof catalogue].final === true;
    expect(jobs.map(([name, resumable]) => [name, resumable])).toEqual(
      codes(jobs).map((name) => [name, isFinal(name) ? 'no' : 'yes']),
    );
  });

  it('has every code of a rejected row', () => {
    expect(codes(rows)).toEqual((at('/components/schemas/RowErrorCode/enum') as string[]).toSorted());
  });
});

describe('options.md', () => {
  const table = tableRows(page('options'), 'API').map(([api, cli, sdk, initial]) => ({
    api: code(api),
    cli: code(cli),
    sdk: code(sdk),
    initial: code(initial),
  }));

  it('has every option of the contract, with its default', () => {
    const properties = new Map<string, Json>();
    for (const form of ['JobUpload', 'JobFromKeptFile']) {
      for (const { key } of members(`/components/schemas/${form}/properties`)) {
        const given = at(`/components/schemas/${form}/properties/${key}`);
        properties.set(key, (isBranch(given) ? given['default'] : undefined) ?? '');
      }
    }
    const documented = table.filter(({ api }) => api !== 'metadata.*').map(({ api, initial }) => [api, initial]);
    expect(documented.toSorted()).toEqual([...properties].map(([name, value]) => [name, String(value)]).toSorted());
  });

  it('has the flags of the command and the names of the SDK', () => {
    const command = jobCreateCommand(() => {
      throw new Error('not run');
    }) as unknown as Command;
    const flags = command.options.map(({ long }) => long);
    const beside = ['--infer', '--wait', '--wait-kafka', '--idempotency-key', '--max'];
    const documented = table.flatMap(({ cli }) => cli.split(', ')).filter((cli) => cli.startsWith('--'));
    expect([...documented, ...beside].toSorted()).toEqual(flags.toSorted());
    for (const { api, sdk } of table) {
      const name = api.replace(/\.\*$/, '').replaceAll(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
      expect(sdk).toBe(name);
    }
  });
});

describe('jobs.md', () => {
  const table = tableRows(page('jobs'), 'CLI').map((row) => row.map(code));

  it('has every command', () => {
    const leaves = (command: Command, path: string[]): string[] =>
      command.commands.length === 0
        ? [path.join(' ')]
        : command.commands.flatMap((each) => leaves(each as Command, [...path, each.name()]));
    const program = buildProgram({ argv: [], version: '0' } as unknown as Environment, () => undefined);
    const documented = new Set(table.map(([cli = '']) => cli.replace(/ --.*$/, '')).filter((cli) => cli !== ''));
    expect([...documented].toSorted()).toEqual(leaves(program as unknown as Command, []).toSorted());
  });

  it('has every operation of the contract', () => {
    const documented = new Set(table.map(([, http = '']) => http.replace(/[?,].*$/, '')).filter((http) => http !== ''));
    const expected = operations.map(({ method, path }) => `${method.toUpperCase()} ${path}`);
    expect([...documented].toSorted()).toEqual(expected.toSorted());
  });
});

it('cli.md is what `npm run generate` makes of the commands', () => {
  const program = buildProgram({ argv: [], version: '' } as unknown as Environment, () => undefined);
  expect(page('cli')).toBe(cliReference(program as unknown as Command));
});

describe('every type of a column', () => {
  const types = TYPE_NAMES.split(', ');

  it('has its row in models.md', () => {
    const documented = tableRows(page('models'), 'type').flatMap(([cell = '']) => code(cell).split(/, (?!S)/));
    expect([...documented, 'Nullable(…)'].toSorted()).toEqual(types.toSorted());
  });

  it('is in the help of model create', () => {
    let help = '';
    const program = buildProgram({ argv: [], version: '0' } as unknown as Environment, () => undefined);
    const create = program.commands
      .find((command) => command.name() === 'model')
      ?.commands.find((command) => command.name() === 'create');
    create?.configureOutput({ writeOut: (text) => (help += text) }).outputHelp();
    const list = /The types are ([\s\S]*?), each also as\s+Nullable\(…\)/.exec(help)?.[1] ?? '';
    expect([...list.split(/,\s+|\s+and\s+/), 'Nullable(…)'].toSorted()).toEqual(types.toSorted());
  });
});

it('settings.md has every variable that the service reads, and no other', () => {
  const folder = resolve(import.meta.dirname, '../../src/config');
  const sources = readdirSync(folder).map((name) => readFileSync(join(folder, name), 'utf8'));
  const quoted = sources.flatMap((source) => [...source.matchAll(/['"`]([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)*)['"`]/g)]);
  const read = new Set(quoted.map(([, name = '']) => name));
  const documented = tableRows(page('settings'), 'variable').map(([name]) => code(name));
  const missing = [...read].filter((name) => !documented.includes(name));
  expect(missing).toEqual([]);
  expect(documented.filter((name) => !read.has(name))).toEqual([
    ...['BATCH_API_URL', 'BATCH_API_KEY', 'BATCH_PROFILE', 'TRACEPARENT', 'TRACESTATE'],
  ]);
});
