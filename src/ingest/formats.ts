/** What depends on a format beside its reader (`src/reading`) and its sample (`src/inference`). */
interface FormatTraits {
  /** As users write it. */
  label: string;
  /**
   * The ASCII text that every file of it begins with. null: it is text, which may be compressed and in any encoding, and
   * whose beginning holds whole rows.
   */
  magic: string | null;
  /** It has a delimiter, quotes and a header line (`CsvDialect`), and the columns of the model in order if that is absent. */
  hasDialect: boolean;
  /** A value may be an array or an object. */
  hasNestedValues: boolean;
  /**
   * A decoder that is not ours unpacks it. The memory of its runner is then watched closely, the runner is replaced after
   * the job, and if it crashes again and again, that is the file's fault.
   */
  hasForeignDecoder: boolean;
}

/** What a file is taken for: CSV, one JSON array of objects, one JSON object a line, Parquet. */
export const FORMATS = {
  csv: { label: 'CSV', magic: null, hasDialect: true, hasNestedValues: false, hasForeignDecoder: false },
  json: { label: 'JSON', magic: null, hasDialect: false, hasNestedValues: true, hasForeignDecoder: false },
  ndjson: { label: 'NDJSON', magic: null, hasDialect: false, hasNestedValues: true, hasForeignDecoder: false },
  parquet: { label: 'Parquet', magic: 'PAR1', hasDialect: false, hasNestedValues: true, hasForeignDecoder: true },
} satisfies Readonly<Record<string, FormatTraits>>;

export type FileFormat = keyof typeof FORMATS;

export const FILE_FORMATS = Object.keys(FORMATS) as readonly FileFormat[];

export function formatsWith(holds: (traits: FormatTraits) => boolean): readonly FileFormat[] {
  return FILE_FORMATS.filter((format) => holds(FORMATS[format]));
}
