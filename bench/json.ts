import { loadavg } from 'node:os';
import type * as Formats from '../src/formats/index.js';
import type * as Schema from '../src/models/schema/index.js';

/**
 * The readers of JSON alone, in memory, against what finds lines and parses them and checks nothing.
 *
 *     npm run build
 *     node --import ./test/kit/typescript-hooks.mjs bench/json.ts [ROWS] [ROUNDS]
 *
 * Prints the median and the best of several interleaved rounds.
 */

// The build, because Node runs no TypeScript that is more than types.
const built = (path: string): Promise<unknown> => import(new URL(`../dist/${path}`, import.meta.url).href);
const { createJsonArrayReader, createNdjsonReader } = (await built('formats/index.js')) as typeof Formats;
const { compileSchema } = (await built('models/schema/index.js')) as typeof Schema;

const CHUNK_BYTES = 256 * 1024;
const LF = 0x0a;
const MB = 1e6;
const [rowCount = '300000', rounds = '5'] = process.argv.slice(2);

const SCHEMA = {
  order_id: 'UInt32',
  customer: 'String',
  ordered_at: 'DateTime',
  amount: 'Nullable(Float64)',
  quantity: 'Int32',
  country: 'String',
  paid: 'Bool',
  id: 'UUID',
};

const rows = Array.from({ length: Number(rowCount) }, (_, index) =>
  JSON.stringify({
    order_id: index,
    customer: `customer number ${index % 1000}`,
    ordered_at: new Date(1.7e12 + index * 1000).toISOString(),
    amount: index % 7 === 0 ? null : Math.round(index * 7.77) / 100,
    quantity: index % 100,
    country: 'DE',
    paid: index % 2 === 0,
    id: '3f2504e0-4f89-41d3-9a0c-0305e82c3301',
  }),
);
const lines = Buffer.from(`${rows.join('\n')}\n`);
const array = Buffer.from(`[\n${rows.join(',\n')}\n]\n`);

function parseLines(): number {
  let parsed = 0;
  for (let at = 0; at < lines.length; ) {
    const end = lines.indexOf(LF, at);
    JSON.parse(lines.toString('utf8', at, end));
    parsed += 1;
    at = end + 1;
  }
  return parsed;
}

function read(
  create: typeof createNdjsonReader,
  file: Buffer,
  schema: object,
  valueFormat: 'raw' | 'json' = 'raw',
): number {
  const reader = create({ ...compileSchema(schema), valueFormat });
  const consumer = {
    accepted: 0,
    accept(): void {
      this.accepted += 1;
    },
    reject({ errors }: Formats.Rejection): void {
      throw new Error(errors[0]?.message);
    },
  };
  for (let at = 0; at < file.length; at += CHUNK_BYTES) {
    reader.push(file.subarray(at, at + CHUNK_BYTES));
    while (reader.advance(consumer));
  }
  reader.end();
  while (reader.advance(consumer));
  return consumer.accepted;
}

const inputs = [
  { name: 'indexOf + JSON.parse alone', file: lines, run: parseLines },
  { name: 'NDJSON, 8 typed columns', file: lines, run: () => read(createNdjsonReader, lines, SCHEMA) },
  { name: 'NDJSON, any columns', file: lines, run: () => read(createNdjsonReader, lines, { type: 'object' }) },
  { name: 'NDJSON, typed, value_format=json', file: lines, run: () => read(createNdjsonReader, lines, SCHEMA, 'json') },
  { name: 'JSON array, 8 typed columns', file: array, run: () => read(createJsonArrayReader, array, SCHEMA) },
].map((input) => ({ ...input, speeds: [] as number[] }));

for (let round = 0; round < Number(rounds); round++) {
  for (const { name, file, run, speeds } of inputs) {
    const started = performance.now();
    if (run() !== rows.length) throw new Error(`${name}: rows are missing`);
    speeds.push(file.length / MB / ((performance.now() - started) / 1000));
  }
}

process.stdout.write(`${rows.length} rows of ${Math.round(lines.length / rows.length)} bytes; load ${loadavg()[0]}\n`);
for (const { name, speeds } of inputs) {
  const sorted = speeds.toSorted((a, b) => a - b);
  const median = sorted[Math.floor(sorted.length / 2)] as number;
  process.stdout.write(`${name}: ${median.toFixed(0)} MB/s, at best ${(sorted.at(-1) as number).toFixed(0)}\n`);
}
