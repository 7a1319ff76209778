import { promisify } from 'node:util';
import { constants, gunzip, gzip, zstdCompress, zstdDecompress } from 'node:zlib';
import kafkajs from 'kafkajs';
import { UnexpectedAnswer } from './kafka-failure.js';
import {
  BATCH_HEADER_BYTES,
  MAX_BATCH_BYTES,
  type RecordBatch,
  type SealableBatch,
  sealBatch,
} from './record-batch.js';

/** How the records of a batch are packed for the wire and the broker's disk. */
export type Compression = 'none' | 'gzip' | 'zstd';

/** About what a batch comes down to: mostly one turn of the compressor, and one allocation. */
const CHUNK_BYTES = 262_144;
/** Level 1 of both: higher ones take 2 to 8 times the processor's time for some percent (see ADR 0007). */
const GZIP = { level: 1, chunkSize: CHUNK_BYTES };
const ZSTD = { params: { [constants.ZSTD_c_compressionLevel]: 1 }, chunkSize: CHUNK_BYTES };

type Compress = (records: Uint8Array) => Promise<Buffer>;

const gzipAsync = promisify<Uint8Array, typeof GZIP, Buffer>(gzip);
const zstdAsync = promisify<Uint8Array, typeof ZSTD, Buffer>(zstdCompress);

/** The lowest three attribute bits of a batch (KIP-98; zstd: KIP-110), and what makes the bytes. */
const CODECS: Readonly<Record<Exclude<Compression, 'none'>, { bits: number; compress: Compress }>> = {
  gzip: { bits: 1, compress: (records) => gzipAsync(records, GZIP) },
  zstd: { bits: 4, compress: (records) => zstdAsync(records, ZSTD) },
};

/**
 * The batch with its records compressed, off the main thread; the batch itself if that makes it no smaller. The
 * batch must stay unchanged until what is returned was acknowledged.
 */
export async function compressBatch(batch: RecordBatch, compression: Compression): Promise<SealableBatch> {
  if (compression === 'none') return batch;
  const { bits, compress } = CODECS[compression];
  const records = await compress(batch.buffer.subarray(BATCH_HEADER_BYTES, batch.size));
  if (BATCH_HEADER_BYTES + records.length >= batch.size) return batch;
  const buffer = Buffer.allocUnsafeSlow(BATCH_HEADER_BYTES + records.length);
  records.copy(buffer, BATCH_HEADER_BYTES);
  const { count } = batch;
  return { count, seal: (stamp) => sealBatch(buffer, count, bits, stamp) };
}

/** No batch of ours is larger; a topic that somebody else wrote to must not take all memory. */
const DECOMPRESSED = { maxOutputLength: MAX_BATCH_BYTES };
const gunzipAsync = promisify<Uint8Array, typeof DECOMPRESSED, Buffer>(gunzip);
const unzstdAsync = promisify<Uint8Array, typeof DECOMPRESSED, Buffer>(zstdDecompress);

/** The records of a batch whose attributes name this codec. Throws UnexpectedAnswer if no batch of ours is packed so. */
export async function unpackRecords(codec: number, packed: Buffer): Promise<Buffer> {
  if (codec === 0) return packed;
  try {
    if (codec === CODECS.gzip.bits) return await gunzipAsync(packed, DECOMPRESSED);
    if (codec === CODECS.zstd.bits) return await unzstdAsync(packed, DECOMPRESSED);
  } catch (error) {
    throw new UnexpectedAnswer('the records of a batch cannot be unpacked', { cause: error });
  }
  throw new UnexpectedAnswer(`a record batch is packed by the codec ${codec}`);
}

/** Teaches kafkajs to read batches of zstd, which it knows by name only, and to bound those of gzip: process-wide. */
export function registerCodecs(): void {
  const { CompressionCodecs, CompressionTypes } = kafkajs;
  CompressionCodecs[CompressionTypes.GZIP] = () => ({
    compress: ({ buffer }: { buffer: Buffer }) => CODECS.gzip.compress(buffer),
    decompress: (records: Buffer) => gunzipAsync(records, DECOMPRESSED),
  });
  CompressionCodecs[CompressionTypes.ZSTD] = () => ({
    compress: ({ buffer }: { buffer: Buffer }) => CODECS.zstd.compress(buffer),
    decompress: (records: Buffer) => unzstdAsync(records, DECOMPRESSED),
  });
}
