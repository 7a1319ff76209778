import type { Readable } from 'node:stream';

/** The schemes of URIs that files are read from. */
export const SOURCE_SCHEMES = ['file', 's3', 'gs', 'az', 'https', 'http'] as const;
export type SourceScheme = (typeof SOURCE_SCHEMES)[number];

/** Where a file lies: `s3://<bucket>/<key>`, `gs://<bucket>/<name>`, `az://<account>/<container>/<name>`, `file:///<path>`, `https://…`. */
export interface SourceUri {
  readonly scheme: SourceScheme;
  /** As it is shown and compared: without credentials, and with nothing that two spellings of one place differ in. */
  readonly href: string;
  /** Bucket, account or host (with its port); empty for `file`. */
  readonly authority: string;
  /** Decoded, without the slash at its beginning; for `file` the absolute path. */
  readonly path: string;
}

/** One version of a file, as it is where it lies. */
export interface SourceVersion {
  /**
   * What this version differs in from every other one under the same URI; of the source's own making, at most 1,000
   * characters, no secret. A job keeps it, and reads this version or nothing.
   */
  readonly version: string;
  readonly sizeBytes: number;
  /** false: only the whole file can be had, and `fetch` is asked for all of it. */
  readonly ranges?: boolean;
}

/** A file as a listing shows it. */
export interface ListedFile {
  /** As `SourceUri.href`. */
  readonly uri: string;
  /** What `listedVersion` makes of the version that `stat` finds: some listings say less of a file than a look at it alone. */
  readonly version: string;
  readonly sizeBytes: number;
  /** When its bytes were written last. */
  readonly modifiedAt: Date;
}

export interface ListOptions {
  /** The `path` of the last file that is known already: only those behind it are listed. */
  readonly after?: string | undefined;
  /** Whether files of a folder (its path, with a slash at its end) are wanted; a source may list them all the same. Absent: of all. */
  readonly enters?: ((folder: string) => boolean) | undefined;
  /** Number of files of one page, at most; a source may give fewer. */
  readonly limit: number;
  readonly signal: AbortSignal;
}

/** Age in ms below which a local file may still be written, with no other time to show for it. */
export const MIN_LOCAL_AGE_MS = 2_000;
/** Time in ms for one page of a listing. */
export const PAGE_MS = 30_000;
/** Files of one page, at most: no store gives more at once. */
export const MAX_PAGE = 1_000;

/**
 * One system that files are read from. Methods throw ServiceError SOURCE_NOT_FOUND, SOURCE_FORBIDDEN, SOURCE_CHANGED or
 * SOURCE_UNSUPPORTED, after which another attempt is of no use; whatever else they throw may pass. Messages name the URI,
 * never credentials.
 */
export interface Source {
  /** As `RangeFetcher` has it; absent: false. */
  readonly leavesChunks?: boolean;
  /** The version that is there now. */
  stat(uri: SourceUri, signal: AbortSignal): Promise<SourceVersion>;
  /**
   * The bytes `from` to `to` (exclusive) of a version, exactly these, as they come. Throws SOURCE_CHANGED if the version is
   * not there any more. `signal` ends the request and its body.
   */
  fetch(uri: SourceUri, version: SourceVersion, from: number, to: number, signal: AbortSignal): Promise<Readable>;
  /**
   * The files whose paths begin with that of `prefix`, which may be empty or end anywhere, in pages: in the order of the
   * UTF-8 bytes of their paths, and never an empty page. What is created or replaced meanwhile may be listed or not. Files
   * that no URI names (with control characters, or a slash at the end) are left out. Throws SOURCE_UNSUPPORTED if the
   * source has no listing.
   */
  list(prefix: SourceUri, options: ListOptions): AsyncIterable<readonly ListedFile[]>;
  /**
   * Deletes a version, and no other: one that has taken its place stays (SOURCE_CHANGED). Absent: files can only be read. Throws
   * SOURCE_UNSUPPORTED if the system cannot compare versions.
   */
  delete?(uri: SourceUri, version: SourceVersion, signal: AbortSignal): Promise<void>;
  /** Ends idle connections. */
  close(): Promise<void>;
}
