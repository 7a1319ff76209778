import { type FileHandle, open, rename, rm } from 'node:fs/promises';
import type { Logger } from 'pino';

export interface ErrorsLogOptions {
  path: string;
  /** A file of this size is rotated. */
  maxBytes: number;
  /** Files that are kept, the current one among them: `path`, `path.1` and so on, the oldest last. */
  files: number;
  log: Logger;
  /** Counts rows that were written, or left out. */
  count(result: 'written' | 'dropped', rows: number): void;
}

/** What waits to be written; more is left out. */
const MAX_QUEUED_BYTES = 16_000_000;
/** After a failure, what comes within this time is left out. */
const RETRY_MS = 1_000;
const NEWLINE = 10;

interface Chunk {
  text: Buffer;
  rows: number;
}

/**
 * The file of ERRORS_LOG: a line of JSON for each rejected row, rotated by size. Nobody waits for it: what the disk does
 * not take, or not in time, is left out and counted, and jobs go on.
 */
export class ErrorsLog {
  #queue: Chunk[] = [];
  #queuedBytes = 0;
  #writing: Promise<void> | undefined;
  #file: { handle: FileHandle; size: number } | undefined;
  #failure: { at: number; reason: string } | null = null;

  constructor(private readonly options: ErrorsLogOptions) {}

  /** Takes whole lines, each with its line end, for this number of rows. */
  write(lines: string, rows: number): void {
    const text = Buffer.from(lines);
    if (this.#queuedBytes + text.length > MAX_QUEUED_BYTES) {
      this.leftOut(rows);
      return;
    }
    this.#queue.push({ text, rows });
    this.#queuedBytes += text.length;
    this.#writing ??= this.#writeAll().finally(() => {
      this.#writing = undefined;
    });
  }

  /** Rows that nobody will write. */
  leftOut(rows: number): void {
    this.options.count('dropped', rows);
  }

  /** For /readyz: why rows are left out; null: they are not. */
  trouble(): string | null {
    if (this.#failure === null) return null;
    return `ERRORS_LOG cannot be written, and rejected rows are left out of it: ${this.#failure.reason}; jobs go on`;
  }

  /** Writes what is queued. */
  async close(): Promise<void> {
    await this.#writing;
    await this.#closeFile();
  }

  /** Never rejects. */
  async #writeAll(): Promise<void> {
    for (let chunk = this.#queue.shift(); chunk !== undefined; chunk = this.#queue.shift()) {
      await this.#writeChunk(chunk);
      this.#queuedBytes -= chunk.text.length;
    }
  }

  async #writeChunk({ text, rows }: Chunk): Promise<void> {
    const { log } = this.options;
    if (this.#failure !== null && performance.now() - this.#failure.at < RETRY_MS) {
      this.leftOut(rows);
      return;
    }
    try {
      const file = await this.#fileFor(text.length);
      await file.handle.appendFile(text);
      file.size += text.length;
      this.options.count('written', rows);
      if (this.#failure !== null) log.info('ERRORS_LOG is written again');
      this.#failure = null;
    } catch (error) {
      if (this.#failure === null) log.warn({ err: error }, 'ERRORS_LOG cannot be written: rejected rows are left out');
      this.#failure = { at: performance.now(), reason: error instanceof Error ? error.message : String(error) };
      this.leftOut(rows);
      // A full disk may have taken a part of a line.
      await this.#file?.handle.truncate(this.#file.size).catch(() => undefined);
      await this.#closeFile();
    }
  }

  /** The file for this number of bytes more. */
  async #fileFor(bytes: number): Promise<{ handle: FileHandle; size: number }> {
    this.#file ??= await openAt(this.options.path);
    if (this.#file.size === 0 || this.#file.size + bytes <= this.options.maxBytes) return this.#file;
    await this.#closeFile();
    await this.#rotate();
    this.#file = await openAt(this.options.path);
    return this.#file;
  }

  async #rotate(): Promise<void> {
    const { path, files } = this.options;
    const names = [path, ...Array.from({ length: files - 1 }, (_, index) => `${path}.${index + 1}`)];
    await rm(names.at(-1) as string, { force: true });
    for (let i = names.length - 1; i > 0; i--) {
      await rename(names[i - 1] as string, names[i] as string).catch((error: NodeJS.ErrnoException) => {
        if (error.code !== 'ENOENT') throw error;
      });
    }
  }

  async #closeFile(): Promise<void> {
    const file = this.#file;
    this.#file = undefined;
    await file?.handle.close().catch(() => undefined);
  }
}

/** Opens it for appending, behind a line end. */
async function openAt(path: string): Promise<{ handle: FileHandle; size: number }> {
  const handle = await open(path, 'a+', 0o640);
  try {
    let { size } = await handle.stat();
    const last = Buffer.alloc(1, NEWLINE);
    if (size > 0) await handle.read(last, 0, 1, size - 1);
    // What was there before may have ended in the middle of a line.
    if (last[0] !== NEWLINE) {
      await handle.appendFile('\n');
      size += 1;
    }
    return { handle, size };
  } catch (error) {
    await handle.close();
    throw error;
  }
}
