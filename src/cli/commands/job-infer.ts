import type { BatchClient, JobUpload, ModelCreate } from 'batch-ingest-sdk';
import { CliError } from '../failure.js';
import { inferredColumns } from '../render/inferred-table.js';
import type { Session } from '../session.js';
import { notesOn } from './inferred-notes.js';
import { inferSample } from './inferred-sample.js';
import { nullFlags } from './null-flags.js';

/**
 * Creates the model inferred from a job's file, under the id that the job names, and returns the job's options for
 * it. Throws CliError if the file cannot be read twice, its columns are to be renamed, or more of its rows
 * are broken than good.
 */
export async function withInferredModel(session: Session, client: BatchClient, job: JobUpload): Promise<JobUpload> {
  if (job.fromJob !== undefined) {
    throw new CliError(
      'INVALID_OPTION',
      '--infer needs a local file and cannot be combined with --from',
      'Leave out one of them.',
    );
  }
  if (job.source !== undefined) {
    throw new CliError(
      'INVALID_OPTION',
      '--infer needs a local file, and this one is read by the service',
      'Download its beginning, create the model from that (`batch model infer SAMPLE --partial`), and leave out --infer.',
    );
  }
  if (typeof job.file !== 'string') {
    throw new CliError(
      'INVALID_OPTION',
      '--infer reads the file twice, so it cannot be standard input',
      'Save it to a file first.',
    );
  }
  if (job.rename !== undefined) {
    throw new CliError(
      'INVALID_OPTION',
      "--infer names the model's columns as in the file, so --rename cannot be used with it",
      'Leave out --rename; or infer the schema with `batch model infer`, rename its columns and create the model from it.',
    );
  }
  const { inferred, foundDelimiter } = await inferSample(session, client, job);
  session.note(inferredColumns(inferred, session.style, session.width));
  for (const text of notesOn(inferred)) session.warn(text);
  const { null_values: nulls, dialect } = inferred;
  const delimiter = foundDelimiter?.replace('\t', '\\t');
  if (delimiter !== undefined) session.warn(`The delimiter is '${delimiter}', detected from the first rows`);
  const given = nullFlags(nulls);
  if (given !== '') session.warn(`The job is told which values are null:${given}`);
  const options = (delimiter === undefined ? '' : ` --delimiter '${delimiter}'`) + given;
  const again = `batch job create ${job.modelId} FILE${options}`;
  await createModel(session, client, { id: job.modelId, name: job.modelId, schema: inferred.schema }, again);
  session.note(`\nCreated the model; for another file: ${again}`);
  return {
    ...job,
    // One that was found out is not looked for again: the names of the model's columns might lead elsewhere.
    delimiter: job.delimiter === undefined ? (foundDelimiter ?? undefined) : dialect?.delimiter,
    nullValues: given === '' ? undefined : nulls,
  };
}

/** `again`: the command that takes the model as it is. */
async function createModel(session: Session, client: BatchClient, model: ModelCreate, again: string): Promise<void> {
  try {
    await client.createModel(model, { signal: session.signal });
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'MODEL_ALREADY_EXISTS')) throw error;
    throw new CliError(error.code, error.message, `Choose another id, or use the existing model: ${again}`);
  }
}
