import type { BatchClient, InferredSchema, InferUpload } from 'batch-ingest-sdk';
import { CliError } from '../failure.js';
import type { Session } from '../session.js';

/** Infers a schema from the file's first rows. Throws CliError if more of them are broken than good, and what the service answers. */
export async function inferSample(session: Session, client: BatchClient, file: InferUpload): Promise<InferredSchema> {
  const inferred = await client.inferModel(file, { signal: session.signal });
  const { format, detection, rows_sampled: good, rows_rejected: broken } = inferred;
  const reasons = detection === null ? '' : ` (${detection.reasons.join('; ')})`;
  if (broken <= good) return inferred;
  throw new CliError(
    'INVALID_OPTION',
    `--infer makes no model of rows it cannot read: ${broken} of ${good + broken} rows are broken${reasons}`,
    format === 'csv'
      ? 'Say how the file is written: --delimiter, --quote, --escape, --skip-lines or --encoding.'
      : 'Say what the file is (--format) and how it is written (--encoding), or correct it.',
  );
}
