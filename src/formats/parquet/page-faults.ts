import { crc32 } from 'node:zlib';
import { COMPACT, CompactError, CompactReader } from './compact-reader.js';
import type { FileBytes } from './file-bytes.js';

/** Sizes to read for a page's header, in bytes: nearly all have less than the first; one with more than the last is not read. */
const HEADER_BYTES = [4096, 65_536];
/** Maximum number of pages of a row group; those behind are not checked. */
const MAX_PAGES = 100_000;

export interface PageFault {
  /** `damaged`: it is not as it was written; `large`: it takes more memory than there is. */
  kind: 'damaged' | 'large';
  /** What is said of the file's page. */
  text: string;
}

/** A column of a row group, in bytes of the file. */
interface Chunk {
  from: number;
  to: number;
}

interface PageHeader {
  /** Size of the header. */
  bytes: number;
  compressedBytes: number;
  uncompressedBytes: number;
  /** Signed; null: there is none. */
  checksum: number | null;
}

/**
 * Looks for a page of a row group that is established to be damaged, or too large for `maxBytes`; null: there is none,
 * as far as headers and checksums tell. `metadata`: the file's. Throws what reading the file throws.
 */
export async function findPageFault(
  bytes: FileBytes,
  metadata: Uint8Array,
  rowGroup: number,
  maxBytes: number,
): Promise<PageFault | null> {
  let pages = 0;
  for (const { from, to } of chunksOf(metadata, rowGroup)) {
    for (let at = from; at < to; pages++) {
      if (pages === MAX_PAGES) return null;
      const header = await readHeader(bytes, at, to);
      if (header === 'unknown') return null;
      if (header === 'broken') return { kind: 'damaged', text: `at byte ${at} there is no page, where one must be` };
      const end = at + header.bytes + header.compressedBytes;
      if (end > to) return { kind: 'damaged', text: `the page at byte ${at} goes beyond its column` };
      if (header.uncompressedBytes > maxBytes) {
        return { kind: 'large', text: `the page at byte ${at} has ${header.uncompressedBytes} bytes` };
      }
      if (header.checksum !== null && (await checksumOf(bytes, at + header.bytes, end)) !== header.checksum) {
        return { kind: 'damaged', text: `the page at byte ${at} has another checksum than its header says` };
      }
      at = end;
    }
  }
  return null;
}

/** parquet.thrift: FileMetaData, RowGroup, ColumnChunk, ColumnMetaData. */
function chunksOf(metadata: Uint8Array, rowGroup: number): Chunk[] {
  const chunks: Chunk[] = [];
  const reader = new CompactReader(metadata);
  const readChunk = (): void => {
    const offsets: number[] = [];
    let length = 0;
    reader.struct((id, type) => {
      if (id !== 3 || type !== COMPACT.struct) return false;
      reader.struct((field, fieldType) => {
        if (fieldType !== COMPACT.i64) return false;
        if (field === 7) length = reader.integer();
        // Offsets of the first data page and of the dictionary; some writers give 0 for none.
        else if (field === 9 || field === 11) offsets.push(reader.integer());
        else return false;
        return true;
      });
      return true;
    });
    const from = Math.min(...offsets.filter((offset) => offset > 0));
    if (Number.isFinite(from)) chunks.push({ from, to: from + length });
  };
  reader.struct((id, type) => {
    if (id !== 4 || type !== COMPACT.list) return false;
    reader.list(COMPACT.struct, (index) => {
      reader.struct((field, fieldType) => {
        if (index !== rowGroup || field !== 1 || fieldType !== COMPACT.list) return false;
        reader.list(COMPACT.struct, readChunk);
        return true;
      });
    });
    return true;
  });
  return chunks;
}

async function readHeader(bytes: FileBytes, at: number, end: number): Promise<PageHeader | 'broken' | 'unknown'> {
  for (const length of HEADER_BYTES) {
    const window = await read(bytes, at, Math.min(end, at + length));
    try {
      const header = parseHeader(window);
      return header.compressedBytes < 0 || header.uncompressedBytes < 0 ? 'broken' : header;
    } catch (error) {
      if (!(error instanceof CompactError)) throw error;
      if (at + length >= end) return 'broken';
    }
  }
  return 'unknown';
}

/** parquet.thrift: PageHeader. */
function parseHeader(window: Uint8Array): PageHeader {
  const header: PageHeader = { bytes: 0, compressedBytes: -1, uncompressedBytes: -1, checksum: null };
  const reader = new CompactReader(window);
  reader.struct((id, type) => {
    if (type !== COMPACT.i32) return false;
    if (id === 2) header.uncompressedBytes = reader.integer();
    else if (id === 3) header.compressedBytes = reader.integer();
    else if (id === 4) header.checksum = reader.integer();
    else return false;
    return true;
  });
  header.bytes = reader.at;
  return header;
}

async function checksumOf(bytes: FileBytes, from: number, to: number): Promise<number> {
  return crc32(await read(bytes, from, to)) | 0;
}

async function read(bytes: FileBytes, from: number, to: number): Promise<Buffer> {
  const copy = Buffer.from(new Uint8Array(await bytes.slice(from, to).arrayBuffer()));
  bytes.release();
  return copy;
}
