/** How a file is compressed as a whole; nothing to do with the compression of record batches. */
export type FileCompression = 'none' | 'gzip' | 'zstd';

/** By a file's first bytes (RFC 1952, RFC 8878). */
export function compressionOf(head: Uint8Array): FileCompression {
  if (startsWith(head, [0x1f, 0x8b])) return 'gzip';
  if (startsWith(head, [0x28, 0xb5, 0x2f, 0xfd]) || isSkippableFrame(head)) return 'zstd';
  return 'none';
}

/** What `pzstd` and seekable archives begin with. */
function isSkippableFrame(head: Uint8Array): boolean {
  return ((head[0] ?? 0) & 0xf0) === 0x50 && startsWith(head.subarray(1), [0x2a, 0x4d, 0x18]);
}

function startsWith(bytes: Uint8Array, magic: readonly number[]): boolean {
  return magic.every((byte, at) => bytes[at] === byte);
}
