export type { ByteSource, ReadableFile } from './byte-source.js';
export { compressionOf, type FileCompression } from './compression.js';
export type { DecompressionLimits } from './decompressed-source.js';
export { decompressedHead, textHead } from './head.js';
export { likelyEncoding } from './likely-encoding.js';
export { openByteSource, readSourceEncoding, type SourceEncoding, type SourceOptions } from './open-source.js';
export { byteOrderMark, TEXT_ENCODINGS, type TextEncoding } from './text-encoding.js';
export { mayBeUtf16, unmarkedUtf16 } from './unmarked-utf16.js';
