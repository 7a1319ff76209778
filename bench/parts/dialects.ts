import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type * as Decoding from '../../src/decoding/index.js';
import type * as Formats from '../../src/formats/index.js';
import {
  DIALECT_CASES,
  type Found,
  readCase,
  SCORED,
  type Sniffer,
  scoreDialects,
  sniffBytes,
} from '../../test/kit/dialect-score.js';
import { makeOrders } from '../../test/kit/orders.js';
import type { Bench } from '../bench.js';
import { built } from '../built.js';
import { atLeast, atMost, type Row } from '../report.js';
import { median, quantile } from '../statistics.js';

const FOLDER = fileURLToPath(new URL('../../test/fixtures/dialects/', import.meta.url));
const DUCKDB = fileURLToPath(new URL('../programs/duckdb-sniff.py', import.meta.url));
const PYTHON = process.env['PYTHON'] ?? 'python3';
/** All right, of the files. */
const AIM_PERCENT = 95;
const AIM_MS = 50;
const REPEATS = 50;
const SAMPLE_ROWS = 3_000;
const TOLD_BY_DUCKDB = SCORED.filter((name) => name !== 'rows' && name !== 'quotes');

/** How many dialects the sniffer gets right, and how long it takes. Needs no broker. */
export async function measureDialects({ report }: Bench): Promise<void> {
  const sniffer: Sniffer = {
    decoding: await built<typeof Decoding>('decoding/index.js'),
    formats: await built<typeof Formats>('formats/index.js'),
  };
  const ours = scoreDialects((each) => sniffBytes(sniffer, readCase(each), true));
  const duckdb = duckdbFindings();
  const theirs = duckdb === null ? null : scoreDialects((each) => duckdb[each.file] ?? null, TOLD_BY_DUCKDB);
  const percent = (100 * ours.right.all) / ours.cases;
  const rows: Row[] = [...SCORED, 'all' as const].map((name) => ({
    what: name === 'all' ? 'everything' : name.replace('_', ' '),
    figure: `${ours.right[name]} of ${ours.cases}`,
    ...(theirs === null || name === 'rows' || name === 'quotes' ? {} : { ratio: `DuckDB: ${theirs.right[name]}` }),
    ...(name === 'all' ? { aim: atLeast(percent, AIM_PERCENT, '% of the files') } : {}),
  }));
  report.table('Dialects found, files of test/fixtures/dialects', rows);
  const head = makeOrders(SAMPLE_ROWS).csv;
  const times = Array.from({ length: REPEATS }, () => {
    const started = performance.now();
    sniffBytes(sniffer, head, false);
    return performance.now() - started;
  });
  report.table(`Finding the dialect of a large file, ${REPEATS} times`, [
    {
      what: 'the first 64 KiB of orders, the first time and p95',
      figure: `${(times[0] ?? 0).toFixed(1)} and ${quantile(times, 0.95).toFixed(1)} ms`,
    },
    { what: 'the same, p50', figure: `${median(times).toFixed(1)} ms`, aim: atMost(median(times), AIM_MS, 'ms') },
  ]);
}

/** What DuckDB finds, by file; null if Python has no DuckDB (pip install duckdb). */
function duckdbFindings(): Record<string, Found | null> | null {
  const { status, stdout } = spawnSync(PYTHON, [DUCKDB, FOLDER], { encoding: 'utf8', maxBuffer: 16 * 1024 ** 2 });
  if (status !== 0) return null;
  const found = JSON.parse(stdout) as Record<string, Found | null>;
  return Object.keys(found).length === DIALECT_CASES.length ? found : null;
}
