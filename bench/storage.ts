import { randomBytes } from 'node:crypto';
import { loadavg } from 'node:os';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { GetObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { openFile } from '../src/storage/index.js';
import { S3FileStore } from '../src/storage/s3/s3-file-store.js';
import { startS3 } from '../test/kit/s3.js';
import { median } from './statistics.js';

/**
 * Files in S3, against the AWS SDK alone, which sends and reads as many objects of the same size at a time. The server,
 * versitygw, is on the same machine.
 *
 *     node --experimental-transform-types --import ./test/kit/typescript-hooks.mjs bench/storage.ts [MiB] [ROUNDS]
 *
 * Medians of interleaved rounds; the ratio is the median of those within a round. At the end, memory of this process while
 * 32 files come in.
 */

const MiB = 1024 ** 2;
const PART_BYTES = 8 * MiB;
const AT_ONCE = 4;
const FILES = 32;
const JOB = 'aaaaaaaa';

const [size = '256', rounds = '7'] = process.argv.slice(2);
const bytes = Math.ceil((Number(size) * MiB) / PART_BYTES) * PART_BYTES;
const part = randomBytes(PART_BYTES);
const server = await startS3();
Object.assign(process.env, server.env);
const { bucket, endpoint } = server;
const store = new S3FileStore({
  settings: { bucket, prefix: '', endpoint, region: 'us-east-1', isPathStyle: true },
  installationId: 'bench',
  bufferBytes: FILES * PART_BYTES,
  maxUploads: FILES,
});
const sdk = server.client();

/** As they come from a socket. */
function* chunks(length: number): Generator<Buffer> {
  const chunk = 64 * 1024;
  for (let at = 0; at < length; at += chunk) yield part.subarray(at % PART_BYTES, (at % PART_BYTES) + chunk);
}

async function upload(jobId: string, length: number): Promise<void> {
  const file = store.create(jobId);
  await pipeline(Readable.from(chunks(length)), file.body);
  await file.commit(jobId);
}

async function read(): Promise<void> {
  const file = await openFile(store.location(JOB));
  const buffer = Buffer.alloc(MiB);
  for (let at = 0; at < bytes; ) at += (await file.read(buffer, 0, buffer.length, at)).bytesRead;
  await file.close();
}

async function ofEachPart(work: (key: string) => Promise<unknown>): Promise<void> {
  let next = 0;
  const lane = async (): Promise<void> => {
    while (next < bytes / PART_BYTES) await work(`alone/${next++}`);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, lane));
}

const uploadAlone = (): Promise<void> =>
  ofEachPart((key) => sdk.send(new PutObjectCommand({ Bucket: bucket, Key: key, Body: Buffer.from(part) })));

const readAlone = (): Promise<void> =>
  ofEachPart(async (key) => {
    const { Body } = await sdk.send(new GetObjectCommand({ Bucket: bucket, Key: key }));
    for await (const chunk of Body as Readable) void (chunk as Buffer).length;
  });

async function speedOf(work: () => Promise<void>): Promise<number> {
  const started = performance.now();
  await work();
  return bytes / 1e3 / (performance.now() - started);
}

await store.open();
const load = loadavg().map((value) => value.toFixed(1));
const pairs = { upload: [] as [number, number][], read: [] as [number, number][] };
for (let round = 0; round < Number(rounds); round++) {
  pairs.upload.push([await speedOf(uploadAlone), await speedOf(() => upload(JOB, bytes))]);
  pairs.read.push([await speedOf(readAlone), await speedOf(read)]);
  await store.remove(JOB);
}
for (const [name, measured] of Object.entries(pairs)) {
  const [alone, ours] = [0, 1].map((side) => median(measured.map((pair) => pair[side] as number)).toFixed(0));
  const ratio = median(measured.map(([other, own]) => own / other)).toFixed(2);
  console.log(`${name}: ${ours} MB/s, the SDK alone ${alone} MB/s, ${ratio} ×`);
}

let peak = 0;
const before = process.memoryUsage().rss;
const watch = setInterval(() => {
  peak = Math.max(peak, process.memoryUsage().rss);
}, 20);
await Promise.all(Array.from({ length: FILES }, (_, index) => upload(`aaaaaa${10 + index}`, 64 * MiB)));
clearInterval(watch);
console.log(`${FILES} files at a time: ${Math.round(before / MiB)} MiB before, at most ${Math.round(peak / MiB)} MiB`);
console.log(`load average at the start ${load.join(' ')}`);

await store.close();
sdk.destroy();
await server.stop();
process.exit();
