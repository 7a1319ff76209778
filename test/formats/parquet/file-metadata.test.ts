import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { CompactError } from '../../../src/formats/parquet/compact-reader.js';
import { type LeafKind, readFileMetadata } from '../../../src/formats/parquet/file-metadata.js';
import { splice } from '../../../src/formats/parquet/splice.js';
import { fixture } from './read-file.js';

function metadataOf(name: string): Buffer {
  const file = readFileSync(fixture(`${name}.parquet`));
  const end = file.length - 8;
  return file.subarray(end - file.readUInt32LE(end), end);
}

describe("a Parquet file's metadata", () => {
  it('tells rows, sizes and codecs of its row groups', () => {
    const { rows, rowGroups, codecs, leaves } = readFileMetadata(metadataOf('row-groups'));
    expect([rows, rowGroups.length, [...codecs], leaves.length]).toEqual([2000, 7, ['ZSTD'], 5]);
    expect(rowGroups.map((group) => group.rows)).toEqual([300, 300, 300, 300, 300, 300, 200]);
    for (const { compressedBytes, totalBytes } of rowGroups) expect(totalBytes).toBeGreaterThan(compressedBytes);
  });

  it('is canonical once it was made so, and the same but for INT96 and the name of the schema of Arrow', () => {
    for (const name of ['int96', 'row-groups', 'nested', 'texts']) {
      const { canonical, leaves, ...rest } = readFileMetadata(metadataOf(name));
      expect(canonical.includes('ARROW:schema')).toBe(false);
      const again = readFileMetadata(canonical);
      expect(again.canonical.equals(canonical)).toBe(true);
      expect(again).toMatchObject(rest);
    }
    const kinds = (name: string): LeafKind[] => readFileMetadata(metadataOf(name)).leaves.map(({ kind }) => kind);
    expect(kinds('int96')).toEqual(['int96', 'int96', 'other']);
    expect(kinds('texts').filter((kind) => kind === 'uuid')).toEqual(['uuid']);
  });

  it.each([
    ['STRING', 0, 0x1c],
    ['ENUM', 8, 0x4c],
    ['JSON', 38, 0xcc],
  ])('makes an ENUM of %s, which is known to be a text', (_what, converted, logical) => {
    // FileMetaData{2: [SchemaElement{1: BYTE_ARRAY, 4: "e", 6: converted type, 10: {logical type: {}}}]}
    const metadata = (old: number, recent: number): Buffer =>
      Buffer.from([0x29, 0x1c, 0x15, 12, 0x38, 1, 0x65, 0x25, old, 0x4c, recent, 0, 0, 0, 0]);
    const { canonical, leaves } = readFileMetadata(metadata(converted, logical));
    expect([canonical, leaves]).toEqual([metadata(8, 0x4c), [{ kind: 'string', isFull: true }]]);
  });

  it('that is not metadata is refused, whatever it is', () => {
    const whole = metadataOf('nested');
    fc.assert(
      fc.property(
        fc.oneof(
          fc.uint8Array({ maxLength: 300 }),
          fc.nat(whole.length - 1).map((length) => whole.subarray(0, length)),
          fc.tuple(fc.nat(whole.length - 1), fc.nat(255)).map(([at, byte]) => {
            return splice(whole, [{ at, remove: 1, insert: [byte] }]);
          }),
        ),
        (bytes) => {
          try {
            readFileMetadata(bytes);
          } catch (error) {
            expect(error).toBeInstanceOf(CompactError);
          }
        },
      ),
      { numRuns: 500 },
    );
  });
});
