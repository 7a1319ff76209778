/** No spelling of null: of formats that have a null of their own. */
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
