import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { HashFailure, hashThreadEnded } from '../hash-failure.js';
import { LazyThread } from '../lazy-thread.js';

const WORKER = fileURLToPath(new URL(`./hash-worker${extname(import.meta.url)}`, import.meta.url));
/** A message costs this thread some 20 µs, and its answer as much. */
const STEP_BYTES = 2 * 1024 * 1024;
/** Number of bytes to hash of a file that is behind, before the others get their turn. */
const MAX_STEP_BYTES = 8 * 1024 * 1024;
/** Far more than the thread needs, so that a fault in it never takes the memory of the service. */
const MEMORY = { maxOldGenerationSizeMb: 16, maxYoungGenerationSizeMb: 1 };

/** What the thread is asked: to read a file on to a length, which may be its whole, or to forget it. */
export type HashRequest = { id: number } & ({ path: string; upTo: number; isWhole: boolean } | { isDropped: true });

/** The answer to each request to read on. After a digest, in hex, or a failure the thread has forgotten the file. */
export type HashAnswer = { id: number } & ({ upTo: number } | { digest: string } | { failure: Error });

/**
 * Computes the SHA-256 of files while they are written, on one thread beside the one that answers HTTP. The thread reads
 * the files back, out of the system's cache: what is hashed is what was written, and no buffer changes hands. It starts
 * with the first file and keeps no process alive. If it dies, the files that it had fail, and the next one starts another.
 */
export class HashThread {
  readonly #thread = new LazyThread<HashAnswer>({
    start: () => new Worker(WORKER, { name: 'hash', resourceLimits: MEMORY }),
    onAnswer: (answer) => this.#take(answer),
    onEnd: (cause) => this.#fail(cause),
  });
  readonly #files = new Map<number, FileHash>();
  #lastId = 0;

  /** Begins with a file that is there. To be ended by `end`, or by `drop`. Throws if no thread can be started. */
  begin(path: string): FileHash {
    const { worker } = this.#thread;
    const id = ++this.#lastId;
    const file = new FileHash({
      read: (upTo, isWhole) => worker.postMessage({ id, path, upTo, isWhole } satisfies HashRequest),
      drop: () => {
        if (this.#files.delete(id)) worker.postMessage({ id, isDropped: true } satisfies HashRequest);
      },
    });
    this.#files.set(id, file);
    return file;
  }

  /** Ends the thread; files that it has fail. */
  async stop(): Promise<void> {
    await this.#thread.stop();
  }

  #fail(cause: unknown): void {
    const files = [...this.#files.values()];
    this.#files.clear();
    for (const file of files) file.fail(hashThreadEnded(cause));
  }

  #take(answer: HashAnswer): void {
    const file = this.#files.get(answer.id);
    if (file === undefined) return; // dropped meanwhile
    if ('upTo' in answer) {
      file.goOn(answer.upTo);
      return;
    }
    this.#files.delete(answer.id);
    if ('digest' in answer) file.succeed(answer.digest);
    else file.fail(new HashFailure('A spooled file could not be read to be hashed', { cause: answer.failure }));
  }
}

/** The hash of one file that is being written. At most one request of a file is under way. */
export class FileHash {
  readonly #outcome = Promise.withResolvers<string>();
  readonly #thread: { read(upTo: number, isWhole: boolean): void; drop(): void };
  #written = 0;
  #isWhole = false;
  #hashed = 0;
  #isReading = false;

  constructor(thread: { read(upTo: number, isWhole: boolean): void; drop(): void }) {
    this.#thread = thread;
  }

  /** In hex, some time after `end`; rejects with a HashFailure as soon as there is one. Stays open after `drop`. */
  get digest(): Promise<string> {
    return this.#outcome.promise;
  }

  /** Reports the number of bytes of the file that are written so far. */
  written(bytes: number): void {
    this.#written = bytes;
    if (bytes - this.#hashed >= STEP_BYTES) this.#read();
  }

  /** The file is whole: what was `written` is its length. */
  end(): void {
    this.#isWhole = true;
    this.#read();
  }

  /** The file is not wanted any more; nothing happens if it is hashed. */
  drop(): void {
    this.#thread.drop();
  }

  /** The thread has come so far. */
  goOn(hashed: number): void {
    this.#hashed = hashed;
    this.#isReading = false;
    if (this.#isWhole || this.#written - hashed >= STEP_BYTES) this.#read();
  }

  succeed(digest: string): void {
    this.#outcome.resolve(digest);
  }

  fail(error: HashFailure): void {
    this.#outcome.reject(error);
  }

  #read(): void {
    if (this.#isReading) return;
    this.#isReading = true;
    const upTo = Math.min(this.#written, this.#hashed + MAX_STEP_BYTES);
    this.#thread.read(upTo, this.#isWhole && upTo === this.#written);
  }
}
