import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { compressBatch, registerCodecs } from '../../src/kafka/compression.js';
import { MAX_BATCH_BYTES, RecordBatch } from '../../src/kafka/record-batch.js';
import { decodeBatch } from './decode-batch.js';

const stamp = { producerId: 7n, producerEpoch: 3, baseSequence: 41, timestamp: 1_700_000_000_000, transactional: true };
const CODEC_BITS = 0x07;

function batchOf(values: readonly Uint8Array[]): RecordBatch {
  const batch = new RecordBatch();
  for (const value of values) expect(batch.append(value, 0, value.length)).toBe(true);
  return batch;
}

beforeAll(() => registerCodecs());

describe.each([
  ['gzip', 1],
  ['zstd', 4],
] as const)('a batch that is compressed by %s', (compression, bits) => {
  it("is read back by kafkajs' own decoder, whatever its values", async () => {
    const values = fc.array(fc.uint8Array({ maxLength: 300 }), { minLength: 1, maxLength: 200 });
    await fc.assert(
      fc.asyncProperty(values, fc.nat({ max: 20 }), async (some, repeats) => {
        const all = Array.from({ length: repeats + 1 }, () => some).flat();
        const sealed = (await compressBatch(batchOf(all), compression)).seal(stamp);
        const batch = await decodeBatch(sealed);
        expect(batch.records.map(({ value }) => [...value])).toEqual(all.map((value) => [...value]));
        expect(batch).toMatchObject({ lastOffsetDelta: all.length - 1, producerId: '7', producerEpoch: 3 });
        expect(batch).toMatchObject({ firstSequence: 41, inTransaction: true, maxTimestamp: '1700000000000' });
      }),
      { numRuns: 40 },
    );
  });

  it('is smaller, says its codec, and leaves the batch it was made of alone', async () => {
    const batch = batchOf(
      Array.from({ length: 9_000 }, (_, index) => Buffer.from(`${index},a row like any other,true`)),
    );
    const before = Buffer.from(batch.buffer.subarray(0, batch.size));
    const sealed = (await compressBatch(batch, compression)).seal(stamp);
    expect(sealed.length).toBeLessThan(batch.size / 2);
    expect(sealed.readInt16BE(21)).toBe(0x10 | bits);
    expect(sealed.readInt32BE(8)).toBe(sealed.length - 12);
    expect(before.equals(batch.buffer.subarray(0, batch.size))).toBe(true);
  });

  it('is the batch itself where that makes it no smaller', async () => {
    const batch = batchOf([randomBytes(900_000)]);
    const same = await compressBatch(batch, compression);
    expect(same).toBe(batch);
    expect(same.seal(stamp).readInt16BE(21) & CODEC_BITS).toBe(0);
  });
});

describe('a batch of another writer', () => {
  it.each(['gzip', 'zstd'] as const)('takes no more memory than one of ours (%s)', async (compression) => {
    const records = Buffer.alloc(8 * MAX_BATCH_BYTES);
    const bomb = new RecordBatch(Buffer.allocUnsafe(records.length + 100));
    bomb.append(records, 0, records.length);
    const sealed = (await compressBatch(bomb, compression)).seal(stamp);
    await expect(decodeBatch(sealed)).rejects.toThrow(/larger than/i);
  });
});
