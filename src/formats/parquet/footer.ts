import { ServiceError } from '../../errors/index.js';
import { CompactError } from './compact-reader.js';
import { FileBytes, type RandomAccessFile } from './file-bytes.js';
import { type FileMetadata, readFileMetadata } from './file-metadata.js';

const MAGIC = 'PAR1';
const ENCRYPTED_MAGIC = 'PARE';
/** The length of the metadata, and the magic behind it. */
const TAIL_BYTES = 8;
const MAX_FOOTER_BYTES = 16 * 1024 ** 2;
/** What a row group may unpack to. */
const MAX_TOTAL_BYTES = 1024 ** 3;
/** Maximum number of rows in a file: FREE_ROWS whatever its size, and ROWS_PER_BYTE more for each byte. */
const FREE_ROWS = 1_000_000;
const ROWS_PER_BYTE = 1_000;
const CODECS = new Set(['UNCOMPRESSED', 'SNAPPY', 'GZIP', 'BROTLI', 'ZSTD', 'LZ4', 'LZ4_RAW']);

export interface Footer extends Omit<FileMetadata, 'canonical'> {
  /** The file with its metadata made canonical (see `readFileMetadata`). */
  bytes: FileBytes;
  /** That metadata. */
  metadata: Buffer;
}

/**
 * Reads a file's footer and refuses, before anything is unpacked, what would take more than `maxBytes` of memory.
 * Throws ServiceError FILE_CORRUPT or FILE_TOO_COMPLEX, or fs errors.
 */
export async function readFooter(file: RandomAccessFile, size: number, maxBytes: number): Promise<Footer> {
  const tail = await readAt(file, size - TAIL_BYTES, TAIL_BYTES);
  const magic = tail.toString('latin1', 4);
  if (magic === ENCRYPTED_MAGIC) throw unsupported('encrypted', 'without encryption');
  if (size < TAIL_BYTES + MAGIC.length || magic !== MAGIC)
    throw corrupt('it has no footer, as if its end were cut off');
  const length = tail.readUInt32LE(0);
  const from = size - TAIL_BYTES - length;
  if (from < MAGIC.length) throw corrupt('its footer claims more bytes than the file has');
  if (length > MAX_FOOTER_BYTES)
    throw tooComplex(`its footer of ${mib(length)} describes too many row groups or columns`);
  const { canonical, ...metadata } = parse(await readAt(file, from, length));
  check(metadata, size, maxBytes);
  const newTail = Buffer.alloc(canonical.length + TAIL_BYTES);
  canonical.copy(newTail);
  newTail.writeUInt32LE(canonical.length, canonical.length);
  newTail.write(MAGIC, canonical.length + 4, 'latin1');
  return {
    ...metadata,
    bytes: new FileBytes(file, from, newTail, Math.max(maxGroupBytes(maxBytes), newTail.length)),
    metadata: newTail.subarray(0, canonical.length),
  };
}

/** A row group is held as it is in the file, twice for a moment: while it goes over into the decoder's memory. */
function maxGroupBytes(maxBytes: number): number {
  return maxBytes / 2;
}

function check(
  { rows, rowGroups, codecs, isEncrypted }: Omit<FileMetadata, 'canonical'>,
  size: number,
  maxBytes: number,
): void {
  if (isEncrypted) throw unsupported('encrypted', 'without encryption');
  const unknown = [...codecs].filter((codec) => !CODECS.has(codec));
  if (unknown.length > 0) throw unsupported(`compressed with ${unknown.join(', ')}`, 'with another codec');
  let sum = 0;
  for (const group of rowGroups) {
    const numbers = [group.rows, group.compressedBytes, group.totalBytes];
    if (numbers.some((number) => !Number.isSafeInteger(number) || number < 0) || group.compressedBytes > size) {
      throw corrupt('its footer has impossible sizes');
    }
    sum += group.rows;
    if (group.compressedBytes > maxGroupBytes(maxBytes) || group.totalBytes > MAX_TOTAL_BYTES) {
      throw tooComplex(`it has a row group of ${mib(group.compressedBytes)}, ${mib(group.totalBytes)} when unpacked`);
    }
  }
  if (sum !== rows) throw corrupt(`its footer counts ${rows} rows in all, but ${sum} in its row groups`);
  if (rows > FREE_ROWS + ROWS_PER_BYTE * size) throw tooComplex(`it has ${rows} rows in ${size} bytes`);
}

function parse(bytes: Buffer): FileMetadata {
  try {
    return readFileMetadata(bytes);
  } catch (error) {
    if (!(error instanceof CompactError)) throw error;
    throw corrupt(`its footer cannot be read: ${error.message}`, error);
  }
}

async function readAt(file: RandomAccessFile, at: number, length: number): Promise<Buffer> {
  const bytes = Buffer.alloc(Math.max(0, length));
  const { bytesRead } = await file.read(bytes, 0, bytes.length, Math.max(0, at));
  return bytes.subarray(0, bytesRead);
}

function corrupt(what: string, cause?: unknown): ServiceError {
  return new ServiceError('FILE_CORRUPT', `the Parquet file is damaged: ${what}`, { cause });
}

function unsupported(what: string, how: string): ServiceError {
  return new ServiceError('FILE_CORRUPT', `the Parquet file is ${what}, which is not supported: write it ${how}`);
}

function tooComplex(what: string): ServiceError {
  return new ServiceError('FILE_TOO_COMPLEX', `the Parquet file needs more memory than is available: ${what}`);
}

function mib(bytes: number): string {
  return `${Math.ceil(bytes / 1024 ** 2)} MiB`;
}
