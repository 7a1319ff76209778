import { pipeline, Readable, type Transform } from 'node:stream';
import { constants, createGunzip, createZstdDecompress } from 'node:zlib';
import { ServiceError } from '../errors/index.js';
import type { FileCompression } from './compression.js';
import { ZstdFrames } from './zstd-frames.js';

/** Size of one piece of output. With Node's default of 16 KiB, handing them over costs as much as the decoding. */
const OUTPUT_BYTES = 256 * 1024;
/** 128 MiB, the largest window that zstd itself takes unless told otherwise, and what `--long` writes. */
const MAX_WINDOW_LOG = 27;

/** What there is a decoder for. */
export type Compressed = Exclude<FileCompression, 'none'>;

/** A decoder that takes in what it is fed while what it puts out is being read; it runs on another thread. */
export interface Decompression extends AsyncIterator<Buffer, undefined> {
  /** Number of input bytes that the decoder has used; less than all of them if a gzip file ends in padding. */
  readonly bytesUsed: number;
  /** Ends it, whatever is under way. */
  close(): void;
}

/**
 * Decompresses all members of a gzip file, or all frames of a zstd file. `next` throws ServiceError FILE_CORRUPT if
 * the input is damaged or cut off, FILE_TOO_COMPLEX if it asks for more than 128 MiB of memory, and what the input
 * throws. Holds a piece of input and two of output at a time.
 */
export function decompress(input: AsyncIterable<Buffer>, compression: Compressed): Decompression {
  const decoder: Transform & { readonly bytesWritten: number } =
    compression === 'gzip'
      ? createGunzip({ chunkSize: OUTPUT_BYTES })
      : createZstdDecompress({
          chunkSize: OUTPUT_BYTES,
          params: { [constants.ZSTD_d_windowLogMax]: MAX_WINDOW_LOG },
        });
  let inputFailure: { reason: unknown } | undefined;
  // A failure of the input would end the decoder at once, with what it still holds. So the input ends, and it is the
  // decoder's end that fails.
  const untilFailure = async function* (): AsyncGenerator<Buffer> {
    try {
      yield* compression === 'gzip' ? input : splitFrames(input);
    } catch (error) {
      // What fails the decoder is thrown here as well, to end the input.
      if (decoder.errored !== null) throw error;
      inputFailure = { reason: error };
    }
  };
  const source = Readable.from(untilFailure(), { objectMode: true });
  // A failure reaches whoever reads, through the iterator; behind the end and after `close` nobody needs to know.
  pipeline(source, decoder, () => undefined);
  decoder.on('error', () => undefined);
  const chunks = decoder[Symbol.asyncIterator]() as AsyncIterator<Buffer, undefined>;
  let failure: { reason: unknown } | undefined;
  return {
    get bytesUsed() {
      return decoder.bytesWritten;
    },
    async next() {
      if (failure !== undefined) throw failure.reason;
      try {
        const next = await chunks.next();
        if (next.done !== true || inputFailure === undefined) return next;
        failure = inputFailure;
        throw failure.reason;
      } catch (error) {
        failure = inputFailure ?? { reason: asFileError(error, compression) };
        // What was put out before it failed comes first: the iterator forgets it, if it has not been read by then.
        const value = decoder.read() as Buffer | null;
        if (value !== null) return { done: false, value };
        throw failure.reason;
      }
    },
    close() {
      decoder.destroy();
      source.destroy();
    },
  };
}

/** The input in pieces that end where its frames end, without the frames that hold no data. */
async function* splitFrames(input: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  const frames = new ZstdFrames();
  for await (const chunk of input) {
    for (let from = 0; from < chunk.length; ) {
      const to = walk(frames, chunk, from);
      if (!frames.isSkippable) yield chunk.subarray(from, to);
      from = to;
    }
  }
}

function walk(frames: ZstdFrames, chunk: Buffer, from: number): number {
  try {
    return frames.step(chunk, from);
  } catch (error) {
    throw corrupt('zstd', (error as Error).message, error);
  }
}

function asFileError(error: unknown, compression: Compressed): unknown {
  const { code } = error as NodeJS.ErrnoException;
  if (code === 'ZSTD_error_frameParameter_windowTooLarge') {
    const detail = 'the zstd data needs a window of more than 128 MiB: compress the file with --long=27 or less';
    return new ServiceError('FILE_TOO_COMPLEX', detail, { cause: error });
  }
  if (code === 'ZSTD_error_dictionary_wrong') {
    return corrupt(compression, 'it was compressed with a dictionary, which is not in the file', error);
  }
  const isDecoders = code?.startsWith('Z_') || code?.startsWith('ZSTD_');
  return isDecoders ? corrupt(compression, (error as Error).message, error) : error;
}

export function corrupt(compression: Compressed, what: string, cause?: unknown): ServiceError {
  return new ServiceError('FILE_CORRUPT', `the ${compression} data is damaged or cut off: ${what}`, { cause });
}
