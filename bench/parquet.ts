import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import type * as Runner from '../src/runner/child-process-link.js';
import { built } from './built.js';
import { median } from './statistics.js';

/**
 * The runner's part of a Parquet job, from the page cache to JSON that nobody sends, against DuckDB's Parquet to JSON on
 * one thread. DuckDB comes with Python (`pip install duckdb`; PYTHON names another than python3); without it nothing is
 * measured.
 *
 *     npm run build
 *     node --import ./test/kit/typescript-hooks.mjs bench/parquet.ts [ROWS] [ROUNDS]
 */

interface Run {
  rows: number;
  seconds: number;
  cpuSeconds: number;
  peakBytes: number;
}

const [rows = '1000000', rounds = '3'] = process.argv.slice(2);
const python = process.env['PYTHON'] ?? 'python3';
const program = (name: string): string => new URL(`programs/${name}`, import.meta.url).pathname;
const DUCKDB = program('duckdb-parquet.py');
const { RUNNER_FLAGS } = await built<typeof Runner>('runner/child-process-link.js');

function run(command: string, args: readonly string[]): Run {
  return JSON.parse(execFileSync(command, args, { encoding: 'utf8' })) as Run;
}

function describe(name: string, runs: readonly Run[]): string {
  const perCpu = median(runs.map((each) => each.rows / each.cpuSeconds / 1000));
  const wall = median(runs.map((each) => each.rows / each.seconds / 1000));
  const memory = Math.max(...runs.map((each) => each.peakBytes)) / 1e6;
  return `| ${name} | ${perCpu.toFixed(0)} | ${wall.toFixed(0)} | ${memory.toFixed(0)} |`;
}

function measure(folder: string): void {
  const path = join(folder, 'rows.parquet');
  execFileSync(python, [DUCKDB, 'make', path, rows]);
  const ours: Run[] = [];
  const theirs: Run[] = [];
  for (let round = 0; round < Number(rounds); round++) {
    ours.push(run(process.execPath, [...RUNNER_FLAGS, program('read-parquet.mjs'), path]));
    theirs.push(run(python, [DUCKDB, 'json', path, join(folder, 'rows.json')]));
  }
  if ([...ours, ...theirs].some((each) => each.rows !== Number(rows))) throw new Error('rows are missing');
  const machine = `${cpus().length} × ${cpus()[0]?.model.trim()}, load ${loadavg()[0]?.toFixed(1)}`;
  console.log(`Node ${process.version}, ${machine}`);
  console.log(`${rows} rows of 19 columns, ${(statSync(path).size / 1e6).toFixed(0)} MB, median of ${rounds} rounds\n`);
  console.log('| Parquet to JSON, one thread | 1000 rows per CPU-second | 1000 rows/s | peak memory, MB |');
  console.log('|---|---|---|---|');
  console.log(describe('Batch', ours));
  console.log(describe('DuckDB', theirs));
}

if (spawnSync(python, ['-c', 'import duckdb']).status !== 0) {
  console.log(`skipped: ${python} has no DuckDB (pip install duckdb)`);
} else {
  const folder = mkdtempSync(join(tmpdir(), 'batch-parquet-bench-'));
  try {
    measure(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
