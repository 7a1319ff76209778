import { isUtf8 } from 'node:buffer';
import { fitsRecord } from './limits.js';
import type { FieldError, RejectedRowFrame, Rejection } from './row-reader.js';
import { prefix } from './text.js';

/** A row that is in no data topic: the DLQ record's JSON, and what the API returns (openapi: RejectedRow). */
export interface RejectedRow {
  job_id: string;
  /** From 1. */
  row_number: number;
  /** From 1; null if the format has no lines. */
  line: number | null;
  /** Offset of the row's first byte in the decompressed stream; null if the format has none. */
  byte_offset: number | null;
  /** The first of `errors`, and its message. */
  error: string;
  message: string;
  errors: FieldError[];
  errors_truncated: boolean;
  raw_data: string;
  raw_encoding: 'utf8' | 'base64';
  raw_truncated: boolean;
  timestamp: string;
}

/**
 * The DLQ record of a rejected row: RejectedRow as UTF-8 JSON. Always small enough for a record of 1,000,000 bytes,
 * key and headers absent: if escaping blows it up, the last errors go first, then the end of the raw data.
 */
export function encodeRejectedRow(jobId: string, rejection: Rejection, timestampIso: string): Buffer {
  let row = rejectedRow(jobId, rejection, timestampIso);
  let json = Buffer.from(JSON.stringify(row));
  while (!fitsRecord(json.length)) {
    row = shrink(row);
    json = Buffer.from(JSON.stringify(row));
  }
  return json;
}

/** What stands around a rejection's own parts where `encodeRejectedRow` is not called for each. */
export function rejectedRowFrame(jobId: string, timestampIso: string): RejectedRowFrame {
  return [
    `{"job_id":${JSON.stringify(jobId)},"row_number":`,
    ',"line":',
    ',"byte_offset":',
    ',"errors":[',
    '],"errors_truncated":false,"raw_data":"',
    `","raw_encoding":"utf8","raw_truncated":false,"timestamp":${JSON.stringify(timestampIso)}}`,
  ];
}

function rejectedRow(jobId: string, rejection: Rejection, timestampIso: string): RejectedRow {
  const { rowNumber, line, byteOffset, errors, errorsTruncated, rawTruncated } = rejection;
  const [first] = errors;
  if (first === undefined) throw new Error('a rejection has at least one error');
  return {
    job_id: jobId,
    row_number: rowNumber,
    line,
    byte_offset: byteOffset,
    error: first.error,
    message: first.message,
    errors,
    errors_truncated: errorsTruncated,
    ...rawData(rejection.raw, rawTruncated),
    raw_truncated: rawTruncated,
    timestamp: timestampIso,
  };
}

function rawData(raw: Uint8Array, truncated: boolean): Pick<RejectedRow, 'raw_data' | 'raw_encoding'> {
  const bytes = Buffer.from(raw.buffer, raw.byteOffset, raw.byteLength);
  const whole = truncated ? bytes.subarray(0, characterEnd(bytes)) : bytes;
  return isUtf8(whole)
    ? { raw_data: whole.toString('utf8'), raw_encoding: 'utf8' }
    : { raw_data: bytes.toString('base64'), raw_encoding: 'base64' };
}

/** The end of the last character that is there in full, if these bytes are the beginning of a UTF-8 text. */
function characterEnd(bytes: Uint8Array): number {
  const end = bytes.length;
  for (let i = end - 1; i >= Math.max(0, end - 3); i--) {
    const byte = bytes[i] as number;
    if (byte < 0x80) return end;
    if (byte >= 0xc0) return i + (byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2) > end ? i : end;
  }
  return end;
}

/** One step towards a record that fits: fewer errors, then half of the raw data. */
function shrink(row: RejectedRow): RejectedRow {
  if (row.errors.length > 1) {
    return { ...row, errors: row.errors.slice(0, Math.ceil(row.errors.length / 2)), errors_truncated: true };
  }
  const half = Math.floor(row.raw_data.length / 2);
  // base64 is cut after a whole group, text never inside a surrogate pair.
  const raw_data =
    row.raw_encoding === 'base64' ? row.raw_data.slice(0, half - (half % 4)) : prefix(row.raw_data, half);
  return { ...row, raw_data, raw_truncated: true };
}
