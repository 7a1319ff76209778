import type { BatchClient, JobUpload, ModelCreate } from 'batch-ingest-sdk';
import { CliError } from '../failure.js';
import { inferredColumns } from '../render/inferred-table.js';
import type { Session } from '../session.js';
import { notesOn } from './inferred-notes.js';
import { asFlags, foundOptions } from './inferred-options.js';
import { inferSample } from './inferred-sample.js';

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
  const inferred = await inferSample(session, client, job);
  session.note(inferredColumns(inferred, session.style, session.width));
  for (const text of notesOn(inferred)) session.warn(text);
  const options = foundOptions(inferred);
  const flags = asFlags(options);
  if (flags !== '') session.warn(`The job is told how to read the file:${flags}`);
  const again = `batch job create ${job.modelId} FILE${flags}`;
  await createModel(session, client, { id: job.modelId, name: job.modelId, schema: inferred.schema }, again);
  session.note(`\nCreated the model; for another file: ${again}`);
  // What is to be detected was: it is not looked for again, where the model's names might lead elsewhere.
  const delimiter = job.delimiter === undefined ? {} : { delimiter: inferred.dialect?.delimiter };
  return { ...job, ...delimiter, ...options };
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
