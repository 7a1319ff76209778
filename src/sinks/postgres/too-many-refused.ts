import type { SinkReject } from '../sink-reject.js';

/** More rows were rejected than may be; nothing was written. */
export class TooManyRefused extends Error {
  override readonly name = 'TooManyRefused';

  constructor(
    /** By offset, those that were not even sent among them. */
    readonly rejects: SinkReject[],
  ) {
    super(`${rejects.length} rows were rejected`);
  }
}
