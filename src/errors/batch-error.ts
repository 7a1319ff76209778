import { catalogue, type ErrorCode } from './catalogue.js';

/** The one error class that carries a catalogue code. `message` is the detail shown to the user: never row values. */
export class BatchError extends Error {
  override readonly name = 'BatchError';

  constructor(
    readonly code: ErrorCode,
    detail: string,
    options: { cause?: unknown; hint?: string } = {},
  ) {
    super(detail, options.cause === undefined ? undefined : { cause: options.cause });
    this.hint = options.hint ?? catalogue[code].hint;
  }

  readonly hint: string;
}
