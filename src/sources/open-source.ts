import { type ByteSource, FileSource, type ReadableFile } from './byte-source.js';
import type { FileCompression } from './compression.js';
import { DecompressedSource, type DecompressionLimits } from './decompressed-source.js';

/** What stands between a file's bytes and the bytes that its format reads. Found out once, at the upload. */
export interface Wrapping {
  fileCompression: FileCompression;
}

const NO_WRAPPING: Wrapping = { fileCompression: 'none' };

/** Reads what a job has stored; what is absent, because the job is older, has its default. */
export function readWrapping(json: string): Wrapping {
  return { ...NO_WRAPPING, ...(JSON.parse(json) as Partial<Wrapping>) };
}

export interface SourceOptions extends Wrapping {
  limits: DecompressionLimits;
}

/** The bytes of a file for its format, from an offset among them on. */
export function openByteSource(file: ReadableFile, from: number, options: SourceOptions): ByteSource {
  const { fileCompression, limits } = options;
  return fileCompression === 'none'
    ? new FileSource(file, from)
    : new DecompressedSource(file, fileCompression, limits, from);
}
