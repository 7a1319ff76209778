import fc from 'fast-check';
import { ServiceError } from '../../src/errors/index.js';
import type { InferenceResult } from '../../src/inference/inference-result.js';
import type { InferenceTask } from '../../src/inference/ipc.js';
import { damagedBy, damages } from '../formats/damage.js';
import { readFixtures } from '../formats/fixtures.js';
import { peakGrowth } from '../kit/peak-memory.js';
import { infer, rejectedJson, rejectedWith } from './support.js';

const SEED = 20_261_121;
/** Limit of the memory that the process takes in addition, in bytes, most of it garbage. */
const MAX_GROWTH = 256 * 1024 ** 2;

type Rejected = (content: Buffer, inferred: InferenceResult) => Promise<number>;

/** The proposal for a damaged file rejects no rows but the broken ones, which it has counted; or there is none. */
async function check(content: Buffer, options: Partial<InferenceTask>, rejected: Rejected): Promise<void> {
  let inferred: InferenceResult;
  try {
    inferred = await infer(content, options);
  } catch (error) {
    expect(error).toBeInstanceOf(ServiceError);
    expect((error as ServiceError).code).toBe('HEADER_MISMATCH');
    return;
  }
  expect(await rejected(content, inferred)).toBe(inferred.rows_rejected);
}

describe('a proposal for a file that is damaged at random', () => {
  it.each<[string, InferenceTask['format'], RegExp, Rejected]>([
    ['CSV', 'csv', /\.csv$/, async (content, inferred) => (await rejectedWith(content, inferred)).length],
    ['JSON', 'json', /\.json$/, async (content, inferred) => rejectedJson(content, inferred).length],
    ['NDJSON', 'ndjson', /\.ndjson$/, async (content, inferred) => rejectedJson(content, inferred).length],
  ])(
    'of %s rejects the rows that it has counted, and no others, in bounded memory',
    async (_what, format, name, rejected) => {
      const folder = format === 'csv' ? 'csv' : 'json';
      const originals = readFixtures(`test/fixtures/${folder}`).filter((each) => name.test(each.name));
      expect(originals).not.toHaveLength(0);
      const property = fc.asyncProperty(fc.nat(originals.length - 1), damages, async (which, changes) => {
        await check(damagedBy((originals[which] as (typeof originals)[number]).file, changes), { format }, rejected);
      });
      const growth = await peakGrowth(() => fc.assert(property, { numRuns: 150, seed: SEED }));
      expect(growth).toBeLessThan(MAX_GROWTH);
    },
  );
});
