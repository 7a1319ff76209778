import fc from 'fast-check';
import {
  encodeRejectedRow,
  type FieldError,
  fitsRecord,
  type RejectedRow,
  type Rejection,
} from '../../src/formats/index.js';

const error: FieldError = {
  column: 'qty',
  type: 'Int32',
  error: 'NOT_AN_INTEGER',
  observed: '3.14',
  message: "column 'qty': '3.14' is not an Int32",
};

function rejection(parts: Partial<Rejection> = {}): Rejection {
  return {
    rowNumber: 17,
    line: 18,
    byteOffset: 1930,
    errors: [error],
    errorsTruncated: false,
    raw: Buffer.from('17,3.14,é'),
    rawTruncated: false,
    ...parts,
  };
}

function encode(parts?: Partial<Rejection>): RejectedRow {
  return JSON.parse(
    encodeRejectedRow('a1b2c3d4', rejection(parts), '2026-01-02T03:04:05.678Z').toString(),
  ) as RejectedRow;
}

describe('a rejected row', () => {
  it('is the JSON that the contract shows', () => {
    expect(encodeRejectedRow('a1b2c3d4', rejection(), '2026-01-02T03:04:05.678Z').toString()).toBe(
      '{"job_id":"a1b2c3d4","row_number":17,"line":18,"byte_offset":1930,"error":"NOT_AN_INTEGER",' +
        '"message":"column \'qty\': \'3.14\' is not an Int32","errors":[{"column":"qty","type":"Int32",' +
        '"error":"NOT_AN_INTEGER","observed":"3.14","message":"column \'qty\': \'3.14\' is not an Int32"}],' +
        '"errors_truncated":false,"raw_data":"17,3.14,é","raw_encoding":"utf8","raw_truncated":false,' +
        '"timestamp":"2026-01-02T03:04:05.678Z"}',
    );
  });

  it('has no line and offset where the format has none', () => {
    expect(encode({ line: null, byteOffset: null })).toMatchObject({ line: null, byte_offset: null });
  });

  it('carries bytes that are not UTF-8 in base64', () => {
    const raw = Buffer.from([0x31, 0x2c, 0xff, 0x00]);
    expect(encode({ raw })).toMatchObject({ raw_data: raw.toString('base64'), raw_encoding: 'base64' });
  });

  it.each(['é', '€', '😀'])('drops a %s that the cut has split', (character) => {
    const whole = Buffer.from(`12${character}`);
    for (let end = 3; end < whole.length; end++) {
      const raw = whole.subarray(0, end);
      expect(encode({ raw, rawTruncated: true })).toMatchObject({ raw_data: '12', raw_encoding: 'utf8' });
      expect(encode({ raw, rawTruncated: false }).raw_encoding).toBe('base64');
    }
    expect(encode({ raw: whole, rawTruncated: true }).raw_data).toBe(`12${character}`);
  });

  it('keeps raw text of 64 KiB of control characters whole beside one error', () => {
    const row = encode({ raw: Buffer.alloc(65_536, 1) });
    expect([row.raw_data.length, row.raw_truncated, row.errors_truncated]).toEqual([65_536, false, false]);
  });

  it('drops errors, then raw data, until it fits a record', () => {
    const control = '\u0001';
    const name = control.repeat(256);
    const worst = { ...error, column: name, observed: name, message: control.repeat(512) };
    const row = encode({ errors: Array.from({ length: 100 }, () => worst), raw: Buffer.alloc(65_536, 1) });
    expect(row.errors.length).toBeGreaterThan(1);
    expect(row.errors.length).toBeLessThan(100);
    expect([row.errors_truncated, row.raw_data.length, row.raw_truncated]).toEqual([true, 65_536, false]);

    const alone = encode({ errors: [worst], raw: Buffer.alloc(200_000, 1) });
    expect([alone.errors.length, alone.errors_truncated, alone.raw_truncated]).toEqual([1, false, true]);
    expect(alone.raw_data.length).toBe(100_000);
  });

  it('always fits a record and reads back', () => {
    const text = (max: number) =>
      fc.string({ unit: fc.constantFrom('a', '"', '\u0000', 'é', '😀', '\\'), maxLength: max });
    const blown = fc.record({
      errors: fc
        .integer({ min: 1, max: 100 })
        .chain((count) =>
          fc
            .record({ column: text(120), observed: text(120), message: text(250) })
            .map((parts) => Array.from({ length: count }, () => ({ ...error, ...parts }))),
        ),
      raw: fc
        .tuple(fc.uint8Array({ minLength: 1, maxLength: 20 }), fc.integer({ min: 0, max: 65_536 }))
        .map(([bytes, size]) => Buffer.alloc(size, bytes)),
      rawTruncated: fc.boolean(),
    });
    fc.assert(
      fc.property(blown, (parts) => {
        const json = encodeRejectedRow('a1b2c3d4', rejection(parts), '2026-01-02T03:04:05.678Z');
        expect(fitsRecord(json.length)).toBe(true);
        const row = JSON.parse(json.toString()) as RejectedRow;
        const raw = Buffer.from(row.raw_data, row.raw_encoding);
        expect(raw.equals(parts.raw.subarray(0, raw.length))).toBe(true);
        expect(parts.raw.length - raw.length).toBeLessThan(row.raw_truncated ? 65_537 : 1);
      }),
      { numRuns: 100 },
    );
  });
});
