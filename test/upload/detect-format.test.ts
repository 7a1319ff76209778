import fc from 'fast-check';
import { FileHead, HEAD_BYTES, isParquet, startsLikeJson, unsupportedType } from '../../src/upload/detect-format.js';

const bytes = (...parts: (string | number[])[]) =>
  Buffer.concat(parts.map((part) => (typeof part === 'string' ? Buffer.from(part) : Buffer.from(part))));

describe('what a file is, by its beginning', () => {
  it.each([
    ['zip', bytes('PK\x03\x04', 'data/a.csv')],
    ['zip', bytes('PK\x05\x06')],
    ['xlsx', bytes('PK\x03\x04', [0, 0], '[Content_Types].xml')],
    ['xlsx', bytes('PK\x03\x04', [0, 0], 'xl/workbook.xml')],
    ['UTF-32', bytes([0xff, 0xfe, 0, 0], 'i\0\0\0')],
    ['UTF-32', bytes([0, 0, 0xfe, 0xff], '\0\0\0i')],
    ['NUL', bytes('id,qty\n1,', [0, 0])],
  ])('is refused as %s', (type, head) => {
    expect(unsupportedType(head)).toContain(type);
  });

  it.each([
    ['nothing', bytes('')],
    ['text', bytes('id,qty\n1,2\n')],
    ['a byte order mark', bytes([0xef, 0xbb, 0xbf], 'id,qty\n')],
    ['invalid UTF-8', bytes('id\n', [0xff, 0xfe, 0x80])],
    ['almost a magic', bytes('PAR,1\n')],
    ['one byte of a magic', bytes([0x1f])],
    ['UTF-16', bytes([0xff, 0xfe], 'i\0d\0')],
    ['UTF-16', bytes('\0i\0d')],
  ])('may be CSV: %s', (_what, head) => {
    expect(unsupportedType(head)).toBeNull();
  });

  it('is Parquet where its magic stands at the beginning', () => {
    const parquet = bytes('PAR1', [0, 1, 2]);
    expect([isParquet(parquet), unsupportedType(parquet)]).toEqual([true, null]);
    expect(isParquet(bytes('PAR,1\n'))).toBe(false);
  });

  it.each<[string, boolean]>([
    ['{"a":1}', true],
    ['[1]', true],
    [' \r\n\t {', true],
    ['\uFEFF[', true],
    ['a,{', false],
    ['"{"', false],
    ['', false],
    ['   ', false],
  ])('starts like JSON (%j): %p', (text, expected) => {
    expect(startsLikeJson(Buffer.from(text))).toBe(expected);
  });

  it('is told from the first 64 KiB, however they are cut', () => {
    const size = fc.integer({ min: 0, max: HEAD_BYTES });
    fc.assert(
      fc.property(fc.array(size, { maxLength: 12 }), (sizes) => {
        const file = Buffer.alloc(
          sizes.reduce((sum, next) => sum + next, 0),
          'abcdefg',
        );
        const head = new FileHead();
        let at = 0;
        let wantsMore = true;
        for (const length of sizes) {
          if (!wantsMore) break;
          wantsMore = head.push(file.subarray(at, at + length));
          at += length;
        }
        expect(head.bytes().equals(file.subarray(0, HEAD_BYTES))).toBe(true);
        expect(wantsMore).toBe(file.length < HEAD_BYTES);
      }),
      { numRuns: 50 },
    );
  });
});
