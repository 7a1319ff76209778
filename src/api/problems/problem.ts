import { catalogue, type ErrorCode, ServiceError } from '../../errors/index.js';

/** What every error answer carries: RFC 9457 members, then our own. */
export interface Problem {
  type: string;
  title: string;
  status: number;
  detail: string;
  instance: string;
  error: ErrorCode;
  message: string;
  hint: string;
  request_id: string;
}

export const PROBLEM_CONTENT_TYPE = 'application/problem+json; charset=utf-8';

/**
 * The body of an error response. An error that is not a ServiceError, or one that no request may end with, becomes
 * INTERNAL_ERROR and does not disclose its cause.
 * `path` is the request's path without its query.
 */
export function toProblem(error: unknown, path: string, id: string): Problem {
  const known = error instanceof ServiceError && catalogue[error.code].status !== null ? error : INTERNAL_ERROR;
  const { status, title } = catalogue[known.code];
  return {
    type: `/docs/errors#${known.code}`,
    title,
    status: status ?? 500,
    detail: known.message,
    instance: path,
    error: known.code,
    message: known.message,
    hint: known.hint,
    request_id: id,
  };
}

const INTERNAL_ERROR = new ServiceError('INTERNAL_ERROR', 'The request could not be completed');

/** Seconds to wait before retrying; null if the error will not pass by itself. */
export function retryAfterSeconds(code: ErrorCode): number | null {
  if (code === 'SERVICE_BUSY') return 2;
  const isAway = code === 'KAFKA_UNAVAILABLE' || code === 'STORAGE_UNAVAILABLE' || code === 'STORE_UNAVAILABLE';
  return isAway || code === 'TOPIC_LIMIT' || code === 'SOURCE_UNAVAILABLE' ? 5 : null;
}
