import fc from 'fast-check';
import {
  binaryType,
  detectFormat,
  FileHead,
  HEAD_BYTES,
  STORED_HEAD_BYTES,
  unsupportedType,
} from '../../../src/ingest/detect/format.js';
import { FILE_FORMATS, type FileFormat } from '../../../src/ingest/formats.js';

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
    ['tar', bytes('orders.csv', Array(247).fill(0), 'ustar', [0, 48])],
    ['tar', bytes('orders.csv', Array(247).fill(0), 'ustar  ', [0])],
    ['Avro', bytes('Obj\x01', [0, 0])],
    ['Arrow', bytes('ARROW1', [0, 0])],
    ['xls', bytes([0xd0, 0xcf, 0x11, 0xe0, 0xa1, 0xb1, 0x1a, 0xe1, 0, 0])],
    ['xz', bytes([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0, 0, 4])],
    ['bzip2', bytes('BZh91AY&SY', [0, 0])],
    ['PDF', bytes('%PDF-1.7\n')],
    ['RTF', bytes('{\\rtf1\\ansi')],
    ['LZ4', bytes([0x04, 0x22, 0x4d, 0x18, 0x64, 0, 0])],
  ])('is refused as %s', (type, head) => {
    expect(unsupportedType(head)).toContain(type);
  });

  it.each([
    ['NUL', bytes('id,qty\n1,', [0, 0])],
    ['encrypted', bytes('PARE', [0, 0])],
    ['ORC', bytes('ORC', [0, 0])],
  ])('is refused as %s unless it is said to be text', (type, head) => {
    expect([binaryType(head), unsupportedType(head)]).toEqual([expect.stringContaining(type), null]);
  });

  it.each([
    ['nothing', bytes('')],
    ['text', bytes('id,qty\n1,2\n')],
    ['a byte order mark', bytes([0xef, 0xbb, 0xbf], 'id,qty\n')],
    ['invalid UTF-8', bytes('id\n', [0xff, 0xfe, 0x80])],
    ['almost a magic', bytes('PAR,1\n')],
    ['what binary data begins with', bytes('ORCID,PARENT\n')],
    ['one byte of a magic', bytes([0x1f])],
    ['UTF-16', bytes([0xff, 0xfe], 'i\0d\0')],
    ['UTF-16', bytes('\0i\0d')],
    ['UTF-16 with an emoji', bytes([0xff, 0xfe, 0x3d, 0xd8, 0x00, 0xde], 'a\0')],
    ['UTF-16 with an emoji and no mark', Buffer.from('id,note\n1,😀\n', 'utf16le')],
  ])('may be text: %s', (_what, head) => {
    expect([unsupportedType(head), binaryType(head)]).toEqual([null, null]);
  });

  it('is Parquet where its magic stands at the beginning', () => {
    const parquet = bytes('PAR1', [0, 1, 2]);
    expect([detectFormat(parquet, 'auto'), unsupportedType(parquet)]).toEqual(['parquet', null]);
    expect(detectFormat(bytes('PAR,1\n'), 'auto')).toBe('csv');
  });

  it.each<[string, FileFormat]>([
    ['{"a":1}', 'ndjson'],
    ['{"a":1}\n{"a":2}\n', 'ndjson'],
    ['{"a":"{\\"["}\n', 'ndjson'],
    ['{"a":"not closed\n{"a":2}\n', 'ndjson'],
    ['{"a":1}}\n', 'ndjson'],
    [' \r\n\t {"a":1}\n', 'ndjson'],
    [`{"a":"${'x'.repeat(HEAD_BYTES)}`, 'ndjson'],
    ['[1]', 'json'],
    ['\uFEFF\n [', 'json'],
    ['{"a":NaN}\n', 'ndjson'],
    ['{"a', 'csv'],
    ['{a},b\n', 'csv'],
    ['{3f2504e0-4f89},1\n', 'csv'],
    ['{},x\n', 'csv'],
    ['{"a","b"}\n', 'csv'],
    ['[\n', 'json'],
    ['[{"a":1},\n', 'json'],
    ['[{\n', 'json'],
    ['[[1,\n', 'json'],
    ['[id],[name]\n1,2\n', 'csv'],
    ['[id]\r1\r', 'csv'],
    ['[1],[2]\n', 'csv'],
    ['[{a}],1\n', 'csv'],
    ['a,{', 'csv'],
    ['"{"', 'csv'],
    ['', 'csv'],
    ['   ', 'csv'],
  ])('is detected from its first byte that is not a blank: %j is %s', (text, expected) => {
    expect(detectFormat(Buffer.from(text), 'auto')).toBe(expected);
  });

  it.each<[string, FileFormat]>([
    ['{\n', 'csv'],
    ['[1,2]\n', 'csv'],
    ['[\n', 'csv'],
    ['{"a":1}\n', 'ndjson'],
    ['[{"a":1}]\n', 'json'],
  ])('is CSV where an option is of CSV, unless it has rows of JSON: %j is %s', (text, expected) => {
    expect(detectFormat(Buffer.from(text), 'auto', true)).toBe(expected);
  });

  it.each<[FileFormat, string]>([
    ['csv', '[1]'],
    ['csv', '{\n}'],
    ['ndjson', 'a,b'],
    ['ndjson', '{\n'],
    ['ndjson', '[1]\n[2]'],
    ['json', ' ['],
  ])('is what the client says: %s', (asked, text) => {
    expect(detectFormat(Buffer.from(text), asked)).toBe(asked);
  });

  it.each<[FileFormat | 'auto', string, RegExp]>([
    ['auto', '{\n  "a": 1\n}', /one JSON object over several lines.*format=ndjson.*format=csv/],
    ['auto', '{"a": [\n1]}', /one JSON object over several lines/],
    ['json', '{"a":1}\n', /does not begin with \[.*format=ndjson/],
    ['json', 'a,b\n', /does not begin with \[/],
    ['json', 'PAR1', /is Parquet, not json/],
    ['parquet', '[', /does not begin with PAR1/],
    ['json', '  ', /does not begin with \[/],
  ])('is refused if it does not hold rows: %s, %j', (asked, text, message) => {
    const detect = (): FileFormat => detectFormat(Buffer.from(text), asked);
    expect(detect).toThrow(
      expect.objectContaining({ code: 'UNSUPPORTED_FILE_TYPE', message: expect.stringMatching(message) }),
    );
  });

  it.each([
    ['the first 64 KiB', HEAD_BYTES, 'abcdefg'],
    ['more of a compressed file', STORED_HEAD_BYTES, '\x1f\x8b'],
  ])('is told from %s, however they are cut', (_what, bytes, content) => {
    const size = fc.integer({ min: 0, max: STORED_HEAD_BYTES });
    fc.assert(
      fc.property(fc.array(size, { maxLength: 12 }), (sizes) => {
        const file = Buffer.alloc(
          sizes.reduce((sum, next) => sum + next, 0),
          content,
          'latin1',
        );
        const head = new FileHead();
        let at = 0;
        let wantsMore = true;
        for (const length of sizes) {
          if (!wantsMore) break;
          wantsMore = head.push(file.subarray(at, at + length));
          at += length;
        }
        expect(head.bytes().equals(file.subarray(0, bytes))).toBe(true);
        expect(wantsMore).toBe(file.length < bytes);
      }),
      { numRuns: 50 },
    );
  });
});

describe('every format', () => {
  /** How a file of each may begin. */
  const BEGINNINGS: Readonly<Record<FileFormat, string>> = {
    csv: 'id,qty\n1,3\n',
    json: '[{"id":1}]',
    ndjson: '{"id":1}\n{"id":2}\n',
    parquet: 'PAR1\x15\x04',
  };

  it.each(FILE_FORMATS)('is detected, and read if it is asked for: %s', (format) => {
    const head = bytes(BEGINNINGS[format]);
    expect([detectFormat(head, 'auto'), detectFormat(head, format)]).toEqual([format, format]);
  });
});
