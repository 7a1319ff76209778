import { createRequire } from 'node:module';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { UnexpectedAnswer } from '../../src/kafka/kafka-failure.js';
import { BATCH_HEADER_BYTES, RecordBatch, sealBatch } from '../../src/kafka/record-batch.js';
import { type RecordValues, readValues } from '../../src/kafka/record-values.js';
import { type LoggedRecord, TransactionLog } from './transaction-log.js';

const require = createRequire(import.meta.url);
const { RecordBatch: encodeBatch } = require('kafkajs/src/protocol/recordBatch/v0') as {
  RecordBatch(batch: object): Promise<{ buffer: Buffer }>;
};
const encodeRecord = require('kafkajs/src/protocol/recordBatch/record/v0') as (record: object) => object;

const stamp = { producerId: 7n, producerEpoch: 0, baseSequence: 0, timestamp: 1_700_000_000_000, transactional: true };
const NOTHING_ABORTED = { aborted: [] };

function listed(values: RecordValues[]): LoggedRecord[] {
  return values.flatMap(({ bytes, count, offsets, starts, ends }) =>
    Array.from({ length: count }, (_, i) => ({
      offset: offsets[i]!,
      value: bytes.toString('utf8', starts[i], ends[i]),
    })),
  );
}

/** Everything from an offset on, by as many fetches as it takes. */
async function readAll(log: TransactionLog, from: number, fetched: { batches: number; cut: number }) {
  const found: LoggedRecord[] = [];
  for (let next = from; next < log.end; ) {
    const read = await readValues(log.fetch(next, fetched), next);
    if (read === null) throw new Error('a fetch gave nothing');
    expect(read.next).toBeGreaterThan(next);
    found.push(...listed(read.values));
    next = read.next;
  }
  return found;
}

/** A batch of one record as it lies in the log, with something changed before its checksum is written. */
function sealed(change: (batch: Buffer) => void = () => undefined, codec = 0, records?: Buffer): Buffer {
  const batch = new RecordBatch();
  batch.append(Buffer.from('{"id":1}'), 0, 8);
  const bytes = Buffer.from(batch.buffer.subarray(0, batch.size));
  change(bytes);
  const whole = records === undefined ? bytes : Buffer.concat([bytes.subarray(0, BATCH_HEADER_BYTES), records]);
  return sealBatch(whole, 1, codec, stamp);
}

describe('the values of a fetch', () => {
  const step = fc.record({
    producer: fc.integer({ min: 1, max: 3 }),
    action: fc.oneof({ weight: 3, arbitrary: fc.constant('append' as const) }, fc.constantFrom('commit', 'abort')),
    values: fc.array(fc.string({ unit: 'binary', maxLength: 80 }), { minLength: 1, maxLength: 5 }),
    compression: fc.constantFrom('none' as const, 'gzip' as const, 'zstd' as const),
  });

  it('are those of committed transactions, wherever fetches begin, end and are cut off', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { minLength: 1, maxLength: 30 }),
        fc.nat({ max: 200 }),
        fc.record({ batches: fc.integer({ min: 1, max: 6 }), cut: fc.nat({ max: 80 }) }),
        async (steps, begin, fetched) => {
          const log = new TransactionLog();
          for (const { producer, action, values, compression } of steps) {
            // A repetitive value, so that packing makes the batch smaller.
            if (action === 'append') await log.append(producer, [...values, 'a'.repeat(200)], compression);
            else log.finish(producer, action === 'commit');
          }
          // A broker shows nothing behind the first open transaction.
          for (const producer of [1, 2, 3]) log.finish(producer, true);
          const from = begin % log.end;
          const expected = log.committed.filter(({ offset }) => offset >= from).sort((a, b) => a.offset - b.offset);
          expect(await readAll(log, from, fetched)).toEqual(expected);
        },
      ),
      { numRuns: 150 },
    );
  });

  it('leave out what one producer has aborted between the committed records of another', async () => {
    const log = new TransactionLog();
    await log.append(1, ['a0', 'a1']);
    await log.append(2, ['b0']);
    await log.append(1, ['a2']);
    log.finish(1, false);
    await log.append(2, ['b1']);
    log.finish(2, true);
    await log.append(1, ['a3']);
    log.finish(1, true);
    const read = await readValues(log.fetch(0), 0);
    expect(listed(read!.values).map(({ value }) => value)).toEqual(['b0', 'b1', 'a3']);
    expect(read!.next).toBe(log.end);
  });

  it('go on behind a fetch that holds nothing but markers and aborted records', async () => {
    const log = new TransactionLog();
    await log.append(1, ['a']);
    log.finish(1, false);
    expect(await readValues(log.fetch(0), 0)).toEqual({ values: [], next: 2 });
  });

  it('leave out what lies before the place they are asked from, within its batch', async () => {
    const log = new TransactionLog();
    await log.append(1, ['a', 'b', 'c']);
    log.finish(1, true);
    const { values } = (await readValues(log.fetch(1), 1))!;
    expect(listed(values)).toEqual([
      { offset: 1, value: 'b' },
      { offset: 2, value: 'c' },
    ]);
  });

  it.each([0, 1, 11, 12, 60, 61, 70])('are null if %i bytes of the first batch came', async (length) => {
    const records = sealed().subarray(0, length);
    expect(await readValues({ ...NOTHING_ABORTED, records }, 0)).toBeNull();
  });

  it.each(['none', 'gzip'])('are found between keys and headers in a batch of kafkajs, packed by %s', async (codec) => {
    const values = [Buffer.from('one'), null, Buffer.alloc(0), Buffer.alloc(70_000, 'x')];
    const { buffer } = await encodeBatch({
      compression: codec === 'gzip' ? 1 : 0,
      lastOffsetDelta: values.length - 1,
      records: values.map((value, offsetDelta) =>
        encodeRecord({ offsetDelta, timestampDelta: 90_000 * offsetDelta, key: 'a key', value, headers: { h: 'v' } }),
      ),
    });
    const { values: read, next } = (await readValues({ ...NOTHING_ABORTED, records: buffer }, 0))!;
    expect(listed(read)).toEqual([
      { offset: 0, value: 'one' },
      { offset: 2, value: '' },
      { offset: 3, value: 'x'.repeat(70_000) },
    ]);
    expect(next).toBe(4);
  });

  it('are refused if any byte of a batch behind its checksum is another', async () => {
    const whole = sealed();
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 21, max: whole.length - 1 }),
        fc.integer({ min: 1, max: 255 }),
        async (at, x) => {
          const records = Buffer.from(whole);
          records[at] = (records[at] as number) ^ x;
          await expect(readValues({ ...NOTHING_ABORTED, records }, 0)).rejects.toThrow(UnexpectedAnswer);
        },
      ),
    );
  });

  it('are refused in a batch of another format', async () => {
    const records = sealed();
    records[16] = 1;
    await expect(readValues({ ...NOTHING_ABORTED, records }, 0)).rejects.toThrow('the format 1');
  });

  it.each<[string, (bytes: Buffer) => void]>([
    ['a record longer than the batch', (bytes) => (bytes[BATCH_HEADER_BYTES] = 0x7e)],
    ['a record of negative length', (bytes) => (bytes[BATCH_HEADER_BYTES] = 0x01)],
    ['a value longer than its record', (bytes) => (bytes[BATCH_HEADER_BYTES + 5] = 0x7e)],
    ['a number that does not end', (bytes) => bytes.fill(0xff, BATCH_HEADER_BYTES)],
  ])('are refused if a batch with a right checksum holds %s', async (_, change) => {
    await expect(readValues({ ...NOTHING_ABORTED, records: sealed(change) }, 0)).rejects.toThrow('is damaged');
  });

  it.each([2, 3, 5, 6, 7])('are refused if packed by the codec %i, which no job uses', async (codec) => {
    const records = sealed(undefined, codec);
    await expect(readValues({ ...NOTHING_ABORTED, records }, 0)).rejects.toThrow(`the codec ${codec}`);
  });

  it.each([1, 4])('are refused if the codec %i cannot unpack them', async (codec) => {
    const records = sealed(undefined, codec);
    await expect(readValues({ ...NOTHING_ABORTED, records }, 0)).rejects.toThrow(UnexpectedAnswer);
  });

  it('are refused if they unpack to more than any batch holds', async () => {
    const records = sealed(undefined, 1, gzipSync(Buffer.alloc(2 * 1024 ** 2)));
    await expect(readValues({ ...NOTHING_ABORTED, records }, 0)).rejects.toThrow(UnexpectedAnswer);
  });
});
