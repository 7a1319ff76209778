/**
 * Slots of the control block, 4 bytes each: what the calls are given and what they find. Read by both compilers, like
 * memory-layout.ts.
 */

/** Given once: the dialect and the file's number of columns. */
export const DELIMITER = 0;
export const QUOTE = 1;
export const COLUMN_COUNT = 2;
/** Constrained columns: so many fields of each row at least are left to JavaScript. */
export const CONSTRAINED_COUNT = 3;
/** Spellings of null, and bit n for a spelling of n bytes (31: or more). */
export const NULL_COUNT = 4;
export const NULL_LENGTHS = 5;
/** The quote may be part of a number, a date and the like: two of them inside quotes must not be taken for two. */
export const QUOTE_IS_TEXT = 6;

/** Of `findStructure`: records (and blank lines) found. */
export const ROWS_FOUND = 8;
/** Where a quote stands that the grammar forbids, or what must not follow a quote; 0: nowhere. */
export const STRAY_AT = 9;
/** A byte above 127 was seen. */
export const NOT_ASCII = 10;

/** Of `checkRows`: rows in the table, how many of them are not plainly good. */
export const ROWS_CHECKED = 12;
export const ROWS_LEFT = 13;
/** Where the next record begins, and the physical lines before it; given before `findStructure`, then kept. */
export const NEXT_RECORD = 14;
export const LINES = 15;
/** The next record has more than MAX_RECORD bytes. */
export const OVERLONG = 16;

/** Of `appendRows`: where the batch ends and how many records it has; given, then kept. */
export const BATCH_END = 18;
export const BATCH_RECORDS = 19;
