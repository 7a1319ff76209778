import { createRequire } from 'node:module';
import { encodedRecordBytes, fitsRecord } from '../../src/formats/index.js';

const encodeRecord = createRequire(import.meta.url)('kafkajs/src/protocol/recordBatch/record/v0') as (
  record: object,
) => { size(): number };

describe('the size of an encoded record', () => {
  it.each([0, 1, 57, 58, 59, 63, 64, 65, 8181, 8182, 8191, 8192, 65_536, 999_989, 999_990, 1_048_576])(
    'is what kafkajs makes of a value of %d bytes',
    (bytes) => {
      const record = encodeRecord({
        offsetDelta: 0,
        timestampDelta: 0,
        key: null,
        value: Buffer.alloc(bytes),
        headers: {},
      });
      expect(encodedRecordBytes(bytes)).toBe(record.size());
    },
  );

  it('lets values of up to 999,989 bytes through', () => {
    expect([fitsRecord(999_989), fitsRecord(999_990)]).toEqual([true, false]);
  });
});
