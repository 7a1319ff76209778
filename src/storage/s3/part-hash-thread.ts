import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { HashFailure, hashThreadEnded } from '../hash-failure.js';
import { LazyThread } from '../lazy-thread.js';

const WORKER = fileURLToPath(new URL(`./part-hash-worker${extname(import.meta.url)}`, import.meta.url));
/** Far more than the thread needs, so that a fault in it never takes the memory of the service. */
const MEMORY = { maxOldGenerationSizeMb: 16, maxYoungGenerationSizeMb: 1 };

/** What the thread is asked: to add bytes to the hash of a file, to end it, or to forget it. Answered in this order, but for the last. */
export type PartHashRequest = { file: number } & ({ bytes: Uint8Array } | { isEnd: true } | { isDropped: true });

/** CRC-32 of the bytes that were added, or the SHA-256 of the whole file, in hex. */
export type PartHashAnswer = { crc32: number } | { digest: string };

type Waiting = PromiseWithResolvers<PartHashAnswer>;

/**
 * Computes checksums of files' parts, and the SHA-256 of the files, on one thread beside the one that answers HTTP. Parts
 * lie in shared memory, so nothing is copied. The thread starts with the first file and keeps no process alive. If it
 * dies, the files that it had fail, and the next one starts another.
 */
export class PartHashThread {
  readonly #thread = new LazyThread<PartHashAnswer>({
    start: () => new Worker(WORKER, { name: 'part-hash', resourceLimits: MEMORY }),
    onAnswer: (answer) => this.#waiting.shift()?.resolve(answer),
    onEnd: (cause) => this.#fail(cause),
  });
  #waiting: Waiting[] = [];
  #lastFile = 0;

  /** Begins with a file. To be ended by `end`, or by `drop`. Throws if no thread can be started. */
  begin(): PartHash {
    const { worker } = this.#thread;
    const file = ++this.#lastFile;
    return new PartHash(
      (request) => {
        if (!this.#thread.isAlive(worker)) return Promise.reject(hashThreadEnded(undefined));
        const waiting = Promise.withResolvers<PartHashAnswer>();
        this.#waiting.push(waiting);
        worker.postMessage({ file, ...request } satisfies PartHashRequest);
        return waiting.promise;
      },
      () => {
        if (this.#thread.isAlive(worker)) worker.postMessage({ file, isDropped: true } satisfies PartHashRequest);
      },
    );
  }

  /** Ends the thread; files that it has fail. */
  async stop(): Promise<void> {
    await this.#thread.stop();
  }

  #fail(cause: unknown): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const { reject } of waiting) reject(hashThreadEnded(cause));
  }
}

/** The hash of one file that comes in. Its methods reject with a HashFailure. */
export class PartHash {
  constructor(
    private readonly ask: (request: { bytes: Uint8Array } | { isEnd: true }) => Promise<PartHashAnswer>,
    private readonly forget: () => void,
  ) {}

  /** Adds the next bytes, which lie in shared memory and stay as they are until this resolves with their CRC-32. */
  async add(bytes: Uint8Array): Promise<number> {
    const answer = await this.ask({ bytes });
    if ('crc32' in answer) return answer.crc32;
    throw new HashFailure('The thread that hashes files has lost count');
  }

  /** Resolves with the SHA-256 of all that was added, in hex. */
  async end(): Promise<string> {
    const answer = await this.ask({ isEnd: true });
    if ('digest' in answer) return answer.digest;
    throw new HashFailure('The thread that hashes files has lost count');
  }

  /** The file is not wanted any more; nothing happens if it is hashed. */
  drop(): void {
    this.forget();
  }
}
