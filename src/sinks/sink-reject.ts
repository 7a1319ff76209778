/** Why a sink does not take a value, or a row. */
export const SINK_ROW_ERROR_CODES = ['OUT_OF_RANGE', 'UNSUPPORTED_VALUE', 'REFUSED_BY_SINK'] as const;
export type SinkRowErrorCode = (typeof SINK_ROW_ERROR_CODES)[number];

/** A row that a sink does not take. */
export interface SinkReject {
  offset: number;
  rowNumber: number;
  /** null if the database does not say. */
  column: string | null;
  type: string | null;
  error: SinkRowErrorCode;
  /** At most 256 characters; null if there is no single value. */
  observed: string | null;
  /** At most 512 characters. */
  message: string;
  /** The row as JSON, at most 64 KiB of it. */
  raw: string;
  rawTruncated: boolean;
}
