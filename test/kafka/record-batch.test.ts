import fc from 'fast-check';
import { decodeProduceAnswer } from '../../src/kafka/produce.js';
import {
  BATCH_HEADER_BYTES,
  MAX_BATCH_BYTES,
  MAX_KAFKA_RECORD_BYTES,
  RecordBatch,
} from '../../src/kafka/record-batch.js';
import { decodeBatch } from './decode-batch.js';

const stamp = { producerId: 7n, producerEpoch: 3, baseSequence: 41, timestamp: 1_700_000_000_000, transactional: true };

function filled(values: Uint8Array[]): RecordBatch {
  const batch = new RecordBatch();
  for (const value of values) expect(batch.append(value, 0, value.length)).toBe(true);
  return batch;
}

describe('a record batch', () => {
  it("is read back by kafkajs' own decoder, whatever its values", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.uint8Array({ maxLength: 300 }), { minLength: 1, maxLength: 200 }),
        async (values) => {
          const batch = await decodeBatch(filled(values).seal(stamp));
          expect(batch.records.map(({ value }) => [...value])).toEqual(values.map((value) => [...value]));
          expect(batch.records.map(({ offset }) => Number(offset))).toEqual(values.map((_, index) => index));
          expect(batch).toMatchObject({ lastOffsetDelta: values.length - 1, producerId: '7', producerEpoch: 3 });
          expect(batch).toMatchObject({ firstSequence: 41, inTransaction: true, maxTimestamp: '1700000000000' });
        },
      ),
      { numRuns: 60 },
    );
  });

  it.each([0, 1, 56, 57, 63, 64, 65, 8_183, 8_184, 8_191, 8_192, 65_535, 999_989])(
    'frames a value of %i bytes at the varint boundaries',
    async (length) => {
      const value = Buffer.alloc(length, 0x61);
      const batch = filled([value, Buffer.from('next')]);
      const { records } = await decodeBatch(batch.seal(stamp));
      expect(records.map((record) => record.value.length)).toEqual([length, 4]);
      expect(records[1]?.value.toString()).toBe('next');
    },
  );

  it('keeps a record that does not fit out and stays as it was', () => {
    const batch = filled([Buffer.alloc(999_000)]);
    const { size, count } = batch;
    expect(batch.append(Buffer.alloc(60_000), 0, 60_000)).toBe(false);
    expect(batch).toMatchObject({ size, count });
    expect(batch.append(Buffer.from('small'), 0, 5)).toBe(true);
  });

  it('always takes the largest record of the contract as its first', () => {
    const length = MAX_KAFKA_RECORD_BYTES - 11;
    const batch = filled([Buffer.alloc(length)]);
    expect(batch.size).toBe(BATCH_HEADER_BYTES + MAX_KAFKA_RECORD_BYTES);
    expect(batch.size).toBeLessThanOrEqual(MAX_BATCH_BYTES);
  });

  it('copies only the asked range and is empty after a reset', async () => {
    const batch = new RecordBatch();
    batch.append(Buffer.from('one,two,three'), 4, 7);
    batch.reset();
    batch.append(Buffer.from('one,two,three'), 8, 13);
    const { records } = await decodeBatch(batch.seal(stamp));
    expect(records.map(({ value }) => value.toString())).toEqual(['three']);
  });
});

describe('a Produce v7 answer', () => {
  it('gives error, base offset and throttle time of its partition', () => {
    const topic = Buffer.from('batch_a1b2c3d4');
    const answer = Buffer.alloc(6 + topic.length + 4 + 30 + 4);
    answer.writeInt32BE(1, 0);
    answer.writeInt16BE(topic.length, 4);
    topic.copy(answer, 6);
    const partition = 6 + topic.length + 4;
    answer.writeInt16BE(47, partition + 4);
    answer.writeBigInt64BE(9_000_000_001n, partition + 6);
    answer.writeInt32BE(250, partition + 30);
    expect(decodeProduceAnswer(answer)).toEqual({ errorCode: 47, baseOffset: 9_000_000_001, throttleMs: 250 });
  });
});
