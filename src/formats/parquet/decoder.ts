import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { initSync, ParquetFile, type RecordBatch, wasmMemory } from 'parquet-wasm/esm';
import { ServiceError } from '../../errors/index.js';
import { shorten } from '../text.js';
import { type ArrowArray, type ArrowField, readArrowArray, readArrowField } from './arrow-data.js';
import type { FileBytes } from './file-bytes.js';
import { changeDecoder } from './wasm-changes.js';
import { limitWasmMemory } from './wasm-memory.js';

const WASM = 'parquet-wasm/esm/parquet_wasm_bg.wasm';
/** Limit of the decoder's reason in a message, in characters. */
const MAX_REASON_LENGTH = 200;
/** A decoder that stops with so much of its memory in use has run out of it. */
const FULL = 0.5;

/** The decoder has stopped without a word: why, nobody knows. */
export class DecoderTrap extends Error {
  override readonly name = 'DecoderTrap';
}

let isLoaded = false;
/** It has trapped: its memory is not to be trusted any more. */
let isBroken = false;

/**
 * A Parquet file in the hands of parquet-wasm, one for a process at a time. What goes wrong inside is a ServiceError:
 * FILE_TOO_COMPLEX if the memory it was given ran out, FILE_CORRUPT if it says why; otherwise a DecoderTrap. After that
 * the process is of no more use for Parquet.
 */
export class Decoder {
  private constructor(
    private readonly file: ParquetFile,
    private readonly maxBytes: number,
  ) {}

  /** `maxBytes`: of the decoder's memory; what the first call in a process says counts. */
  static async open(bytes: FileBytes, maxBytes: number): Promise<Decoder> {
    load(maxBytes);
    // It uses no more of a Blob than FileBytes has.
    const file = await guard(maxBytes, () => ParquetFile.fromFile(bytes as unknown as Blob));
    return new Decoder(file, maxBytes);
  }

  /** The columns of the file. */
  async fields(): Promise<ArrowField[]> {
    return guard(this.maxBytes, async () => {
      const schema = this.file.schema();
      const ffi = schema.toFFI();
      try {
        return readArrowField(memory(), ffi.addr()).children;
      } finally {
        ffi.free();
        schema.free();
      }
    });
  }

  /**
   * At most `limit` rows of a row group, without its first `skip`, in batches of at most `batchRows` rows. The decoder
   * unpacks all of them before it gives the first, beside the row group's own bytes.
   */
  async readRows(rowGroup: number, skip: number, limit: number, batchRows: number): Promise<BatchStream> {
    const stream = await guard(this.maxBytes, () =>
      this.file.stream({ rowGroups: [rowGroup], offset: skip, limit, batchSize: batchRows, concurrency: 1 }),
    );
    return new BatchStream(stream.getReader() as ReadableStreamDefaultReader<RecordBatch>, this.maxBytes);
  }

  close(): void {
    // The memory of a broken decoder cannot be freed, only left.
    if (!isBroken) this.file.free();
  }
}

/** Rows in the decoder's memory: `columns` is a struct of them all. */
export interface DecodedBatch {
  rows: number;
  columns: ArrowArray;
  memory: ArrayBuffer;
}

/** Gives one batch after the other; the last one's memory is freed by the next call. */
export class BatchStream {
  #free: () => void = () => undefined;

  constructor(
    private readonly reader: ReadableStreamDefaultReader<RecordBatch>,
    private readonly maxBytes: number,
  ) {}

  /** null: there are no more. */
  async next(): Promise<DecodedBatch | null> {
    this.release();
    return guard(this.maxBytes, async () => {
      const { value: batch } = await this.reader.read();
      if (batch === undefined) return null;
      const data = batch.toFFI();
      this.#free = () => {
        data.free();
        batch.free();
      };
      return { rows: batch.numRows, columns: readArrowArray(memory(), data.arrayAddr()), memory: memory() };
    });
  }

  release(): void {
    const free = this.#free;
    this.#free = () => undefined;
    if (!isBroken) free();
  }
}

function load(maxBytes: number): void {
  if (isBroken) throw new Error('the decoder of this process is broken');
  if (isLoaded) return;
  const bytes = readFileSync(createRequire(import.meta.url).resolve(WASM));
  changeDecoder(bytes);
  initSync({ module: new WebAssembly.Module(limitWasmMemory(bytes, maxBytes)) });
  isLoaded = true;
}

function memory(): ArrayBuffer {
  return (wasmMemory() as WebAssembly.Memory).buffer;
}

/**
 * Waits for the decoder. If it traps, its promise never settles: it works in separate microtasks, and the trap
 * comes up as an uncaught exception.
 */
async function guard<T>(maxBytes: number, call: () => Promise<T>): Promise<T> {
  const trap = Promise.withResolvers<never>();
  const onUncaught = (error: unknown): void => {
    if (!(error instanceof WebAssembly.RuntimeError)) throw error;
    trap.reject(error);
  };
  process.on('uncaughtException', onUncaught);
  try {
    return await Promise.race([call(), trap.promise]);
  } catch (error) {
    throw failureOf(error, maxBytes);
  } finally {
    process.off('uncaughtException', onUncaught);
  }
}

function failureOf(error: unknown, maxBytes: number): unknown {
  if (error instanceof ServiceError || (error as NodeJS.ErrnoException).syscall !== undefined) return error;
  if (!(error instanceof WebAssembly.RuntimeError)) {
    const reason = error instanceof Error ? error.message : String(error);
    return new ServiceError(
      'FILE_CORRUPT',
      `the Parquet file cannot be unpacked: ${shorten(reason, MAX_REASON_LENGTH)}`,
      {
        cause: error,
      },
    );
  }
  isBroken = true;
  return memory().byteLength >= maxBytes * FULL
    ? outOfMemory(maxBytes, '', error)
    : new DecoderTrap('', { cause: error });
}

/** FILE_TOO_COMPLEX. `what` of the file takes more than `maxBytes`, if that is known. */
export function outOfMemory(maxBytes: number, what: string, cause: unknown): ServiceError {
  const limit = `${Math.floor(maxBytes / 1024 ** 2)} MiB (half of RUNNER_MAX_RSS_BYTES)`;
  const detail = `the Parquet file needs more memory than ${limit} to be unpacked${what === '' ? '' : `: ${what}`}`;
  return new ServiceError('FILE_TOO_COMPLEX', detail, { cause });
}
