import type { InferredSchema } from 'batch-ingest-sdk';

/** Maximum number of skipped columns to name. */
const MAX_LEFT_OUT = 10;

/** What has to be known of a proposed schema beside itself. */
export function notesOn(inferred: InferredSchema): string[] {
  const { format, rows_sampled: sampled, rows_rejected: rejected, skipped_columns: leftOut } = inferred;
  const notes: string[] = [];
  if (rejected > 0) {
    const question = format === 'csv' ? ': are delimiter (--delimiter auto) and quote right?' : '';
    notes.push(`${rejected} of ${sampled + rejected} rows are broken${question}`);
  }
  for (const { name, reason } of leftOut.slice(0, MAX_LEFT_OUT)) notes.push(`Left out: '${name}': ${reason}`);
  if (leftOut.length > MAX_LEFT_OUT) notes.push(`Left out: ${leftOut.length - MAX_LEFT_OUT} more; see --output json`);
  return notes;
}
