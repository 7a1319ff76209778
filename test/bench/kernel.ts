import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import type * as Formats from '../../src/formats/index.js';
import type * as Kafka from '../../src/kafka/record-batch.js';
import type * as Schema from '../../src/models/schema/index.js';
import { NARROW_SCHEMA, writeNarrowFile } from './narrow.js';
import { QUOTED_SCHEMA, writeQuotedFile } from './quoted.js';
import { TAXI_SCHEMA, writeTaxiFile } from './taxi.js';

/**
 * The kernel alone: from the page cache into record batches that nobody sends, as the runner drives it.
 *
 *     npm run build
 *     node --import ./test/kit/typescript-hooks.mjs test/bench/kernel.ts [MB] [ROUNDS]
 *
 * Of several rounds, inputs interleaved, the best counts: the machine may be busy with other things meanwhile. MB per
 * CPU-second is what the process used altogether, reading the file included.
 */

// The build, because Node runs no TypeScript that is more than types.
const built = (path: string): Promise<unknown> => import(new URL(`../../dist/${path}`, import.meta.url).href);
const formats = (await built('formats/index.js')) as typeof Formats;
const { BATCH_HEADER_BYTES, RecordBatch } = (await built('kafka/record-batch.js')) as typeof Kafka;
const { compileSchema } = (await built('models/schema/index.js')) as typeof Schema;

const MB = 1e6;
const [megabytes = '128', rounds = '5'] = process.argv.slice(2);
const bytes = Number(megabytes) * MB;
const folder = mkdtempSync(join(tmpdir(), 'batch-kernel-bench-'));
const kernel = new formats.CsvKernel();

const inputs = [
  { name: 'taxi, 19 columns', schema: TAXI_SCHEMA, write: writeTaxiFile },
  { name: 'quoted, 8 columns', schema: QUOTED_SCHEMA, write: writeQuotedFile },
  { name: 'narrow, 3 columns', schema: NARROW_SCHEMA, write: writeNarrowFile },
].flatMap(({ name, schema, write }) =>
  [false, true].map((isBad) => {
    const path = join(folder, `${name.split(',')[0]}-${isBad}.csv`);
    write(path, bytes, isBad);
    return { name: isBad ? `${name}, every second row bad` : name, path, schema, wall: 0, perCpu: 0, written: 0 };
  }),
);

async function measure(path: string, schema: object): Promise<{ wall: number; perCpu: number; written: number }> {
  const file = await open(path);
  const size = statSync(path).size;
  try {
    const options = { ...compileSchema(schema), dialect: { delimiter: ',', quote: '"', header: true } };
    const { buffer } = await file.read(Buffer.alloc(4_096), 0, 4_096, 0);
    const header = await formats.readCsvHeader([buffer], options);
    const reader = formats.createKernelReader({ ...options, header }, kernel);
    const sink = new Recycler();
    const cpu = process.cpuUsage();
    const started = performance.now();
    await readThrough(file, reader, sink);
    const seconds = (performance.now() - started) / 1000;
    const { user, system } = process.cpuUsage(cpu);
    return { wall: size / MB / seconds, perCpu: size / (user + system), written: sink.written / size };
  } finally {
    await file.close();
  }
}

/** As FileRows does it: the next chunk is read while the rows of the last are decided. */
async function readThrough(file: FileHandle, reader: Formats.RowReader, sink: Formats.RowSink): Promise<void> {
  const { inlet } = reader;
  if (inlet === undefined) throw new Error('this is not the kernel');
  let at = reader.position.byte;
  let reading = file.read(inlet.space, 0, inlet.space.length, at);
  for (;;) {
    const { bytesRead } = await reading;
    if (bytesRead === 0) break;
    at += bytesRead;
    inlet.filled(bytesRead);
    reading = file.read(inlet.space, 0, inlet.space.length, at);
    while (reader.advance(sink));
  }
  reader.end();
  while (reader.advance(sink));
}

/** Takes batches in the kernel's memory, round and round, and forgets them. */
class Recycler implements Formats.RowSink {
  written = 0;
  readonly batches: Formats.BatchSupply;
  readonly rejections: Formats.RejectionSupply;
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

  #lane(): Formats.BatchSupply {
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

try {
  console.log(
    `Node ${process.version}, ${cpus().length} × ${cpus()[0]?.model.trim()}, load ${loadavg()[0]?.toFixed(1)}`,
  );
  console.log(`${megabytes} MB each, the best of ${rounds} rounds\n`);
  for (let round = 0; round < Number(rounds); round++) {
    for (const input of inputs) {
      const result = await measure(input.path, input.schema);
      input.wall = Math.max(input.wall, result.wall);
      input.perCpu = Math.max(input.perCpu, result.perCpu);
      input.written = result.written;
    }
  }
  console.log('| input | MB/s | MB per CPU-second | written, × the input |');
  console.log('|---|---|---|---|');
  for (const { name, wall, perCpu, written } of inputs) {
    console.log(`| ${name} | ${wall.toFixed(0)} | ${perCpu.toFixed(0)} | ${written.toFixed(2)} |`);
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
