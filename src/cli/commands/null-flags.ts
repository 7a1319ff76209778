import type { JobUpload } from 'batch-ingest-sdk';

type NullValues = NonNullable<JobUpload['nullValues']>;

/** More columns are told in one piece. */
const MAX_FLAGS = 8;

/** The flags that say it, for a shell, with a space before each; empty: there is nothing to say. */
export function nullFlags(values: NullValues): string {
  if (isForAll(values)) return values.length === 0 ? '' : ` --null-values ${quoted(values.join(','))}`;
  const entries = Object.entries(values);
  if (entries.length === 0) return '';
  const isPlain = entries.every(
    ([column, words]) => !column.includes('=') && !words.some((word) => word.includes(',')),
  );
  if (!isPlain || entries.length > MAX_FLAGS) return ` --null-values ${quoted(JSON.stringify(values))}`;
  return entries.map(([column, words]) => ` --null-values-in ${quoted(`${column}=${words.join(',')}`)}`).join('');
}

export function isForAll(values: NullValues): values is readonly string[] {
  return Array.isArray(values);
}

/** For a shell. */
export function quoted(text: string): string {
  return /^[\w.:/=-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
