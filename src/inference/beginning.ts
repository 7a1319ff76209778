import type { FileHandle } from 'node:fs/promises';
import type { ReadableFile } from '../sources/index.js';

/** What there is of the file to look at has been read; what follows it is unknown. */
export class BeginningOver extends Error {
  override readonly name = 'BeginningOver';
}

/**
 * The first `limit` bytes of a file. Behind them a read throws BeginningOver, where the file's own end is none, too:
 * a row that ends there may go on, and must not be judged.
 */
export class Beginning implements ReadableFile {
  constructor(
    private readonly file: FileHandle,
    private readonly limit: number,
    private readonly endIsNone: boolean,
  ) {}

  async read(buffer: Buffer, offset: number, length: number, position: number): Promise<{ bytesRead: number }> {
    const bytes = Math.min(length, this.limit - position);
    if (bytes <= 0) throw new BeginningOver();
    const { bytesRead } = await this.file.read(buffer, offset, bytes, position);
    if (bytesRead === 0 && this.endIsNone) throw new BeginningOver();
    return { bytesRead };
  }
}
