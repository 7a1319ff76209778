import type { BatchClient, InferredSchema, InferUpload } from 'batch-ingest-sdk';
import { CliError } from '../failure.js';
import type { Session } from '../session.js';

/** In the name of a single column they say that it is several. */
const DELIMITERS = /[,;\t|]/;

/** What a file proposes. */
export interface InferredSample {
  inferred: InferredSchema;
  /** The delimiter that was detected if none was given; null: the file was read as the job says. */
  foundDelimiter: string | null;
}

/**
 * Infers a schema from the file's first rows. If no delimiter is given and they cannot be read, it is detected.
 * Throws CliError if more rows are broken than good even so, and what the service answers.
 */
export async function inferSample(session: Session, client: BatchClient, file: InferUpload): Promise<InferredSample> {
  const infer = (upload: InferUpload) => client.inferModel(upload, { signal: session.signal });
  const first = await infer(file).catch((error: unknown) => {
    if (!isHeaderMismatch(error) || file.delimiter !== undefined) throw error;
    return error;
  });
  if (isHeaderMismatch(first) || (file.delimiter === undefined && mayHaveOtherDelimiter(first))) {
    const second = await infer({ ...file, delimiter: 'auto' }).catch(() => null);
    if (second !== null && !isMostlyBroken(second) && second.columns.length > 1) {
      return { inferred: second, foundDelimiter: second.dialect?.delimiter ?? null };
    }
  }
  if (isHeaderMismatch(first)) throw first;
  if (isMostlyBroken(first)) throw mostlyBroken(first);
  return { inferred: first, foundDelimiter: null };
}

function isHeaderMismatch(found: unknown): found is Error {
  return found instanceof Error && 'code' in found && found.code === 'HEADER_MISMATCH';
}

function mayHaveOtherDelimiter(inferred: InferredSchema): boolean {
  const { format, columns } = inferred;
  if (format !== 'csv') return false;
  return isMostlyBroken(inferred) || (columns.length === 1 && DELIMITERS.test(columns[0]?.name ?? ''));
}

function isMostlyBroken({ rows_sampled: good, rows_rejected: broken }: InferredSchema): boolean {
  return broken > good;
}

function mostlyBroken({ format, rows_sampled: good, rows_rejected: broken }: InferredSchema): CliError {
  return new CliError(
    'INVALID_OPTION',
    `--infer makes no model of rows it cannot read: ${broken} of ${good + broken} rows are broken`,
    format === 'csv'
      ? 'Say how the file is written: --delimiter, --quote, --escape, --skip-lines or --encoding.'
      : 'Say what the file is (--format) and how it is written (--encoding), or correct it.',
  );
}
