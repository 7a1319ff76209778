import type { SinkName } from '../../ingest/index.js';
import type { SinkReject } from '../../sinks/index.js';
import type { StoredReject } from './sink-store.js';

/** A row that a sink has rejected, as the API shows it among the rejected rows (openapi: RejectedRow). */
export function storedReject(jobId: string, name: SinkName, reject: SinkReject, now = new Date()): StoredReject {
  const { offset, rowNumber, column, type, error, observed, message, raw, rawTruncated } = reject;
  const value = JSON.stringify({
    job_id: jobId,
    row_number: rowNumber,
    line: null,
    byte_offset: null,
    stage: `sink:${name}`,
    error,
    message,
    errors: [{ column, type, error, observed, message }],
    errors_truncated: false,
    raw_data: raw,
    raw_encoding: 'utf8',
    raw_truncated: rawTruncated,
    timestamp: now.toISOString(),
  });
  return { offset, rowNumber, value };
}
