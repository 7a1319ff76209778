/** Why a file has no digest. A separate class, because the multipart parser throws bare errors for what clients do. */
export class HashFailure extends Error {
  override readonly name = 'HashFailure';
}
