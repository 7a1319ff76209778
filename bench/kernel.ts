import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import type * as Formats from '../src/formats/index.js';
import type * as Kafka from '../src/kafka/record-batch.js';
import type * as Schema from '../src/models/schema/index.js';
import { built } from './built.js';
import { NARROW_SCHEMA, writeNarrowFile } from './narrow.js';
import { QUOTED_SCHEMA, writeQuotedFile } from './quoted.js';
import { median } from './statistics.js';
import { TAXI_SCHEMA, writeTaxiFile } from './taxi.js';

/**
 * The kernel alone: from the page cache into record batches that nobody sends, as the runner drives it.
 *
 *     npm run build
 *     node --import ./test/kit/typescript-hooks.mjs bench/kernel.ts [MB] [ROUNDS] [json]
 *
 * Prints the best and the median of several rounds, inputs interleaved: the machine may be busy with other things. MB
 * per CPU-second is what the process used altogether, reading the file included. "As JSON" is value_format=json; the last
 * six are the same rows in other dialects. `json`: all rounds, for `npm run bench`.
 */

export interface KernelFigures {
  name: string;
  /** MB/s of each round. */
  wall: number[];
  /** MB per CPU-second of each round. */
  perCpu: number[];
  /** × the input. */
  written: number;
}

interface Input {
  figures: KernelFigures;
  path: string;
  schema: object;
  /** What is not as usual. */
  dialect: object;
  valueFormat: Formats.ValueFormat;
}

const formats = await built<typeof Formats>('formats/index.js');
const { BATCH_HEADER_BYTES, RecordBatch } = await built<typeof Kafka>('kafka/record-batch.js');
const { compileSchema } = await built<typeof Schema>('models/schema/index.js');

const MB = 1e6;
const [megabytes = '128', rounds = '5', form = 'table'] = process.argv.slice(2);
const bytes = Number(megabytes) * MB;
const folder = mkdtempSync(join(tmpdir(), 'batch-kernel-bench-'));
const kernel = new formats.CsvKernel();

/** The same rows as other programs might write them. */
const DIALECTS = [
  {
    name: 'blanks to trim: taxi',
    schema: TAXI_SCHEMA,
    dialect: { trim: true },
    rewrite: (text: string) => text.replaceAll(',', ' , '),
  },
  {
    name: 'a comment every 20 rows: taxi',
    schema: TAXI_SCHEMA,
    dialect: { comment: '#' },
    rewrite: (text: string) => text.replace(/(?:.*\n){20}/g, '$&# so much for these twenty\n'),
  },
  {
    name: 'escapes: quoted',
    schema: QUOTED_SCHEMA,
    dialect: { escape: '\\' },
    rewrite: (text: string) => text.replaceAll('""', '\\"'),
  },
  { name: 'lax: quoted', schema: QUOTED_SCHEMA, dialect: { quotes: 'lax' }, rewrite: (text: string) => text },
  {
    name: 'lax, a quote in the last column: taxi',
    schema: TAXI_SCHEMA,
    dialect: { quotes: 'lax' },
    rewrite: (text: string) => text.replaceAll('\n', ',="00123"\n').replace('="00123"', 'code'),
  },
  { name: 'no quotes: taxi', schema: TAXI_SCHEMA, dialect: { quotes: 'none' }, rewrite: (text: string) => text },
];

const inputs = [
  { name: 'taxi, 19 columns', schema: TAXI_SCHEMA, write: writeTaxiFile },
  { name: 'quoted, 8 columns', schema: QUOTED_SCHEMA, write: writeQuotedFile },
  { name: 'narrow, 3 columns', schema: NARROW_SCHEMA, write: writeNarrowFile },
].flatMap(({ name, schema, write }) => {
  const [clean, bad] = [false, true].map((isBad) => {
    const path = join(folder, `${name.split(',')[0]}-${isBad}.csv`);
    write(path, bytes, isBad);
    return path;
  }) as [string, string];
  return [
    inputOf(name, clean, schema),
    inputOf(`${name}, every second row bad`, bad, schema),
    inputOf(`${name}, as JSON`, clean, schema, { valueFormat: 'json' }),
  ];
});
for (const { name, schema, dialect, rewrite } of DIALECTS) {
  const path = join(folder, `${name}.csv`);
  writeFileSync(path, rewrite(readFileSync(join(folder, `${name.split(': ')[1]}-false.csv`), 'utf8')));
  inputs.push(inputOf(name, path, schema, { dialect }));
}

function inputOf(name: string, path: string, schema: object, other: Partial<Input> = {}): Input {
  const figures = { name, wall: [], perCpu: [], written: 0 };
  return { figures, path, schema, dialect: {}, valueFormat: 'raw', ...other };
}

async function measure({
  path,
  schema,
  dialect,
  valueFormat,
}: Input): Promise<{ wall: number; perCpu: number; written: number }> {
  const file = await open(path);
  const size = statSync(path).size;
  try {
    const options = {
      ...compileSchema(schema),
      valueFormat,
      dialect: { delimiter: ',', quote: '"', header: true, ...dialect },
    };
    const { buffer } = await file.read(Buffer.alloc(4_096), 0, 4_096, 0);
    const header = await formats.readCsvHeader([buffer], options);
    const reader = formats.createKernelReader({ ...options, header }, kernel);
    const consumer = new Recycler();
    const cpu = process.cpuUsage();
    const started = performance.now();
    await readThrough(file, reader, consumer);
    const seconds = (performance.now() - started) / 1000;
    const { user, system } = process.cpuUsage(cpu);
    return { wall: size / MB / seconds, perCpu: size / (user + system), written: consumer.written / size };
  } finally {
    await file.close();
  }
}

/** As StreamRowSource does it: the next chunk is read while the rows of the last are decided. */
async function readThrough(file: FileHandle, reader: Formats.RowReader, consumer: Formats.RowConsumer): Promise<void> {
  const { directInput } = reader;
  if (directInput === undefined) throw new Error('this is not the kernel');
  let at = reader.position.byte;
  let reading = file.read(directInput.space, 0, directInput.space.length, at);
  for (;;) {
    const { bytesRead } = await reading;
    if (bytesRead === 0) break;
    at += bytesRead;
    directInput.commit(bytesRead);
    reading = file.read(directInput.space, 0, directInput.space.length, at);
    while (reader.advance(consumer));
  }
  reader.end();
  while (reader.advance(consumer));
}

/** Takes batches in the kernel's memory, round and round, and forgets them. */
class Recycler implements Formats.RowConsumer {
  written = 0;
  readonly batches: Formats.RecordBatchOutput;
  readonly rejections: Formats.RejectionBatchOutput;
  #used = 0;

  constructor() {
    this.batches = this.#lane();
    const frame = formats.rejectedRowFrame('a1b2c3d4', new Date().toISOString());
    this.rejections = { ...this.#lane(), frame, written: () => undefined };
  }

  accept(): void {
    // The file's last row.
  }

  reject(): void {
    // The same.
  }

  #lane(): Formats.RecordBatchOutput {
    let batch: Kafka.RecordBatch | null = null;
    return {
      open: () => {
        batch ??= new RecordBatch(kernel.batchBuffers[this.#used++ % kernel.batchBuffers.length]);
        return batch;
      },
      close: () => {
        this.written += (batch?.size ?? 0) - BATCH_HEADER_BYTES;
        batch = null;
      },
    };
  }
}

function printTable(figures: readonly KernelFigures[]): void {
  console.log(
    `Node ${process.version}, ${cpus().length} × ${cpus()[0]?.model.trim()}, load ${loadavg()[0]?.toFixed(1)}`,
  );
  console.log(`${megabytes} MB each, ${rounds} rounds\n`);
  console.log('| input | MB/s, best | median | MB per CPU-second, best | median | written, × the input |');
  console.log('|---|---|---|---|---|---|');
  for (const { name, wall, perCpu, written } of figures) {
    const columns = [wall, perCpu].flatMap((each) => [Math.max(...each).toFixed(0), median(each).toFixed(0)]);
    console.log(`| ${name} | ${columns.join(' | ')} | ${written.toFixed(2)} |`);
  }
}

try {
  for (let round = 0; round < Number(rounds); round++) {
    for (const input of inputs) {
      const { figures } = input;
      const result = await measure(input);
      figures.wall.push(result.wall);
      figures.perCpu.push(result.perCpu);
      figures.written = result.written;
    }
  }
  const all = inputs.map(({ figures }) => figures);
  if (form === 'json') console.log(JSON.stringify(all));
  else printTable(all);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
