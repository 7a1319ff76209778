import { catalogue, type ErrorCode } from './catalogue.js';

/** The one error class that carries a catalogue code. `message` is the detail shown to the user: never row values. */
export class ServiceError extends Error {
  override readonly name = 'ServiceError';

  constructor(
    readonly code: ErrorCode,
    detail: string,
    options: { cause?: unknown; hint?: string; retryAfterS?: number } = {},
  ) {
    super(detail, options.cause === undefined ? undefined : { cause: options.cause });
    this.hint = options.hint ?? catalogue[code].hint;
    this.retryAfterS = options.retryAfterS ?? null;
  }

  readonly hint: string;
  /** Seconds to wait before retrying, if that is known better than by the code. */
  readonly retryAfterS: number | null;
}
