import fc from 'fast-check';
import { type Checkpoint, decodeCheckpoint, encodeCheckpoint } from '../../src/kafka/checkpoint.js';

const count = fc.nat({ max: Number.MAX_SAFE_INTEGER });
const warnings = fc.record({ BROKEN_QUOTES: fc.record({ count, firstRows: fc.array(count, { maxLength: 5 }) }) });
const checkpoints = fc
  .record({
    ok: fc.nat(),
    errors: fc.nat(),
    line: count,
    byte: count,
    dataEnd: count,
    dlqEnd: count,
    bytesDone: count,
    size: count,
  })
  .chain(({ ok, errors, line, byte, ...rest }) =>
    fc.tuple(fc.boolean(), fc.option(warnings, { nil: undefined })).map(
      ([eof, found]): Checkpoint => ({
        ...{ ...rest, ok, errors, eof, position: { row: ok + errors, line, byte } },
        ...(found === undefined ? {} : { warnings: found }),
      }),
    ),
  );

describe('a checkpoint', () => {
  it('survives being stored as offset metadata, in under 1 KiB', () => {
    fc.assert(
      fc.property(checkpoints, (checkpoint) => {
        const metadata = encodeCheckpoint(checkpoint);
        expect(Buffer.byteLength(metadata)).toBeLessThan(1024);
        expect(decodeCheckpoint(metadata)).toEqual(checkpoint);
      }),
    );
  });

  it.each([
    ['nothing', ''],
    ['another version', '{"v":2}'],
    [
      'rows without numbers',
      '{"v":2,"row":0,"line":1,"byte":1,"ok":0,"errors":0,"data_end":0,"dlq_end":0,"eof":true,"done":1,"size":1,"broken_quotes":[1,"x"]}',
    ],
    [
      'a negative count',
      '{"v":1,"row":0,"line":1,"byte":-1,"ok":0,"errors":0,"data_end":0,"dlq_end":0,"eof":false,"size":1}',
    ],
    ['a missing member', '{"v":1,"row":0,"line":1,"byte":1,"ok":0,"errors":0,"data_end":0,"dlq_end":0,"size":1}'],
    [
      'counts that do not add up',
      '{"v":1,"row":3,"line":1,"byte":1,"ok":1,"errors":1,"data_end":0,"dlq_end":0,"eof":true,"size":1}',
    ],
  ])('is never read from %s', (_what, metadata) => {
    expect(() => decodeCheckpoint(metadata)).toThrow();
  });
});
