import { open } from 'node:fs/promises';

/**
 * Reads a Parquet file (its path is the argument) as the runner does, and prints rows, seconds, CPU and memory as JSON.
 * No TypeScript, because what takes its types away would be in the memory that is measured.
 */

const built = (path) => import(new URL(`../../dist/${path}`, import.meta.url).href);
const { openParquet } = await built('formats/index.js');
const { compileSchema } = await built('models/schema/index.js');
/** Half of what a runner has unless it is configured otherwise. */
const DECODER_BYTES = 256 * 1024 ** 2;

const target = Buffer.alloc(1_048_576);
let rows = 0;
const sink = {
  accept(bytes, start, end) {
    rows += 1;
    target.set(bytes.subarray(start, end));
  },
  reject() {
    throw new Error('the file has a bad row');
  },
};
const file = await open(process.argv[2]);
const { size } = await file.stat();
const cpu = process.cpuUsage();
const started = performance.now();
const model = compileSchema({ type: 'object' });
const reader = await openParquet({ file, size, ...model, maxBytes: DECODER_BYTES });
while (await reader.advance(sink));
const seconds = (performance.now() - started) / 1000;
const { user, system } = process.cpuUsage(cpu);
await file.close();
const peakBytes = process.resourceUsage().maxRSS * 1024;
console.log(JSON.stringify({ rows, seconds, cpuSeconds: (user + system) / 1e6, peakBytes }));
