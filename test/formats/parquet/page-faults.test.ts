import { readFileSync } from 'node:fs';
import { FileBytes } from '../../../src/formats/parquet/file-bytes.js';
import { findPageFault, type PageFault } from '../../../src/formats/parquet/page-faults.js';
import { fixture } from './read-file.js';

const MAX_BYTES = 1024 ** 2;
const FIRST_PAGE = 4;

async function faultOf(file: Buffer, rowGroup = 0, maxBytes = MAX_BYTES): Promise<PageFault | null> {
  const end = file.length - 8;
  const from = end - file.readUInt32LE(end);
  const read = (buffer: Buffer, offset: number, length: number, position: number) =>
    Promise.resolve({ bytesRead: file.copy(buffer, offset, position, position + length) });
  const bytes = new FileBytes({ read }, file.length, Buffer.alloc(0), MAX_BYTES);
  return findPageFault(bytes, file.subarray(from, end), rowGroup, maxBytes);
}

function changed(name: string, at: number, ...put: number[]): Buffer {
  const bytes = readFileSync(fixture(`${name}.parquet`));
  bytes.set(put, at);
  return bytes;
}

describe('a page that is to blame', () => {
  it.each(['checksums', 'codec-snappy', 'pages-v2', 'nested-random', 'slices-duckdb', 'slices-pyarrow', 'wide-steps'])(
    'is in no row group of %s',
    async (name) => {
      const file = readFileSync(fixture(`${name}.parquet`));
      expect([await faultOf(file), await faultOf(file, 1), await faultOf(file, 99)]).toEqual([null, null, null]);
    },
  );

  it('is one without a header', async () => {
    expect(await faultOf(changed('codec-none', FIRST_PAGE, 0xff, 0xff))).toEqual({
      kind: 'damaged',
      text: 'at byte 4 there is no page, where one must be',
    });
  });

  it('is one that is longer than its column', async () => {
    // PageHeader{1: type, 2: the size, 3: …}: sizes of five bytes in place of what stands there.
    const header = [0x15, 0, 0x15, 0xfe, 0xff, 0x3f, 0x15, 0xfe, 0xff, 0x3f, 0];
    expect(await faultOf(changed('codec-none', FIRST_PAGE, ...header))).toEqual({
      kind: 'damaged',
      text: 'the page at byte 4 goes beyond its column',
    });
  });

  it('is one that takes more than there is', async () => {
    const header = [0x15, 0, 0x15, 0xfe, 0xff, 0xff, 0x0f, 0x15, 2, 0];
    expect(await faultOf(changed('codec-none', FIRST_PAGE, ...header))).toEqual({
      kind: 'large',
      text: 'the page at byte 4 has 16777215 bytes',
    });
  });

  it('is one that does not fit its checksum, of the row group in question', async () => {
    const whole = readFileSync(fixture('checksums.parquet'));
    const magic = Buffer.from([0x28, 0xb5, 0x2f, 0xfd]);
    const first = changed('checksums', whole.indexOf(magic) + 6, 0xaa, 0x55);
    const last = changed('checksums', whole.lastIndexOf(magic) + 6, 0xaa, 0x55);
    const fault = { kind: 'damaged', text: expect.stringMatching(/^the page at byte \d+ has another checksum than/) };
    expect([await faultOf(first, 0), await faultOf(first, 1)]).toEqual([fault, null]);
    expect([await faultOf(last, 0), await faultOf(last, 1)]).toEqual([null, fault]);
  });
});
