import type { ErrorCode, Job, Problem } from './types.js';

/** The service answered with an error. */
export class BatchApiError extends Error {
  override readonly name = 'BatchApiError';
  /** From the contract's closed list; UNEXPECTED_RESPONSE if the response is not one of Batch. */
  readonly code: ErrorCode | 'UNEXPECTED_RESPONSE';
  /** HTTP status. */
  readonly status: number;
  /** What to do about it: one sentence. */
  readonly hint: string;
  /** Finds the request in the server's log. */
  readonly request_id: string | null;
  /** The whole body; null for UNEXPECTED_RESPONSE. */
  readonly problem: Problem | null;
  /** From Retry-After: ms to wait before retrying. */
  readonly retryAfterMs: number | null;

  constructor(response: Response, body: unknown) {
    const problem = isProblem(body) ? body : null;
    super(problem?.message ?? describeStranger(response));
    this.problem = problem;
    this.code = problem?.error ?? 'UNEXPECTED_RESPONSE';
    this.status = response.status;
    this.hint = problem?.hint ?? 'Check the address: something other than Batch, or a proxy before it, answered.';
    this.request_id = problem?.request_id ?? null;
    this.retryAfterMs = retryAfterMs(response.headers.get('retry-after'));
  }
}

/** No answer came: the service is not there, or the connection broke. */
export class BatchConnectionError extends Error {
  override readonly name = 'BatchConnectionError';

  constructor(
    /** The address that was tried. */
    readonly url: string,
    /** The system's code (`ECONNREFUSED`, `ECONNRESET`, …), TIMEOUT, or a description if there is no code. */
    readonly code: string,
    /**
     * true: the request may have reached the service, and only the answer is missing.
     * false: it was never sent.
     */
    readonly replyLost: boolean,
    options?: ErrorOptions,
  ) {
    super(replyLost ? `the connection to ${url} broke (${code})` : `nothing answers at ${url} (${code})`, options);
  }
}

/** `waitForJob` ran out of time; the job itself goes on. */
export class WaitTimeoutError extends Error {
  override readonly name = 'WaitTimeoutError';

  constructor(
    readonly jobId: string,
    /** The job as it was last seen; null if it never was. */
    readonly job: Job | null,
    timeoutMs: number,
  ) {
    super(`job ${jobId} was not over after ${timeoutMs} ms`);
  }
}

/** The file or stream did not have as many bytes as it had promised. */
export class UploadSizeError extends Error {
  override readonly name = 'UploadSizeError';

  constructor(
    readonly filename: string,
    readonly promised: number,
    readonly sent: number,
  ) {
    super(`${filename} changed while it was uploaded: ${promised} bytes were announced, ${sent} came`);
  }
}

function isProblem(body: unknown): body is Problem {
  if (typeof body !== 'object' || body === null) return false;
  const { error, message, hint } = body as Partial<Record<keyof Problem, unknown>>;
  return typeof error === 'string' && typeof message === 'string' && typeof hint === 'string';
}

function describeStranger(response: Response): string {
  const type = response.headers.get('content-type')?.split(';')[0] ?? 'no content type';
  return `${response.url || 'the server'} answered ${response.status} with ${type}, which is not an answer of Batch`;
}

/** RFC 9110: seconds, or a date. */
function retryAfterMs(header: string | null): number | null {
  if (header === null) return null;
  if (/^\d+$/.test(header.trim())) return Number(header) * 1000;
  const date = Date.parse(header);
  return Number.isNaN(date) ? null : Math.max(0, date - Date.now());
}
