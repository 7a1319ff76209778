export { type CsvReaderOptions, createCsvReader } from './csv/csv-reader.js';
export { type CsvHeader, type CsvHeaderOptions, readCsvHeader } from './csv/header.js';
export { CsvKernel } from './csv/kernel/csv-kernel.js';
export { createKernelReader } from './csv/kernel/kernel-reader.js';
export { encodedRecordBytes, fitsRecord } from './limits.js';
export { openParquet, type ParquetReaderOptions } from './parquet/open-parquet.js';
export { encodeRejectedRow, type RejectedRow, rejectedRowFrame } from './rejected-row.js';
export type * from './row-reader.js';
