/** Where a bucket is. Credentials are not here: each process finds them itself, so that they travel nowhere. */
export interface S3Settings {
  bucket: string;
  /** What every key begins with; empty or with a slash at its end. */
  prefix: string;
  /** URL of the server; null: Amazon S3. */
  endpoint: string | null;
  /** null: as the AWS SDK finds it. */
  region: string | null;
  /** The bucket is the first part of the URL's path, not of the host's name. */
  isPathStyle: boolean;
}
