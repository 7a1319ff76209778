import { type ErrorCode, ServiceError } from '../errors/index.js';
import type { Sources } from '../sources/index.js';
import type { OpenFile } from '../storage/index.js';
import { type JobFile, openJobFile } from './open-job-file.js';

export type FileOperation =
  | { type: 'open'; jobFile: JobFile }
  | { type: 'read'; into: SharedArrayBuffer; length: number; position: number }
  | { type: 'close' };

/** What the thread of a FileThread is asked. Each request is answered, in any order. `file`: a number that is given once. */
export interface FileRequest {
  request: number;
  file: number;
  operation: FileOperation;
}

/** The size of the file that was opened, the number of bytes that were read, or 0. */
export type FileAnswer = { request: number } & ({ value: number } | { failure: Failure });

/** An error as it gets from one thread to the other: clones have lost their codes. */
export interface Failure {
  readonly message: string;
  readonly code: string | undefined;
  /** null: not a ServiceError. */
  readonly service: { hint: string; retryAfterS: number | null } | null;
  readonly cause: Failure | null;
}

/** Answers requests with the files that it opens. */
export class FileRequests {
  readonly #files = new Map<number, { file: OpenFile; last: Promise<unknown> }>();

  constructor(private readonly sources: Pick<Sources, 'open'>) {}

  /** Never rejects. */
  async answer(request: FileRequest): Promise<FileAnswer> {
    try {
      return { request: request.request, value: await this.#carryOut(request) };
    } catch (error) {
      return { request: request.request, failure: failureOf(error) };
    }
  }

  async #carryOut({ file: id, operation }: FileRequest): Promise<number> {
    if (operation.type === 'open') {
      const file = await openJobFile(this.sources, operation.jobFile);
      this.#files.set(id, { file, last: Promise.resolve() });
      return file.sizeBytes;
    }
    const open = this.#files.get(id);
    if (open === undefined) throw new Error('The file is closed');
    if (operation.type === 'read') {
      const { into, length, position } = operation;
      // One after the other: a file may take two that go forward at once for one that jumps.
      const read = open.last.then(() => open.file.read(Buffer.from(into), 0, length, position));
      open.last = read.catch(() => undefined);
      return (await read).bytesRead;
    }
    this.#files.delete(id);
    await open.file.close();
    return 0;
  }
}

/** How many causes of an error are told. */
const MAX_CAUSES = 3;

function failureOf(error: unknown, causes = MAX_CAUSES): Failure {
  const { message = String(error), code, cause } = error as Error & { code?: unknown };
  return {
    message,
    code: typeof code === 'string' ? code : undefined,
    service: error instanceof ServiceError ? { hint: error.hint, retryAfterS: error.retryAfterS } : null,
    cause: cause === undefined || causes === 0 ? null : failureOf(cause, causes - 1),
  };
}

/** The error that became the failure. */
export function errorOf({ message, code, service, cause }: Failure): Error {
  const options = cause === null ? {} : { cause: errorOf(cause) };
  if (service === null) return Object.assign(new Error(message, options), code === undefined ? {} : { code });
  const { hint, retryAfterS } = service;
  return new ServiceError(code as ErrorCode, message, {
    ...{ ...options, hint },
    ...(retryAfterS === null ? {} : { retryAfterS }),
  });
}
