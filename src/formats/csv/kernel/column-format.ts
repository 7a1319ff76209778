/**
 * What a column's values must be, COLUMN_BYTES at COLUMNS + index × COLUMN_BYTES. Read by both compilers, like
 * memory-layout.ts.
 *
 *     0  u8   type, one of the below
 *     1  u8   NULLABLE | CONSTRAINED | QUOTED_NULLS
 *     2  u16  Int: number of digits that always fit; Float: the same before the point; Decimal: digits before the
 *             point; DateTime, DateTime64: fraction digits
 *     4  u8   Decimal: digits after the point; a formatted time: one of FORMAT_… below
 *     6  u16  its spellings of null: their set's offset from NULLS, in units of 8 bytes
 *     8  u64  Int, a time in units since 1970: the largest value
 *     16 u64  the same: the largest magnitude of a negative value
 *     24 u32  address and
 *     28 u32  length of its key in a JSON object; or, if rows are written in binary,
 *     24 u8   what its values are written as, one of BINARY_… below
 *     25 u8   in this number of bytes
 *     26 u8   Decimal: digits after the point; timestamp: digits of a second's fraction
 *     27 u8   1: a byte before each value says whether it is null
 */
export const TYPE = 0;
export const FLAGS = 1;
export const DIGITS = 2;
export const SCALE = 4;
export const NULL_SET = 6;
export const HIGHEST = 8;
export const LOWEST = 16;
export const KEY = 24;
export const KEY_LENGTH = 28;
export const BINARY_KIND = 24;
export const BINARY_WIDTH = 25;
export const BINARY_SCALE = 26;
export const BINARY_NULLABLE = 27;

export const NULLABLE = 1;
export const CONSTRAINED = 2;
/** Its spellings of null count in quotes, too. */
export const QUOTED_NULLS = 4;

// The types are named for the kinds of ColumnType, so that column-table.ts finds them. 0 is not a type: a field whose type
// nobody has written stops the kernel.
/** Text that may have to be there, or has constraints. */
export const STRING = 1;
export const INT = 2;
export const FLOAT = 3;
export const DECIMAL = 4;
export const BOOL = 5;
export const DATETIME = 6;
/** Takes whatever is there: an unknown column, or text without any condition. */
export const ANY = 7;
/** Values of the types from here on are JSON strings, in which nothing is to be escaped. */
export const FIRST_QUOTED = 8;
export const DATE = 8;
export const DATETIME64 = 9;
export const UUID = 10;
/** A date or time in a format of the column; its JSON is that of ISO 8601. */
export const FORMATTED = 11;

/** A day `YYYYMMDD`, as a date and as a time. */
export const FORMAT_DATE = 20;
export const FORMAT_MIDNIGHT = 21;
/** Formats below it: units since 1970, by the digits of a second's fraction that they have. */
export const FIRST_DAY_FORMAT = 20;

export const BINARY_TEXT = 1;
export const BINARY_INT = 2;
export const BINARY_FLOAT = 3;
export const BINARY_DECIMAL = 4;
export const BINARY_BOOL = 5;
/** Days since 1970. */
export const BINARY_DATE = 6;
/** Fractions of a second since 1970. */
export const BINARY_TIMESTAMP = 7;
export const BINARY_UUID = 8;
