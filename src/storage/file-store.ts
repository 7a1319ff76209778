import type { Writable } from 'node:stream';
import type { ReadableFile } from '../decoding/index.js';
import type { S3Location } from './s3/manifest.js';

/** Where Nest finds the store of uploaded files: a FileStore. */
export const FILE_STORE = Symbol('FILE_STORE');

/** Says where a stored file is, for `openFile`, in this process or in another of the service. Only src/storage looks into it. */
export type FileLocation = { kind: 'local'; path: string } | S3Location;

/** A file that is open for reading. `sizeBytes` is its size when it was opened. */
export interface OpenFile extends ReadableFile {
  readonly sizeBytes: number;
  close(): Promise<void>;
}

/** There is no file at the location. */
export class FileGoneError extends Error {
  override readonly name = 'FileGoneError';
}

/** A whole file that belongs to no job yet. */
export interface UncommittedFile {
  /** Where the file is now; another place after each `commit`. */
  readonly location: FileLocation;

  /**
   * Gives the file to a job: when it resolves, the file survives a crash of the machine, and the store has it under the
   * job's id. May be called again with another id, which takes it away from the first. Throws INSUFFICIENT_STORAGE, or
   * the store's error.
   */
  commit(jobId: string): Promise<void>;

  /** Removes the file, whoever has it by now. No error if it is gone. */
  remove(): Promise<void>;
}

/**
 * A file that comes in: first its bytes are written to `body`. Once that has finished the file is whole, and can be
 * committed. `remove` may be called at any time after `body` was ended or destroyed.
 */
export interface IncomingFile extends UncommittedFile {
  /**
   * Takes the file's bytes, with bounded memory. Fails with INSUFFICIENT_STORAGE if there is no space left, with a
   * HashFailure if the file cannot be hashed, or with the store's error.
   */
  readonly body: Writable;
  /** Number of bytes that are written so far. */
  readonly sizeBytes: number;
  /** SHA-256 of the file, in hex. Throws before `body` has finished. */
  readonly sha256: string;
}

/**
 * The uploaded files: those that come in, and one for each job that still needs its own. A process opens them by their
 * location, so it need not have the store. Ids are those of jobs. Without another word, methods throw the store's errors.
 */
export interface FileStore {
  /** Prepares the store: the first call. */
  open(): Promise<void>;

  /** The last call; files that still come in fail. */
  close(): Promise<void>;

  /** Begins a file that comes in. Whoever does so ends or destroys its `body`. */
  create(): IncomingFile;

  /**
   * A file with the bytes of a job's file of `sizeBytes`, as if it had come in: removing one of the two leaves the other.
   * Throws SPOOL_EXPIRED if the file is gone, INSUFFICIENT_STORAGE.
   */
  share(jobId: string, sizeBytes: number): Promise<UncommittedFile>;

  /** Where a job's file is. It need not exist. */
  location(jobId: string): FileLocation;

  has(jobId: string): Promise<boolean>;

  /** Removes a job's file; no error if there is none. */
  remove(jobId: string): Promise<void>;

  /** The ids under which there are committed files. There may be no job with such an id. */
  list(): Promise<string[]>;

  /** Removes files that came in and were never committed, of processes that are gone; resolves with their number. Before uploads begin. */
  removeUncommitted(): Promise<number>;

  /**
   * Takes a committed file that no job knows away from its id, and keeps it; `now` in ms since the epoch. Resolves with
   * where it is then, for people.
   */
  moveAside(jobId: string, now: number): Promise<string>;

  /** Removes the files that were moved aside `before` (ms since the epoch); resolves with their ids. */
  removeOrphans(before: number): Promise<string[]>;

  /** Throws INSUFFICIENT_STORAGE if there is no room for `bytes` more, as far as that is known. */
  requireRoom(bytes: number): Promise<void>;

  /** Throws the store's error if it takes no files. Concurrent calls share one check. */
  requireWritable(): Promise<void>;
}
