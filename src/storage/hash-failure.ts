/** Why a file has no digest. A separate class, because the multipart parser throws bare errors for what clients do. */
export class HashFailure extends Error {
  override readonly name = 'HashFailure';
}

/** `cause`: the error that a thread died of; undefined: it exited. */
export function hashThreadEnded(cause: unknown): HashFailure {
  const what = cause === undefined ? 'has ended' : 'failed';
  return new HashFailure(`The thread that hashes files ${what}`, { cause });
}
