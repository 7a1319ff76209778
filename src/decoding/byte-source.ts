/** A file that is open for reading, as far as it is read here: `FileHandle.read`. */
export interface ReadableFile {
  read(buffer: Buffer, offset: number, length: number, position: number): Promise<{ bytesRead: number }>;
}

/** A file's bytes as its format sees them: decompressed, in UTF-8. One caller at a time. */
export interface ByteSource {
  /**
   * Reads the next bytes to the beginning of `space`; resolves with their number, 0 only at the end. Throws fs errors, and
   * ServiceError if the bytes cannot be decoded. A source that has failed is not read again.
   */
  read(space: Buffer): Promise<number>;
  /** Number of bytes of the stored file that were read so far: what progress counts. */
  readonly fileBytes: number;
  /**
   * Where in the decompressed file a byte stands that was read, by its offset among those; both are counted from where
   * the source began. Offsets must not decrease from call to call, and each is a row's. Absent: they are the same.
   */
  originOf?(offset: number): number;
  /** Frees what the garbage collector does not; a `read` that is under way may fail. The file stays the caller's. */
  close(): void;
}

/** The bytes of a file as they are, from an offset on. */
export class FileSource implements ByteSource {
  #at: number;

  constructor(
    private readonly file: ReadableFile,
    from: number,
  ) {
    this.#at = from;
  }

  get fileBytes(): number {
    return this.#at;
  }

  async read(space: Buffer): Promise<number> {
    const { bytesRead } = await this.file.read(space, 0, space.length, this.#at);
    this.#at += bytesRead;
    return bytesRead;
  }

  /** There is nothing to free. */
  close(): void {}
}
