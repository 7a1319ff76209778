/**
 * Slots of the control block, 4 bytes each: what the calls are given and what they find. Read by both compilers, like
 * memory-layout.ts.
 */

/** Given once: the dialect and the file's number of columns. */
export const DELIMITER = 0;
export const QUOTE = 1;
export const COLUMN_COUNT = 2;
/** Number of constrained columns: at least this number of fields of each row is left to JavaScript. */
export const CONSTRAINED_COUNT = 3;
/** Spellings of null, of all columns. */
export const NULL_COUNT = 4;
/** Quote or escape may be part of a number, a date and the like: inside quotes they must not be taken for that. */
export const QUOTE_IS_TEXT = 6;
/** The byte that escapes the byte behind it, inside quotes: the quote itself, or another escape character. */
export const ESCAPE = 29;
/** The first byte of comment lines; -1: there are none. */
export const COMMENT = 30;
/** 1: blanks around unquoted fields are trimmed; 2: around quoted ones, too. */
export const TRIMS = 31;
/** 1: an empty field in quotes is null. */
export const QUOTED_EMPTY_IS_NULL = 35;
/** What quotes mean: one of the below. */
export const QUOTES = 34;
export const STRICT_QUOTES = 0;
/** A quote that stands where none may be is text. */
export const LAX_QUOTES = 1;
/** Every quote is text: QUOTE and ESCAPE are a line feed, with which no field begins. */
export const NO_QUOTES = 2;

/** The bytes of all keys; 0: an accepted row's value is the row as it stands, not a JSON object. */
export const KEY_BYTES = 7;

/** Where the next record begins, and the physical lines before it; given, then kept. */
export const NEXT_RECORD = 8;
export const LINES = 9;

/** Number of records (and blank lines) that phase 1 found. */
export const RECORDS_FOUND = 10;
/** Where a quote stands that the grammar forbids, or what must not follow a quote; 0: nowhere. */
export const STRAY_AT = 11;
/** A byte above 127 was seen since `fillTable` began. */
export const NOT_ASCII = 12;

/** Of `fillTable`: rows in the table, and how many of them are not plainly good. */
export const ROWS_CHECKED = 14;
export const ROWS_LEFT = 15;
/** Why a table has no rows. */
export const STATUS = 16;
/** More bytes are needed. */
export const NEEDS_MORE = 0;
/** The next record is too large, or where its first line ends is not known: it is left to JavaScript. */
export const NEEDS_SPLITTER = 1;

/** Of `emitRows`: the open batches; given, then kept. Address (0: none), capacity, bytes, records. */
export const DATA_BATCH = 18;
export const DATA_CAPACITY = 19;
export const DATA_BYTES = 20;
export const DATA_RECORDS = 21;
export const DLQ_BATCH = 22;
export const DLQ_CAPACITY = 23;
export const DLQ_BYTES = 24;
export const DLQ_RECORDS = 25;
/** The most that frame and templates of one error take in a rejection; 0: the kernel writes no rejections. */
export const TEMPLATE_TEXT = 26;
/** Rejections written. */
export const REJECTED = 27;
/** Why it stopped: one of the below. */
export const STOPPED = 28;
export const DONE = 0;
export const DATA_FULL = 1;
export const DLQ_FULL = 2;
/** The row is left to JavaScript. */
export const LEFT_OVER = 3;
/** The row is good, but too large as JSON. */
export const TOO_LARGE = 4;

/** Of `emitBinary`: bytes at KEYS that stand before every row; and the address behind the rows that were written. */
export const PREFIX_BYTES = 32;
export const BINARY_END = 33;
