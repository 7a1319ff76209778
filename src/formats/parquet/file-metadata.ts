import { COMPACT, CompactReader } from './compact-reader.js';
import { type Edit, splice } from './splice.js';

/** What the footer says of a row group, in bytes and rows. It may lie. */
export interface RowGroup {
  rows: number;
  /** In the file, all columns together. */
  compressedBytes: number;
  /** The encoded pages when they are unpacked. */
  totalBytes: number;
}

/** What a leaf of the schema is to Parquet, as far as Arrow's types do not tell. */
export type LeafKind = 'int96' | 'uuid' | 'string' | 'other';

export interface Leaf {
  kind: LeafKind;
  /** All row groups count its nulls, and there are none: neither the column itself nor lists or structs around it are null. */
  isFull: boolean;
}

export interface FileMetadata {
  rows: number;
  rowGroups: RowGroup[];
  /** Depth first: the order of the columns in a row group. */
  leaves: Leaf[];
  /** The names of the codecs that columns are compressed with. */
  codecs: Set<string>;
  isEncrypted: boolean;
  /** The metadata as the decoder is to see it; see `readFileMetadata`. */
  canonical: Buffer;
}

/** parquet.thrift: CompressionCodec. */
const CODECS = ['UNCOMPRESSED', 'SNAPPY', 'GZIP', 'LZO', 'BROTLI', 'LZ4', 'ZSTD', 'LZ4_RAW'];
const INT96 = 3;
const FIXED_LEN_BYTE_ARRAY = 7;
/** ConvertedType: UTF8, ENUM, JSON. */
const CONVERTED_TEXTS = [0, 4, 19];
const CONVERTED_ENUM = 4;
/** LogicalType: STRING, ENUM, JSON. */
const LOGICAL_TEXTS = [1, 4, 12];
const LOGICAL_ENUM = 4;
const LOGICAL_UUID = 14;
const ARROW_SCHEMA = 'ARROW:schema';

const zigzag = (value: number): number => value * 2;

/**
 * Reads the FileMetaData of a footer (parquet.thrift). Throws CompactError if it is not one.
 *
 * `canonical` differs from it in three things, so that what the decoder gives is what the file says:
 * - INT96 is FIXED_LEN_BYTE_ARRAY(12), whose values are stored alike: the decoder would squeeze INT96 timestamps into
 *   64 bits of nanoseconds, and silently wrap those before 1677 and after 2262;
 * - STRING and JSON are ENUM, which the decoder takes for plain bytes: a single STRING that is not UTF-8 would make
 *   it fail for the whole file;
 * - the schema that Arrow's writers hide in the key-value metadata goes by another name: the types are Parquet's own.
 */
export function readFileMetadata(bytes: Uint8Array): FileMetadata {
  const metadata: FileMetadata = {
    rows: 0,
    rowGroups: [],
    leaves: [],
    codecs: new Set(),
    isEncrypted: false,
    canonical: Buffer.alloc(0),
  };
  const edits: Edit[] = [];
  const reader = new CompactReader(bytes);
  reader.struct((id, type) => {
    if (id === 2 && type === COMPACT.list) {
      reader.list(COMPACT.struct, () => readSchemaElement(reader, bytes, metadata, edits));
    } else if (id === 3 && type === COMPACT.i64) metadata.rows = reader.integer();
    else if (id === 4 && type === COMPACT.list) {
      reader.list(COMPACT.struct, () => readRowGroup(reader, metadata, edits));
    } else if (id === 5 && type === COMPACT.list) {
      reader.list(COMPACT.struct, () => hideArrowSchema(reader, edits));
    } else {
      if (id === 8) metadata.isEncrypted = true;
      return false;
    }
    return true;
  });
  metadata.canonical = splice(bytes, edits);
  return metadata;
}

function readSchemaElement(reader: CompactReader, bytes: Uint8Array, metadata: FileMetadata, edits: Edit[]): void {
  let physical: number | null = null;
  let kind: LeafKind = 'other';
  reader.struct((id, type) => {
    const at = reader.at;
    if (id === 1 && type === COMPACT.i32) {
      physical = reader.integer();
      if (physical === INT96) edits.push(...fixedLength(bytes, at, reader.at));
    } else if (id === 6 && type === COMPACT.i32) {
      if (CONVERTED_TEXTS.includes(reader.integer())) {
        kind = 'string';
        edits.push({ at, remove: reader.at - at, insert: [zigzag(CONVERTED_ENUM)] });
      }
    } else if (id === 10 && type === COMPACT.struct) {
      kind = readLogicalType(reader, edits);
    } else return false;
    return true;
  });
  // The root and other groups have no physical type.
  if (physical !== null) metadata.leaves.push({ kind: physical === INT96 ? 'int96' : kind, isFull: true });
}

/**
 * The field `type` at [from, to) becomes FIXED_LEN_BYTE_ARRAY, and `type_length` 12 follows. The next field's header
 * counts from `type_length` on then, or is that one already: then its value is exchanged.
 */
function fixedLength(bytes: Uint8Array, from: number, to: number): Edit[] {
  const next = bytes[to] ?? 0;
  const typed = { at: from, remove: to - from, insert: [zigzag(FIXED_LEN_BYTE_ARRAY)] };
  const typeLength = [0x10 | COMPACT.i32, zigzag(12)];
  if (next >> 4 === 0) return [typed, { at: to, remove: 0, insert: typeLength }];
  if (next >> 4 > 1) return [typed, { at: to, remove: 1, insert: [...typeLength, next - 0x10] }];
  const value = new CompactReader(bytes, to + 1);
  value.integer();
  return [typed, { at: to, remove: value.at - to, insert: typeLength }];
}

/** ENUM takes the place of all texts. */
function readLogicalType(reader: CompactReader, edits: Edit[]): LeafKind {
  let kind: LeafKind = 'other';
  reader.struct((id) => {
    if (id === LOGICAL_UUID) kind = 'uuid';
    if (LOGICAL_TEXTS.includes(id)) {
      kind = 'string';
      // The header before it is one byte, for no number is above 15.
      edits.push({ at: reader.at - 1, remove: 1, insert: [(LOGICAL_ENUM << 4) | COMPACT.struct] });
    }
    return false;
  });
  return kind;
}

function readRowGroup(reader: CompactReader, metadata: FileMetadata, edits: Edit[]): void {
  const group: RowGroup = { rows: 0, compressedBytes: 0, totalBytes: 0 };
  reader.struct((id, type) => {
    if (id === 1 && type === COMPACT.list) {
      reader.list(COMPACT.struct, (index) => readColumnChunk(reader, index, group, metadata, edits));
    } else if (id === 2 && type === COMPACT.i64) group.totalBytes = reader.integer();
    else if (id === 3 && type === COMPACT.i64) group.rows = reader.integer();
    else return false;
    return true;
  });
  metadata.rowGroups.push(group);
}

function readColumnChunk(
  reader: CompactReader,
  index: number,
  group: RowGroup,
  metadata: FileMetadata,
  edits: Edit[],
): void {
  const leaf = metadata.leaves[index];
  let nulls: number | null = null;
  reader.struct((id, type) => {
    if (id === 8 || id === 9) metadata.isEncrypted = true;
    if (id !== 3 || type !== COMPACT.struct) return false;
    reader.struct((field, fieldType) => {
      const at = reader.at;
      if (field === 1 && fieldType === COMPACT.i32) {
        if (reader.integer() === INT96 && leaf?.kind === 'int96') {
          edits.push({ at, remove: reader.at - at, insert: [zigzag(FIXED_LEN_BYTE_ARRAY)] });
        }
      } else if (field === 4 && fieldType === COMPACT.i32) {
        const codec = reader.integer();
        metadata.codecs.add(CODECS[codec] ?? `codec ${codec}`);
      } else if (field === 7 && fieldType === COMPACT.i64) group.compressedBytes += reader.integer();
      else if (field === 12 && fieldType === COMPACT.struct) nulls = readNullCount(reader);
      else return false;
      return true;
    });
    return true;
  });
  if (leaf !== undefined && nulls !== 0) leaf.isFull = false;
}

/** The null count of Statistics; null: it has none. Empty lists and what is missing around a value count, too. */
function readNullCount(reader: CompactReader): number | null {
  let nulls: number | null = null;
  reader.struct((id, type) => {
    if (id !== 3 || type !== COMPACT.i64) return false;
    nulls = reader.integer();
    return true;
  });
  return nulls;
}

function hideArrowSchema(reader: CompactReader, edits: Edit[]): void {
  reader.struct((id, type) => {
    if (id !== 1 || type !== COMPACT.binary) return false;
    const key = reader.binary();
    if (Buffer.from(key).toString('latin1') === ARROW_SCHEMA) {
      edits.push({ at: reader.at - key.length, remove: 1, insert: [0x61] });
    }
    return true;
  });
}
