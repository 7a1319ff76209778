import type { ParquetReader, ParquetReaderOptions } from './parquet-reader.js';

export type { ParquetReaderOptions };

/** As `ParquetReader.open`; its decoder is not loaded before the first file asks for it. */
export async function openParquet(options: ParquetReaderOptions): Promise<ParquetReader> {
  const { ParquetReader } = await import('./parquet-reader.js');
  return ParquetReader.open(options);
}
