import type { ReadableFile } from '../decoding/index.js';

/** What there is of the file to look at has been read; what follows it is unknown. */
export class EndOfPrefix extends Error {
  override readonly name = 'EndOfPrefix';
}

/**
 * The first `limit` bytes of a file. Behind them a read throws EndOfPrefix, where the file's own end is none, too:
 * a row that ends there may go on, and must not be judged.
 */
export class FilePrefix implements ReadableFile {
  constructor(
    private readonly file: ReadableFile,
    private readonly limit: number,
    private readonly endIsNone: boolean,
  ) {}

  async read(buffer: Buffer, offset: number, length: number, position: number): Promise<{ bytesRead: number }> {
    const bytes = Math.min(length, this.limit - position);
    if (bytes <= 0) throw new EndOfPrefix();
    const { bytesRead } = await this.file.read(buffer, offset, bytes, position);
    if (bytesRead === 0 && this.endIsNone) throw new EndOfPrefix();
    return { bytesRead };
  }
}
