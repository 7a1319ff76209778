import type { InferredSchema } from 'batch-ingest-sdk';
import { asFlags, foundOptions } from './inferred-options.js';

/** Maximum number of skipped columns to name. */
const MAX_LISTED = 10;

/** What has to be known of a proposed schema beside itself. */
export function notesOn(inferred: InferredSchema): string[] {
  const { format, detection, rows_sampled: sampled, rows_rejected: rejected, skipped_columns: skipped } = inferred;
  const notes: string[] = [];
  if (detection !== null && !isPlain(inferred))
    notes.push(`The file is not plain CSV: ${detection.reasons.join('; ')}`);
  if (rejected > 0) {
    const question = format === 'csv' ? ': are delimiter and quote right?' : '';
    notes.push(`${rejected} of ${sampled + rejected} rows are broken${question}`);
  }
  for (const { name, reason } of skipped.slice(0, MAX_LISTED)) notes.push(`Skipped column '${name}': ${reason}`);
  if (skipped.length > MAX_LISTED) notes.push(`Skipped ${skipped.length - MAX_LISTED} more columns; see --output json`);
  return notes;
}

/** A job reads it right if it is told nothing. */
function isPlain(inferred: InferredSchema): boolean {
  return asFlags({ ...foundOptions(inferred), nullValues: undefined }) === '';
}
