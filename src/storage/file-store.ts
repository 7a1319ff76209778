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
  /** The key that the file was given at its beginning, and keeps; null: none, so it takes any. */
  readonly key: string | null;
  /** Where the file is now; another place after each `commit`. */
  readonly location: FileLocation;
  /** A request has failed, so a part of the file may appear after `remove`: the key is to be removed once more, later. */
  readonly isInDoubt: boolean;

  /**
   * When it resolves, the file survives a crash of the machine, and the store has it under the key. A file whose `key` is
   * null may be committed again under another one, which takes it away from the first. Throws INSUFFICIENT_STORAGE, or
   * the store's error.
   */
  commit(key: string): Promise<void>;

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

/** What an upload needs of a store. */
export interface FileIntake {
  /** Begins a file that comes in. Whoever does so ends or destroys its `body`. */
  create(): Promise<IncomingFile>;

  /** As `FileStore.share`. */
  share(key: string, sizeBytes: number): Promise<UncommittedFile>;

  /** As `FileStore.requireRoom`. */
  requireRoom(bytes: number): Promise<void>;
}

/**
 * The uploaded files: those that come in, and one for each job that still needs its own. A process opens them by their
 * location, so it need not have the store. Without another word, methods throw the store's errors.
 */
export interface FileStore {
  /** Prepares the store: the first call. */
  open(): Promise<void>;

  /** The last call; files that still come in fail. */
  close(): Promise<void>;

  /**
   * Begins a file that comes in. Whoever does so ends or destroys its `body`. `key`: a new UUID, which the store does not
   * know; null: the file gets one when it is committed.
   */
  create(key: string | null): IncomingFile;

  /**
   * A file with the bytes of a committed one of `sizeBytes`, as if it had come in under the key `as`: removing one of the
   * two leaves the other. Throws SPOOL_EXPIRED if the file is gone, INSUFFICIENT_STORAGE.
   */
  share(key: string, sizeBytes: number, as: string | null): Promise<UncommittedFile>;

  /** Where a committed file is. It need not exist. */
  location(key: string): FileLocation;

  /** Whether there is a committed file. */
  has(key: string): Promise<boolean>;

  /** Removes what there is of a file, whole or not, committed or not; no error if there is nothing. */
  remove(key: string): Promise<void>;

  /** Throws INSUFFICIENT_STORAGE if there is no room for `bytes` more, as far as that is known. */
  requireRoom(bytes: number): Promise<void>;

  /** Throws the store's error if it takes no files. Concurrent calls share one check. */
  requireWritable(): Promise<void>;
}
