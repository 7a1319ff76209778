/** No spelling of null: for formats that have a null value. */
export const NO_NULLS: ReadonlySet<string> = new Set();

/** How programs spell a null in a text file, beside the empty field. */
export const NULL_TOKENS: readonly string[] = [
  'NULL',
  'null',
  'Null',
  '\\N',
  'N/A',
  'n/a',
  '#N/A',
  'NA',
  'na',
  'NaN',
  'nan',
  'None',
  'none',
  'nil',
  '-',
  '--',
];
