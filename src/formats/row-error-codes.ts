/** Why a text is not a value of a type, each with the end of "this value is …". */
export const TYPE_ERRORS = {
  NOT_AN_INTEGER: 'not a whole number',
  OUT_OF_RANGE: 'out of its range',
  NOT_A_NUMBER: 'not a number',
  NOT_A_BOOLEAN: 'not true or false',
  INVALID_DATE: 'not a date (YYYY-MM-DD)',
  INVALID_DATETIME: 'not a date with a time (YYYY-MM-DD hh:mm:ss)',
  INVALID_UUID: 'not a UUID',
} as const;

export type TypeErrorCode = keyof typeof TYPE_ERRORS;

/** Why a row, or a value of it, is rejected (openapi: RowErrorCode). */
export const ROW_ERROR_CODES = [
  'NULL_VALUE',
  ...(Object.keys(TYPE_ERRORS) as TypeErrorCode[]),
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

export type RowErrorCode = (typeof ROW_ERROR_CODES)[number];
