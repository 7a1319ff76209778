import { type ByteSource, FileSource, type ReadableFile } from './byte-source.js';
import type { FileCompression } from './compression.js';
import { DecompressedSource, type DecompressionLimits } from './decompressed-source.js';
import type { TextEncoding } from './text-encoding.js';
import { TranscodedSource } from './transcoded-source.js';

/** What stands between a file's bytes and the bytes that its format reads. Found out once, at the upload. */
export interface SourceEncoding {
  fileCompression: FileCompression;
  /** null: the format is not text. */
  encoding: TextEncoding | null;
}

const NO_WRAPPING: SourceEncoding = { fileCompression: 'none', encoding: 'utf-8' };

/** Reads what a job has stored; what is absent, because the job is older, has its default. */
export function readSourceEncoding(json: string): SourceEncoding {
  return { ...NO_WRAPPING, ...(JSON.parse(json) as Partial<SourceEncoding>) };
}

export interface SourceOptions extends SourceEncoding {
  limits: DecompressionLimits;
}

/** The bytes of a file for its format, from an offset of the decompressed file on where a character begins. */
export function openByteSource(file: ReadableFile, from: number, options: SourceOptions): ByteSource {
  const { fileCompression, encoding, limits } = options;
  const source =
    fileCompression === 'none'
      ? new FileSource(file, from)
      : new DecompressedSource(file, fileCompression, limits, from);
  return encoding === null || encoding === 'utf-8' ? source : new TranscodedSource(source, encoding, from);
}
