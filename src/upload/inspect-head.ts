import { BatchError } from '../errors/index.js';
import { compressionOf, decompressedHead, type FileCompression } from '../sources/index.js';
import { HEAD_BYTES, isParquet, unsupportedType } from './detect-format.js';

/**
 * What a file is, by its first 64 KiB: how it is compressed, and the first 64 KiB of what it holds. These are
 * decompressed here and not in a runner, because the answer to the upload depends on them; the work is bounded by
 * their size. Throws UNSUPPORTED_FILE_TYPE for what we do not take.
 */
export async function inspectHead(head: Buffer): Promise<{ fileCompression: FileCompression; head: Buffer }> {
  const fileCompression = compressionOf(head);
  if (fileCompression === 'none') {
    refuseUnsupported(head, '');
    return { fileCompression, head };
  }
  const inner = await decompressedHead(head, fileCompression, HEAD_BYTES);
  if (compressionOf(inner) !== 'none') throw unsupported(`${compressionOf(inner)} within ${fileCompression}`);
  // It is read from its end, and packed in itself anyway.
  if (isParquet(inner)) throw unsupported(`Parquet (in ${fileCompression}; unpack it before)`);
  refuseUnsupported(inner, ` (in ${fileCompression})`);
  return { fileCompression, head: inner };
}

function refuseUnsupported(head: Buffer, where: string): void {
  const type = unsupportedType(head);
  if (type !== null) throw unsupported(`${type}${where}`);
}

function unsupported(type: string): BatchError {
  return new BatchError(
    'UNSUPPORTED_FILE_TYPE',
    `The file looks like ${type}; Parquet, and CSV, JSON and NDJSON text as it is or compressed by gzip or zstd, are supported`,
  );
}
