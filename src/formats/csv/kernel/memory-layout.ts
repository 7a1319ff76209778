/**
 * Where everything lies in the kernel's memory, in bytes. The memory is as large as this says and never grows; most of
 * it is never touched, and so costs nothing, unless a file has rows of many kilobytes. Both compilers read this file,
 * TypeScript's and AssemblyScript's: only what is valid in both languages may stand in it.
 */

const KIB = 1024;

/** What a byte may become in JSON: `\u0000`. */
export const MAX_ESCAPED = 6;
/** Additional size of a field: `null` for an empty one, quotes, a zero before or behind the point, a time of one digit. */
export const MAX_FIELD_REST = 32;

/** What the calls are given and what they find: the slots are in control-slots.ts. */
export const CONTROL = 1 * KIB;

/** One column of the file each, COLUMN_BYTES apart: see column-format.ts. */
export const COLUMNS = 2 * KIB;
export const COLUMN_BYTES = 32;
export const MAX_COLUMNS = 10_000;

/**
 * Sets of spellings of null, of which a column has one: their number u32, bit n for a spelling of n bytes (31: or more)
 * u32, then (length u32, address u32) each. The first set is empty. The bytes of the spellings are behind all sets.
 */
export const NULLS = COLUMNS + (MAX_COLUMNS + 1) * COLUMN_BYTES;
export const NULLS_BYTES = 64 * KIB;

/**
 * Checked rows, ROW_BYTES each: start, stop, line, what is left to do, the number of its first entry (or of its fields,
 * where the row is RAGGED), and where in FIELD_ENDS its own begin. Nothing is left of a good row. Else it is the number
 * of the row's entries in the low 16 bits, and some of these:
 */
export const ROWS = NULLS + NULLS_BYTES;
export const ROW_BYTES = 24;
export const MAX_ROWS = 1000;
/** The kernel is sure that the row is bad, and why: it can write the rejection itself. */
export const SURE = 1 << 16;
/** Another number of fields than there are columns. */
export const RAGGED = 1 << 17;
/** A quote where none may be: the row is the first physical line of a record. */
export const STRAY = 1 << 18;
/** Not valid UTF-8. Set by JavaScript. */
export const FOREIGN = 1 << 19;
/** Too large, or too many entries: nothing is known about the row. */
export const UNKNOWN = 1 << 20;
/** Its entries are constraints only. */
export const CONSTRAINTS = 1 << 21;

/** Fields that are left to check, in the order of rows and columns, ENTRY_BYTES each: column and kind, start, stop. */
export const ENTRIES = ROWS + MAX_ROWS * ROW_BYTES;
export const ENTRY_BYTES = 12;
export const MAX_ENTRIES = 32_768;
/** An entry's column is in the low 16 bits, its kind above. Its constraints are left: */
export const TYPED = 1 << 16;
/** It is null, and must not be; it is not of its type; it is out of the type's range; or one of these. */
export const IS_NULL = 1 << 17;
export const NO_MATCH = 1 << 18;
export const NO_RANGE = 1 << 19;
export const FAILED = 1 << 20;

/**
 * How a rejection is written, TEMPLATE_BYTES each: for every column one for each of IS_NULL, NO_MATCH and NO_RANGE, then
 * one for RAGGED and one for STRAY. A template is four pieces of text (address, length), the error's code (from 1; 0: there
 * is no template) and whether the value is shown as observed. See rejection-templates.ts.
 */
export const TEMPLATES = ENTRIES + MAX_ENTRIES * ENTRY_BYTES;
export const TEMPLATE_BYTES = 40;
export const TEMPLATES_PER_COLUMN = 3;
export const RAGGED_TEMPLATE = TEMPLATES + MAX_COLUMNS * TEMPLATES_PER_COLUMN * TEMPLATE_BYTES;
export const STRAY_TEMPLATE = RAGGED_TEMPLATE + TEMPLATE_BYTES;
/** What stands around them in every rejection of a job: FRAME_PIECES pieces, and room for their text. */
export const FRAME = STRAY_TEMPLATE + TEMPLATE_BYTES;
export const FRAME_PIECES = 6;
export const FRAME_TEXTS = FRAME + FRAME_PIECES * 8;
export const FRAME_TEXTS_BYTES = 2 * KIB;
/** For something small on its way to somewhere else. */
export const SCRATCH = FRAME_TEXTS + FRAME_TEXTS_BYTES;
export const SCRATCH_BYTES = 64;
/** The text of the templates. */
export const TEXTS = SCRATCH + SCRATCH_BYTES;
export const TEXTS_BYTES = 256 * KIB;
/** If rows are written in binary: for each row of the table its number and its offset, 8 bytes each. */
export const PLACES = TEXTS + TEXTS_BYTES;
const PLACES_BYTES = MAX_ROWS * 16;
/** Rejections written since JavaScript last looked, 4 bytes for each code. */
export const REJECTED_BY_CODE = PLACES + PLACES_BYTES;
export const MAX_CODES = 32;

/** The keys of a row that becomes a JSON object: `{"name":` of the first column, `,"name":` of any other. */
export const KEYS = REJECTED_BY_CODE + 4 * MAX_CODES;
export const KEYS_BYTES = 1024 * KIB;

/** What phase 1 looks at, at first; longer records take more of it. */
export const BLOCK_BYTES = 64 * KIB;
/** The largest record that may still become a row, its line end included. */
export const MAX_RECORD = 1_000_000;
/** What one read of the file brings at most. */
export const CHUNK_BYTES = 512 * KIB;
/** SIMD loads and stores may pass the end of what they are for by less than this. */
const SLACK = 128;
const WINDOW_BYTES = MAX_RECORD + CHUNK_BYTES + SLACK;

/** Phase 1's findings, 4 bytes each, and never more than the bytes they were found in. */
const FINDINGS_BYTES = 4 * WINDOW_BYTES;
/** Addresses of the delimiters and line ends that end a field. */
export const FIELD_ENDS = KEYS + KEYS_BYTES + SLACK;
/** For each line end that ends a record: the address in FIELD_ENDS behind its entry. */
export const ROW_ENDS = FIELD_ENDS + FINDINGS_BYTES;
/** Addresses of the line ends inside quotes. */
export const QUOTED_LINES = ROW_ENDS + FINDINGS_BYTES;

/**
 * The file's bytes, in two windows: while the rows of one are worked on, the next chunk is read into the other. A
 * window is the room for the end of the last chunk (less than a record), then the chunk.
 */
export const WINDOWS = QUOTED_LINES + FINDINGS_BYTES;
export const WINDOW_STRIDE = WINDOW_BYTES;

/** Room for a row as JSON, whatever it takes: where it is written before it is known whether it fits. */
export const ROW_TEXT = WINDOWS + 2 * WINDOW_STRIDE;
const ROW_TEXT_BYTES = KEYS_BYTES + MAX_ESCAPED * MAX_RECORD + MAX_FIELD_REST * MAX_COLUMNS + SLACK;

/** Record batches, or rows in binary, in which accepted rows leave the process without another copy. */
export const BATCHES = ROW_TEXT + ROW_TEXT_BYTES;
export const BATCH_BYTES = 1024 * KIB;
export const BATCH_STRIDE = BATCH_BYTES + SLACK;
/** 16 in flight and one open for each of the two topics. */
export const BATCH_COUNT = 18;

export const MEMORY_BYTES = BATCHES + BATCH_COUNT * BATCH_STRIDE;
