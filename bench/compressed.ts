import { createReadStream, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { createGunzip, createZstdDecompress, gzipSync, zstdCompressSync } from 'node:zlib';
import type * as Formats from '../src/formats/index.js';
import type * as Options from '../src/ingest/index.js';
import type * as Schema from '../src/models/schema/index.js';
import type * as Feeds from '../src/reading/row-source.js';
import { built } from './built.js';
import { median } from './statistics.js';
import { TAXI_SCHEMA, writeTaxiFile } from './taxi.js';

/**
 * Compressed files alone: from the page cache through decompression and the kernel, rows going nowhere, against Node's
 * decoder doing nothing else.
 *
 *     npm run build
 *     node --import ./test/kit/typescript-hooks.mjs bench/compressed.ts [MB] [ROUNDS]
 *
 * MB are of CSV. Rounds are interleaved; the best and the median are shown, and the CPU of all threads.
 */

const { CsvKernel } = await built<typeof Formats>('formats/index.js');
const { openRowSource } = await built<typeof Feeds>('reading/row-source.js');
const { DEFAULT_OPTIONS } = await built<typeof Options>('ingest/index.js');
const { compileSchema } = await built<typeof Schema>('models/schema/index.js');

const MB = 1e6;
const [megabytes = '128', rounds = '5'] = process.argv.slice(2);
const folder = mkdtempSync(join(tmpdir(), 'batch-compressed-bench-'));
const plain = join(folder, 'taxi.csv');
const kernel = new CsvKernel();

interface Contender {
  name: string;
  run(): Promise<void>;
  /** MB/s and CPU-seconds per GB of each round. */
  speed: number[];
  cpu: number[];
}

try {
  writeTaxiFile(plain, Number(megabytes) * MB);
  const size = statSync(plain).size;
  const contenders = ['none', 'gzip', 'zstd'].flatMap((compression) => contendersFor(compression as Compression));
  for (let round = 0; round < Number(rounds); round++) {
    for (const contender of contenders) await measure(contender, size);
  }
  const load = loadavg()[0]?.toFixed(1);
  console.log(`${megabytes} MB of CSV, ${rounds} rounds, ${cpus().length} cores, load ${load}\n`);
  for (const { name, speed, cpu } of contenders) {
    const figures = `best ${Math.max(...speed).toFixed(0)}, median ${median(speed).toFixed(0)} MB/s of CSV`;
    console.log(`${name.padEnd(28)} ${figures}; ${median(cpu).toFixed(2)} CPU-s per GB`);
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}

type Compression = 'none' | 'gzip' | 'zstd';

function contendersFor(fileCompression: Compression): Contender[] {
  const path = fileCompression === 'none' ? plain : join(folder, `taxi.${fileCompression}`);
  if (fileCompression === 'gzip') writeFileSync(path, gzipSync(readFileSync(plain)));
  if (fileCompression === 'zstd') writeFileSync(path, zstdCompressSync(readFileSync(plain)));
  const validated = {
    name: `${fileCompression}, validated`,
    run: () => validate(path, fileCompression),
    speed: [],
    cpu: [],
  };
  if (fileCompression === 'none') return [validated];
  return [
    validated,
    { name: `${fileCompression}, decoder alone`, run: () => decode(path, fileCompression), speed: [], cpu: [] },
  ];
}

async function measure({ run, speed, cpu }: Contender, bytes: number): Promise<void> {
  const startedAt = performance.now();
  const before = process.cpuUsage();
  await run();
  const { user, system } = process.cpuUsage(before);
  speed.push(bytes / MB / ((performance.now() - startedAt) / 1000));
  cpu.push((user + system) / 1e6 / (bytes / 1e9));
}

async function validate(path: string, fileCompression: Compression): Promise<void> {
  const file = await open(path);
  const sizeBytes = (await file.stat()).size;
  const feed = await openRowSource(
    file,
    {
      ...compileSchema(TAXI_SCHEMA),
      ...{ format: 'csv', sizeBytes, sourceEncoding: { fileCompression, encoding: 'utf-8' } },
      dialect: { delimiter: ',', quote: '"', header: true },
      options: DEFAULT_OPTIONS,
    },
    null,
    kernel,
    { decompression: { maxBytes: Number.MAX_SAFE_INTEGER, maxRatio: 1e9 }, decoderBytes: 0 },
  );
  let rows = 0;
  const consumer = {
    accept: () => {
      rows += 1;
    },
    reject: () => {
      throw new Error('a row was rejected');
    },
  };
  while (await feed.advance(consumer));
  feed.close?.();
  await file.close();
  if (rows === 0) throw new Error('no row was read');
}

async function decode(path: string, fileCompression: 'gzip' | 'zstd'): Promise<void> {
  const chunkSize = 256 * 1024;
  const decoder = fileCompression === 'gzip' ? createGunzip({ chunkSize }) : createZstdDecompress({ chunkSize });
  for await (const _chunk of createReadStream(path, { highWaterMark: 128 * 1024 }).pipe(decoder));
}
