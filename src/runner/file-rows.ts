import type { FileHandle } from 'node:fs/promises';
import { createCsvReader, type Position, type RowReader, type RowSink, readCsvHeader } from '../formats/index.js';
import type { Assignment } from './messages.js';

const CHUNK_BYTES = 256 * 1024;

/** The rows of a spooled file, from a checkpoint's position or the start of the data. One chunk is held at a time. */
export class FileRows {
  readonly #chunk = Buffer.allocUnsafeSlow(CHUNK_BYTES);
  #readAt: number;
  #ended = false;

  private constructor(
    private readonly file: FileHandle,
    /** The file's columns in its order. */
    readonly columns: string[],
    private readonly reader: RowReader,
  ) {
    this.#readAt = reader.position.byte;
  }

  /** Reads the header first, always: a resumed run needs it too. Throws BatchError HEADER_MISMATCH, or fs errors. */
  static async open(file: FileHandle, job: Assignment, from: Position | null): Promise<FileRows> {
    const { columns, additionalColumns, dialect } = job;
    const header = await readCsvHeader(chunksOf(file), { columns, additionalColumns, dialect });
    const reader = createCsvReader({
      columns,
      additionalColumns,
      dialect,
      header,
      ...(from === null ? {} : { position: from }),
    });
    return new FileRows(file, header.columns, reader);
  }

  get position(): Position {
    return this.reader.position;
  }

  /** Decides a bounded number of rows; false once the file has ended and every row is decided. */
  async advance(sink: RowSink): Promise<boolean> {
    if (this.reader.advance(sink)) return true;
    if (this.#ended) return false;
    const { bytesRead } = await this.file.read(this.#chunk, 0, CHUNK_BYTES, this.#readAt);
    if (bytesRead === 0) {
      this.#ended = true;
      this.reader.end();
    } else {
      this.#readAt += bytesRead;
      this.reader.push(this.#chunk.subarray(0, bytesRead));
    }
    return true;
  }
}

async function* chunksOf(file: FileHandle): AsyncGenerator<Uint8Array> {
  for (let at = 0; ; ) {
    const chunk = Buffer.allocUnsafe(CHUNK_BYTES);
    const { bytesRead } = await file.read(chunk, 0, CHUNK_BYTES, at);
    if (bytesRead === 0) return;
    at += bytesRead;
    yield chunk.subarray(0, bytesRead);
  }
}
