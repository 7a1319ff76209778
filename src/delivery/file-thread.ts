import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import type { SourceSettings } from '../sources/index.js';
import { LazyThread, type OpenFile, type ThreadWorker } from '../storage/index.js';
import { errorOf, type FileAnswer, type FileOperation, type FileRequest } from './file-requests.js';
import type { JobFile } from './open-job-file.js';

const WORKER = fileURLToPath(new URL(`./file-worker${extname(import.meta.url)}`, import.meta.url));
/** Several times what an SDK needs; what it fetches lies outside of the heap. */
const MEMORY = { maxOldGenerationSizeMb: 128, maxYoungGenerationSizeMb: 4 };
/** A file has two blocks: one that is read, and one that is being filled. */
const BLOCK_BYTES = 1024 * 1024;

type Ask = (operation: FileOperation) => Promise<number>;

/**
 * Reads files from the network on a separate thread, beside the one that parses them: requests, encryption and the garbage
 * that comes of it cost as much as parsing. The thread starts with the first file and keeps no process alive. If it dies,
 * what it was asked fails with the code `ThreadEnded`, and the next file starts another.
 */
export class FileThread {
  readonly #thread: LazyThread<FileAnswer>;
  #waiting = new Map<number, PromiseWithResolvers<number>>();
  #lastRequest = 0;
  #lastFile = 0;

  constructor(start: () => ThreadWorker) {
    this.#thread = new LazyThread({
      start,
      onAnswer: (answer) => this.#take(answer),
      onEnd: (cause) => this.#fail(cause),
    });
  }

  static of(sources: SourceSettings): FileThread {
    return new FileThread(() => new Worker(WORKER, { name: 'files', workerData: sources, resourceLimits: MEMORY }));
  }

  /** Throws as `openJobFile`; reads as those of its file. */
  async open(jobFile: JobFile): Promise<OpenFile> {
    const { worker } = this.#thread;
    const file = ++this.#lastFile;
    const ask: Ask = (operation) => this.#ask(worker, file, operation);
    return new ThreadFile(ask, await ask({ type: 'open', jobFile }));
  }

  #ask(worker: ThreadWorker, file: number, operation: FileOperation): Promise<number> {
    if (!this.#thread.isAlive(worker)) return Promise.reject(threadEnded());
    const waiting = Promise.withResolvers<number>();
    const request = ++this.#lastRequest;
    this.#waiting.set(request, waiting);
    worker.postMessage({ request, file, operation } satisfies FileRequest);
    return waiting.promise;
  }

  #take(answer: FileAnswer): void {
    const waiting = this.#waiting.get(answer.request);
    this.#waiting.delete(answer.request);
    if ('value' in answer) waiting?.resolve(answer.value);
    else waiting?.reject(errorOf(answer.failure));
  }

  #fail(cause: unknown): void {
    const waiting = this.#waiting;
    this.#waiting = new Map();
    for (const { reject } of waiting.values()) reject(threadEnded(cause));
  }
}

function threadEnded(cause?: unknown): Error {
  return Object.assign(new Error('The thread that reads files has ended', { cause }), { code: 'ThreadEnded' });
}

/** Bytes of a file in memory that both threads see. */
class Block {
  readonly #shared: SharedArrayBuffer;
  readonly #bytes: Buffer;
  start = 0;
  end = 0;
  /** What is being read into it; rejects as the read does. */
  filled: Promise<void> = Promise.resolve();

  constructor(sizeBytes: number) {
    this.#shared = new SharedArrayBuffer(sizeBytes);
    this.#bytes = Buffer.from(this.#shared);
  }

  holds(position: number): boolean {
    return this.start <= position && position < this.end;
  }

  /** Fills it, once what was read into it before has come or failed. */
  fill(ask: Ask, position: number, end: number): void {
    this.start = position;
    this.end = end;
    const length = end - position;
    this.filled = this.filled
      .catch(() => undefined)
      .then(() => ask({ type: 'read', into: this.#shared, length, position }))
      .then((bytesRead) => {
        if (bytesRead < length) throw new Error(`${length - bytesRead} bytes are missing`);
      });
    // Nobody may ever wait for it.
    this.filled.catch(() => undefined);
  }

  copyTo(target: Buffer, offset: number, from: number, to: number): number {
    return this.#bytes.copy(target, offset, from - this.start, Math.min(to, this.end) - this.start);
  }

  /** What it holds is not to be used. */
  drop(): void {
    this.end = this.start;
  }
}

/** A file that is open on the thread. Reads that go forward find the next block filled. */
class ThreadFile implements OpenFile {
  readonly #blocks: [Block, Block];
  /** Where the last read ended. */
  #position = 0;
  #last: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly ask: Ask,
    readonly sizeBytes: number,
  ) {
    const blockBytes = Math.min(BLOCK_BYTES, sizeBytes);
    this.#blocks = [new Block(blockBytes), new Block(blockBytes)];
  }

  /** One after the other: there are two blocks. */
  read(buffer: Buffer, offset: number, length: number, position: number): Promise<{ bytesRead: number }> {
    const read = this.#last.then(() =>
      this.#read(buffer, offset, position, Math.min(position + length, this.sizeBytes)),
    );
    this.#last = read.catch(() => undefined);
    return read;
  }

  async close(): Promise<void> {
    await this.ask({ type: 'close' });
  }

  async #read(buffer: Buffer, offset: number, position: number, end: number): Promise<{ bytesRead: number }> {
    if (position >= end) return { bytesRead: 0 };
    const isForward = position === this.#position;
    this.#position = end;
    for (let at = position; at < end; ) {
      const block = this.#blockAt(at, isForward ? this.sizeBytes : end);
      if (isForward) this.#fillNext(block);
      try {
        await block.filled;
      } catch (error) {
        for (const each of this.#blocks) each.drop();
        throw error;
      }
      at += block.copyTo(buffer, offset + at - position, at, end);
    }
    return { bytesRead: end - position };
  }

  /** The block that holds the position, or soon will, up to `end` at most. */
  #blockAt(position: number, end: number): Block {
    const found = this.#blocks.find((block) => block.holds(position));
    if (found !== undefined) return found;
    const [block] = this.#blocks;
    block.fill(this.ask, position, Math.min(position + BLOCK_BYTES, end));
    return block;
  }

  #fillNext(block: Block): void {
    const other = this.#blocks.find((each) => each !== block) as Block;
    if (block.end >= this.sizeBytes || other.holds(block.end)) return;
    other.fill(this.ask, block.end, Math.min(block.end + BLOCK_BYTES, this.sizeBytes));
  }
}
