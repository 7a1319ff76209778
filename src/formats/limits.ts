/** Size limit in bytes of one row of the file, its line end included. */
export const MAX_ROW_BYTES = 1_000_000;
/** Size limit in bytes of one encoded Kafka record. */
const MAX_KAFKA_RECORD_BYTES = 1_000_000;
/** Limit of the raw bytes that a rejection carries. */
export const MAX_RAW_BYTES = 65_536;
/** Errors that one rejection carries. */
export const MAX_ERRORS = 100;
/** Arrays and objects in one another in a row, which counts as one. */
export const MAX_DEPTH = 64;
/** Limit of the path to a value inside others, in UTF-16 code units. */
export const MAX_PATH_LENGTH = 512;
/** Limit of a rejection's observed value, in UTF-16 code units (and so in characters). */
export const MAX_OBSERVED_LENGTH = 256;
/** Limit of an error's message, in UTF-16 code units (and so in characters). */
export const MAX_MESSAGE_LENGTH = 512;
/** The bytes that one `advance` of a reader decides, about. */
export const BLOCK_BYTES = 65_536;
/** The rows that one `advance` of a reader decides, at most. */
export const BLOCK_ROWS = 1000;

/**
 * The bytes that a value takes as a record of a RecordBatch v2 (KIP-98) without key and headers and with offset and
 * timestamp deltas of 0: what counts against the limit, so that the decision depends on the row alone.
 */
export function encodedRecordBytes(valueBytes: number): number {
  // Attributes, timestamp delta, offset delta, key length (-1) and header count take a byte each.
  const body = 5 + varintBytes(valueBytes) + valueBytes;
  return varintBytes(body) + body;
}

/** Whether a value of this size may become a record. */
export function fitsRecord(valueBytes: number): boolean {
  return encodedRecordBytes(valueBytes) <= MAX_KAFKA_RECORD_BYTES;
}

/** Size in bytes of a length ≥ 0 as a zigzag varint. */
function varintBytes(value: number): number {
  let bytes = 1;
  for (let rest = Math.floor(value / 64); rest > 0; rest = Math.floor(rest / 128)) bytes += 1;
  return bytes;
}
