/**
 * Where everything lies in the kernel's memory, in bytes. The memory is as large as this says and never grows; most of
 * it is never touched, and so costs nothing, unless a file has rows of many kilobytes. Both compilers read this file,
 * TypeScript's and AssemblyScript's: only what is valid in both languages may stand in it.
 */

const KIB = 1024;

/** What the calls are given and what they find: the slots are in control-slots.ts. */
export const CONTROL = 1 * KIB;

/** One column of the file each, COLUMN_BYTES apart: see column-format.ts. */
export const COLUMNS = 2 * KIB;
export const COLUMN_BYTES = 32;
export const MAX_COLUMNS = 10_000;

/** Spellings of null: (length u32, address u32) each, their bytes behind them. */
export const NULLS = COLUMNS + (MAX_COLUMNS + 1) * COLUMN_BYTES;
export const NULLS_BYTES = 64 * KIB;

/** Checked rows, ROW_BYTES each: start, stop, line, and what is left to check: so many entries or EVERYTHING. */
export const ROWS = NULLS + NULLS_BYTES;
export const ROW_BYTES = 16;
export const MAX_ROWS = 1000;

/** The row has too few or too many fields, is too large, or has very many entries; the bits below it still count. */
export const EVERYTHING = 1 << 30;

/** Fields that are left to check, in the order of rows and columns, ENTRY_BYTES each: column, start, stop. */
export const ENTRIES = ROWS + MAX_ROWS * ROW_BYTES;
export const ENTRY_BYTES = 12;
export const MAX_ENTRIES = 32_768;
/** In an entry's column: the type does not fit, or null where it may not be; else constraints are all that is left. */
export const FAILED = 1 << 31;
export const TYPED = 1 << 30;

/** The largest record that may still become a row, its line end included. */
export const MAX_RECORD = 1_000_000;
/** What one read of the file brings at most. */
export const CHUNK_BYTES = 256 * KIB;
/** SIMD loads and stores may pass the end of what they are for by less than this. */
const SLACK = 128;
const WINDOW_BYTES = MAX_RECORD + CHUNK_BYTES + SLACK;

/** Phase 1's findings, 4 bytes each, and never more than the bytes they were found in. */
const FINDINGS_BYTES = 4 * WINDOW_BYTES;
/** Addresses of the delimiters and line ends that end a field. */
export const FIELD_ENDS = ENTRIES + MAX_ENTRIES * ENTRY_BYTES;
/** Of each line end that ends a record: the address in FIELD_ENDS behind its entry. */
export const ROW_ENDS = FIELD_ENDS + FINDINGS_BYTES;
/** Addresses of the line ends inside quotes. */
export const QUOTED_LINES = ROW_ENDS + FINDINGS_BYTES;

/**
 * The file's bytes, in two windows: while the rows of one are worked on, the next chunk is read into the other. A
 * window is the room for the end of the last chunk (less than a record), then the chunk.
 */
export const WINDOWS = QUOTED_LINES + FINDINGS_BYTES;
export const WINDOW_STRIDE = WINDOW_BYTES;

/** Record batches, in which accepted rows leave the process without another copy. */
export const BATCHES = WINDOWS + 2 * WINDOW_STRIDE;
export const BATCH_BYTES = 1024 * KIB;
export const BATCH_STRIDE = BATCH_BYTES + SLACK;
/** 16 in flight and one open for each of the two topics. */
export const BATCH_COUNT = 18;

export const MEMORY_BYTES = BATCHES + BATCH_COUNT * BATCH_STRIDE;
