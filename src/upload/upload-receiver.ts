import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Writable } from 'node:stream';
import multer from 'multer';
import { type BodyPace, type ConcurrencyLimit, inviteBody, traceContextOf, watchBody } from '../api/index.js';
import type { Access } from '../auth/index.js';
import { ServiceError } from '../errors/index.js';
import { inspectHead, readHead, STORED_HEAD_BYTES } from '../ingest/index.js';
import type { Metrics } from '../observability/metrics/index.js';
import type { Tracing } from '../observability/tracing/index.js';
import { type FileIntake, type FileLocation, openFile } from '../storage/index.js';
import { watchFields } from './form-watch.js';
import { FORM_LIMITS, fileTooLarge, fromMulter } from './multer-error.js';
import { MulterRequest } from './multer-request.js';
import { ReceivedUpload } from './received-upload.js';
import { type StoredUpload, UploadStorage } from './upload-storage.js';

/** What a multipart body may hold beside the file. */
const MULTIPART_OVERHEAD_BYTES = 64 * 1024;
const MAX_FILENAME_CHARACTERS = 255;

/** Injects the limit that all receivers share. */
export const UPLOAD_LIMIT = Symbol('UPLOAD_LIMIT');

export interface UploadLimits {
  /** Size limit of a file: one of exactly this size passes. */
  maxFileBytes: number;
  pace: BodyPace;
  /** How many uploads may be received at a time. */
  concurrency: ConcurrencyLimit;
  metrics: Metrics;
  tracing: Tracing;
}

/**
 * Looks at what the request says before its file: the query, and the fields that came first. What it throws ends the
 * upload there, before a byte of the file is read.
 */
export type UploadAdmission = (access: Access, query: Fields, fields: Fields) => Promise<void>;

/** A file that a job keeps. */
export interface KeptFile {
  fileKey: string;
  filename: string;
  sizeBytes: number;
  /** In hex; null: it was not found out when the file came. */
  sha256: string | null;
}

/** Finds the file of the job that `from_job` names in place of a file; what it throws refuses the request. */
export type FindKept = (jobId: string, access: Access) => Promise<KeptFile>;

type Fields = Readonly<Record<string, unknown>>;

/** Receives the files of multipart requests into the store. */
export class UploadReceiver {
  constructor(
    private readonly files: FileIntake,
    private readonly limits: UploadLimits,
    private readonly admit: UploadAdmission,
    /** Absent: `from_job` means nothing here. */
    private readonly findKept?: FindKept,
  ) {}

  /**
   * Receives the one file of a request, or finds the kept one that it names, and the fields around it. Refuses as early as it can:
   * an answer does not wait for the end of the body. If it throws, no file is left.
   *
   * Throws UNSUPPORTED_MEDIA_TYPE, FILE_TOO_LARGE, INSUFFICIENT_STORAGE, INVALID_MULTIPART, INVALID_OPTION,
   * UPLOAD_TIMEOUT, SERVICE_BUSY, MISSING_FILE, READ_ERROR, UNSUPPORTED_FILE_TYPE (if it is not text), and what the admission throws.
   */
  async receive(
    request: IncomingMessage,
    response: ServerResponse,
    query: Fields,
    access: Access,
  ): Promise<ReceivedUpload> {
    const { concurrency, metrics, tracing } = this.limits;
    const leave = concurrency.enter();
    const startedAt = performance.now();
    const span = tracing.start('receive file', { kind: 'internal', parent: traceContextOf(request) });
    metrics.uploadsInProgress.inc();
    try {
      const upload = await this.#receiveNow(request, response, query, access);
      metrics.uploads.inc({ result: 'received' });
      metrics.uploadBytes.inc(upload.sizeBytes);
      metrics.uploadDuration.observe((performance.now() - startedAt) / 1000);
      span.set({ 'file.size': upload.sizeBytes });
      span.end();
      return upload;
    } catch (error) {
      const result = error instanceof ServiceError ? error.code : 'INTERNAL';
      metrics.uploads.inc({ result });
      span.end(result);
      throw error;
    } finally {
      metrics.uploadsInProgress.dec();
      leave();
    }
  }

  async #receiveNow(
    request: IncomingMessage,
    response: ServerResponse,
    query: Fields,
    access: Access,
  ): Promise<ReceivedUpload> {
    const { files, limits } = this;
    const tooLarge = (): ServiceError => fileTooLarge(limits.maxFileBytes);
    requireMultipart(request.headers['content-type']);
    const announced = Number(request.headers['content-length'] ?? 0);
    if (announced > limits.maxFileBytes + MULTIPART_OVERHEAD_BYTES) throw tooLarge();
    await files.requireRoom(announced);
    // Without a 'close' to come, multer would wait for ever.
    if (request.destroyed) throw new ServiceError('INVALID_MULTIPART', 'The client went away');
    inviteBody(request, response);

    const form = new MulterRequest(request);
    const storage = new UploadStorage(files, tooLarge, () => this.admit(access, query, givenFields(form.body)));
    try {
      const file = await parseForm(form, response, storage, limits);
      const fields = givenFields(form.body);
      const from = fields['from_job'] ?? query['from_job'];
      if (from === undefined || this.findKept === undefined) {
        if (file === undefined) throw missingFile('file' in form.body);
        return await takeFile(file, storage, fields);
      }
      if (file !== undefined) throw new ServiceError('INVALID_OPTION', 'from_job: the request has a file as well');
      if (typeof from !== 'string') throw new ServiceError('INVALID_OPTION', 'from_job: given more than once');
      return await takeKept(await this.findKept(from, access), fields, files);
    } catch (error) {
      await storage.settled();
      await storage.discard();
      throw fromMulter(storage.failure ?? error, limits.maxFileBytes);
    }
  }
}

function requireMultipart(type: string | undefined): void {
  const media = type?.split(';', 1)[0]?.trim().toLowerCase();
  if (media === 'multipart/form-data') return;
  throw new ServiceError(
    'UNSUPPORTED_MEDIA_TYPE',
    media === undefined ? 'The request has no Content-Type' : `The content type '${media}' is not accepted here`,
  );
}

function parseForm(
  form: MulterRequest,
  response: ServerResponse,
  storage: UploadStorage,
  { maxFileBytes, pace }: UploadLimits,
): Promise<Express.Multer.File | undefined> {
  const parser = multer({
    storage,
    limits: { ...FORM_LIMITS, files: 1, fileSize: maxFileBytes },
    defParamCharset: 'utf8',
    streamHandler: (_form: unknown, busboy: Writable) => {
      form.raw.pipe(busboy);
      watchFields(form.raw, busboy, (error) => form.emit('error', error));
    },
  } as multer.Options).single('file');
  return new Promise((resolve, reject) => {
    const stopWatch = watchBody(
      form.raw,
      {
        ...pace,
        // Parts that multer skips count too.
        maxBytes: maxFileBytes + MULTIPART_OVERHEAD_BYTES,
        tooLarge: () => fileTooLarge(maxFileBytes),
      },
      (error) => form.emit('error', error),
    );
    const done = (error?: unknown): void => {
      stopWatch();
      if (error) reject(error);
      else resolve((form as { file?: Express.Multer.File }).file);
    };
    // Multer asks for Express types, but uses no more of them than MulterRequest has.
    const middleware = parser as unknown as (
      request: MulterRequest,
      response: ServerResponse,
      next: typeof done,
    ) => void;
    middleware(form, response, done);
  });
}

/** A field that was left empty is one that was not given; a note kept with the job may be empty. */
function givenFields(fields: Fields): Fields {
  return Object.fromEntries(
    Object.entries(fields).filter(([name, value]) => value !== '' || name.startsWith('metadata.')),
  );
}

function missingFile(isPlainField: boolean): ServiceError {
  return new ServiceError(
    'MISSING_FILE',
    isPlainField
      ? "'file' came as a plain field, without a file name (with curl: -F file=@data.csv)"
      : "The form has no file part named 'file' with a file name",
  );
}

async function takeFile(
  { originalname }: Express.Multer.File,
  { stored }: UploadStorage,
  fields: Fields,
): Promise<ReceivedUpload> {
  if (stored === null) throw missingFile(false);
  const name = displayName(originalname);
  const { file, size, sha256, fileCompression, head } = stored;
  const upload = new ReceivedUpload(file, name, size, sha256, fileCompression, head, fields);
  // What a large file holds may begin behind its head.
  if (head.length > 0 || size > STORED_HEAD_BYTES) return upload;
  await upload.discard();
  throw nothingToRead(stored);
}

/** The job gets a separate file, so that each job removes its own. */
async function takeKept(
  { fileKey, filename, sizeBytes, sha256 }: KeptFile,
  fields: Fields,
  files: FileIntake,
): Promise<ReceivedUpload> {
  const file = await files.share(fileKey, sizeBytes);
  try {
    const { fileCompression, head } = await inspectHead(await headOf(file.location));
    return new ReceivedUpload(file, filename, sizeBytes, sha256, fileCompression, head, fields);
  } catch (error) {
    await file.remove();
    throw error;
  }
}

async function headOf(location: FileLocation): Promise<Buffer> {
  const file = await openFile(location);
  try {
    return await readHead(file);
  } finally {
    await file.close();
  }
}

function nothingToRead({ fileCompression, failure }: StoredUpload): ServiceError {
  if (failure !== null) {
    return new ServiceError('READ_ERROR', `The file cannot be decompressed: ${failure.message}`, { cause: failure });
  }
  const when = fileCompression === 'none' ? '' : ` after ${fileCompression} decompression`;
  return new ServiceError('READ_ERROR', `The file is empty${when}`);
}

/**
 * A file name fit to be shown: at most 255 characters, and none that controls how others look (control and format
 * characters, among them those that change the direction of text; line and paragraph separators; lone surrogates).
 */
function displayName(name: string): string {
  const clean = name.replace(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu, '\uFFFD');
  return Array.from(clean).slice(0, MAX_FILENAME_CHARACTERS).join('');
}
