import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { fixture } from '../formats/parquet/read-file.js';
import { peakGrowth } from '../kit/peak-memory.js';

const MAX_BYTES = 96 * 1024 ** 2;
const DEADLINE_MS = 60_000;
const WORKER = new URL('../kit/parquet-worker.mjs', import.meta.url);
const FUZZED = 60;

const folder = mkdtempSync(join(tmpdir(), 'batch-hostile-'));

afterAll(() => rmSync(folder, { recursive: true }));

interface Ending {
  rows?: number;
  code?: string;
  message?: string;
}

/** How the reader ends with a file; rejects where it hangs, or fails in a way that is none of the contract's. */
async function read(path: string): Promise<Ending> {
  const worker = new Worker(WORKER, { workerData: { path, maxBytes: MAX_BYTES } });
  const timer = setTimeout(() => void worker.terminate(), DEADLINE_MS);
  try {
    return await new Promise<Ending>((resolve, reject) => {
      worker.once('message', resolve);
      worker.once('error', reject);
      worker.once('exit', () => reject(new Error('the reader hung')));
    });
  } finally {
    clearTimeout(timer);
    await worker.terminate();
  }
}

/** Numbers from 0 to below 1, the same in every run (Numerical Recipes' quick generator). */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

describe('a hostile Parquet file', () => {
  it('that is small and has one huge value is refused in bounded memory', async () => {
    const ending = await read(fixture('bomb-value.parquet'));
    expect(ending.code ?? ending).toMatch(/^FILE_(TOO_COMPLEX|CORRUPT)$/);
  });

  it('that repeats a large value thousands of times is refused in bounded memory', async () => {
    expect(await read(fixture('bomb-dictionary.parquet'))).toMatchObject({ code: 'FILE_TOO_COMPLEX' });
  });

  it('that the decoder gives up without a word is not called damaged, nor too large', async () => {
    const { code, message } = await read(fixture('wide-steps.parquet'));
    expect(code).toBe('FILE_CORRUPT');
    expect(message).toMatch(/^the Parquet file cannot be unpacked: .* not supported \(row group 1\)$/);
  });

  it('is called damaged where its pages show that, by their checksums', async () => {
    const bytes = readFileSync(fixture('checksums.parquet'));
    const path = join(folder, 'checksums.parquet');
    // Behind the magic number of the first page that zstd has packed.
    bytes.set([0xaa, 0x55], bytes.indexOf(Buffer.from([0x28, 0xb5, 0x2f, 0xfd])) + 6);
    writeFileSync(path, bytes);
    expect(await read(path)).toMatchObject({
      code: 'FILE_CORRUPT',
      message: expect.stringMatching(/is damaged: .* another checksum .* \(row group 1\)$/),
    });
  });

  it.each(['codec-snappy', 'codec-zstd', 'pages-v2', 'nested', 'numbers', 'decimals'])(
    'made from %s by flipping bits ends with rows or an error of the contract, in bounded memory',
    async (name) => {
      const whole = readFileSync(fixture(`${name}.parquet`));
      const random = randomFrom(name.length);
      const path = join(folder, `${name}.parquet`);
      const endings: Ending[] = [];
      const growth = await peakGrowth(async () => {
        for (let i = 0; i < FUZZED / 6; i++) {
          const bytes = Buffer.from(whole);
          for (let flips = 1 + Math.floor(random() * 6); flips > 0; flips--) {
            const at = Math.floor(random() * bytes.length);
            bytes[at] = (bytes[at] as number) ^ (1 << Math.floor(random() * 8));
          }
          writeFileSync(path, bytes);
          endings.push(await read(path));
        }
      });
      expect(growth).toBeLessThan(4 * MAX_BYTES);
      const codes = new Set(endings.flatMap(({ code }) => (code === undefined ? [] : [code])));
      for (const code of codes) expect(['FILE_CORRUPT', 'FILE_TOO_COMPLEX', 'HEADER_MISMATCH']).toContain(code);
    },
  );
});
