/** Why a text is not a value of a type. */
export const TYPE_ERROR_CODES = [
  'NOT_AN_INTEGER',
  'OUT_OF_RANGE',
  'NOT_A_NUMBER',
  'NOT_A_BOOLEAN',
  'INVALID_DATE',
  'INVALID_DATETIME',
  'INVALID_UUID',
] as const;

/** Why a row, or a value of it, is rejected (openapi: RowErrorCode). */
export const ROW_ERROR_CODES = [
  'NULL_VALUE',
  ...TYPE_ERROR_CODES,
  'NOT_IN_ENUM',
  'TOO_SHORT',
  'TOO_LONG',
  'PATTERN_MISMATCH',
  'NOT_AN_EMAIL',
  'RAGGED_ROW',
  'STRAY_QUOTE',
  'UNTERMINATED_QUOTE',
  'INVALID_ENCODING',
  'ROW_TOO_LARGE',
  'MALFORMED_JSON',
  'TOO_DEEP',
  'DUPLICATE_KEY',
  'UNEXPECTED_COLUMN',
  'NOT_AN_OBJECT',
  'NOT_AN_ARRAY',
  'NOT_A_STRING',
] as const;

export type TypeErrorCode = (typeof TYPE_ERROR_CODES)[number];

export type RowErrorCode = (typeof ROW_ERROR_CODES)[number];
