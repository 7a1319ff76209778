import { randomUUID } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { Command } from '@commander-js/extra-typings';
import type { BatchClient, JobUpload, KeptFile, NewFile, SourceFile, UploadProgress } from 'batch-ingest-sdk';
import { CliError, EXIT, Interrupted } from '../failure.js';
import { lostContact } from '../lost-contact.js';
import { uploadLine } from '../progress.js';
import { jobDetails } from '../render/job-table.js';
import { bytes } from '../render/units.js';
import type { Session } from '../session.js';
import { givenOf, JOB_FLAGS, withFlags } from './file-flags.js';
import { withInferredModel } from './job-infer.js';
import { waitAndConclude } from './job-wait.js';
import { nullFlags, quoted } from './null-flags.js';
import { idempotencyKey, positiveInteger } from './options.js';

/** What the service takes unless it is configured otherwise: a file above it is not worth its upload. */
const DEFAULT_MAX_BYTES = 1024 ** 3;

export function jobCreateCommand(open: () => Session) {
  const command = new Command('create')
    .description('Start a job with a file: uploaded, or read by the service where it lies.')
    .argument('<model>', 'the id of the model that the rows must satisfy; with --infer, of the one to create')
    .argument(
      '[file]',
      'the file, - for standard input, or where it lies: s3://bucket/key, gs:, az:, https:, file:///path on the server; left out with --from',
    )
    .option('--from <job>', 'use the file kept by this ended job (its options are not reused)')
    .option(
      '--infer',
      'create the model first, inferred from the file (see model infer); fails if a model with this id exists',
    )
    .option(
      '--wait',
      'wait until the job has ended and its rows are in its sinks; exit 2 if some rows were rejected, 1 if it or a sink failed, 75 if contact is lost',
    )
    .option('--wait-kafka', 'as --wait, but without waiting for the sinks; also spelled --wait=kafka')
    .option(
      '--idempotency-key <key>',
      'the same key never starts a second job for the same file, model and options (default: a random one)',
      idempotencyKey,
    );
  return withFlags(command, JOB_FLAGS)
    .option('--max <bytes>', 'refuse a larger file before uploading it', positiveInteger, DEFAULT_MAX_BYTES)
    .addHelpText(
      'after',
      `
A path is a file of this machine, which is uploaded. A URI names a file that the service reads where it lies: with the
service's credentials, and only if the service allows it (SOURCES, see docs/reference/sources.md). It reads the version that is there
now, and fails if that is replaced meanwhile. For a path that looks like a URI write ./ before it.

With --infer, the model is created from the first rows of the file. The job also gets what was found: how CSV is
written, unless a flag says it, and the values that mean null. Later rows are checked against that model; a column for
which no type was found stays text and is not checked.

Examples:
  $ batch job create orders orders.csv --wait
  $ batch job create events events.ndjson.gz --infer --wait
  $ batch job create orders export.txt --delimiter auto --metadata source=crm --metadata day=2026-11-20
  $ batch job create orders orders.parquet --wait
  $ batch job create orders orders.csv --rename 'Order ID=id' --rename Qty=qty
  $ batch job create users users.csv --value-format json --normalize email=trim,lowercase
  $ batch job create orders orders.ndjson --wait
  $ batch job create orders orders.csv --sinks clickhouse,postgres --wait
  $ batch job create orders orders.csv.gz --encoding windows-1252 --wait
  $ batch job create orders s3://exports/orders/2026-11-20.csv.gz --wait
  $ batch job create orders file:///data/in/orders.csv --expect rows=1200 --wait
  $ batch job create orders --from a1b2c3d4 --delimiter ';' --wait
  $ batch job create orders 2026-11-20.csv --idempotency-key orders-2026-11-20 --wait`,
    )
    .action(async (model, file, options) => {
      const session = open();
      const source = fileOf(file, options.from, session);
      if (typeof source.file === 'string') await refuseTooLarge(source.file, options.max);
      const client = await session.client();
      const wanted: JobUpload = {
        modelId: model,
        ...source,
        ...givenOf(JOB_FLAGS, options),
      };
      const known = options.infer === true ? await withInferredModel(session, client, wanted) : wanted;
      const key = options.idempotencyKey ?? randomUUID();
      const { job, replayed } = await upload(
        session,
        client,
        known,
        key,
        repetition(known, options.infer === true, key),
      );
      const { job_id: id } = job;
      const message = `Job ${id} ${replayed ? 'exists already' : 'accepted'}; if this command is interrupted, run: ${session.command(`job wait ${id}`)}`;
      if (options.wait === true || options.waitKafka === true) {
        session.tell({ job_id: id, message });
        return waitAndConclude(session, client, id, options.waitKafka === true ? 'kafka' : 'sinks');
      }
      session.show(job, jobDetails);
      if (replayed) session.note('\nThe Idempotency-Key was used before: this is its job, and no new one was started.');
      session.note(`\nNext: batch job wait ${id}`);
    });
}

/** Throws CliError unless either a file or a job is named. */
function fileOf(
  file: string | undefined,
  fromJob: string | undefined,
  session: Session,
): NewFile | KeptFile | SourceFile {
  if (file !== undefined && fromJob === undefined) {
    if (isUri(file)) return { source: file };
    return file === '-' ? { file: session.environment.stdin(), filename: 'stdin' } : { file };
  }
  if (file === undefined && fromJob !== undefined) return { fromJob };
  throw new CliError(
    'USAGE',
    file === undefined ? 'neither FILE nor --from is given' : 'give either FILE or --from, not both',
    'Name a file, or a job that keeps its file: batch job create MODEL FILE, or batch job create MODEL --from JOB_ID.',
    EXIT.usage,
  );
}

const SCHEMES = ['file', 's3', 'gs', 'az', 'https', 'http'];

/** Whether it names a file that the service reads. Throws CliError if it names one that it cannot. */
function isUri(file: string): boolean {
  const [, scheme, slashes] = /^([a-z][a-z0-9+.-]+):(\/\/)?/i.exec(file) ?? [];
  if (scheme === undefined) return false;
  if (SCHEMES.includes(scheme.toLowerCase())) return true;
  if (slashes === undefined) return false;
  throw new CliError(
    'INVALID_SOURCE',
    `'${scheme}:' is none of ${SCHEMES.map((each) => `${each}:`).join(', ')}`,
    'Download the file, and upload it: batch job create MODEL FILE.',
    EXIT.usage,
  );
}

/** `again`: what the command has to be to be repeated. */
async function upload(session: Session, client: BatchClient, file: JobUpload, key: string, again: string) {
  const line = await uploadLine(session);
  // Any request without the file itself may have started the job.
  let isSent = 'fromJob' in file || 'source' in file;
  const onProgress = (step: UploadProgress): void => {
    isSent ||= step.bytesSent > 0 && (step.bytesTotal === null || step.bytesSent === step.bytesTotal);
    line.update(step);
  };
  const resend = `${again}: it cannot start a second job.`;
  try {
    return await client.createJob(file, { signal: session.signal, idempotencyKey: key, onProgress });
  } catch (error) {
    if (session.signal.aborted) {
      const unanswered = `the upload was not answered; there may be a job. ${resend}`;
      throw new Interrupted(isSent ? unanswered : 'the upload was aborted; no job was started');
    }
    const { isOutage } = await import('batch-ingest-sdk');
    if (!isOutage(error)) throw error;
    if (isSent) throw lostContact(error, 'it is not known whether there is a job', resend);
    throw lostContact(
      error,
      'no job was started',
      `Check the service with \`${session.command('health')}\`. ${again}.`,
    );
  } finally {
    line.stop();
  }
}

/** What to do to send the same once more. A proposed model is there already, and cannot be created again. */
function repetition({ nullValues, delimiter }: JobUpload, isInferred: boolean, key: string): string {
  const told = [
    `--idempotency-key ${quoted(key)}`,
    ...(isInferred && nullValues !== undefined ? [nullFlags(nullValues).trimStart()] : []),
    ...(isInferred && delimiter !== undefined ? [`--delimiter ${quoted(delimiter)}`] : []),
  ];
  return `Run the same command again ${isInferred ? 'without --infer, ' : ''}with ${told.join(' ')}`;
}

async function refuseTooLarge(file: string, max: number): Promise<void> {
  const { size } = await stat(file);
  if (size <= max) return;
  const limit = max % 1024 === 0 ? `${max} (${bytes(max)})` : `${max}`;
  throw new CliError(
    'FILE_TOO_LARGE',
    `'${file}' has ${size} bytes; the limit is ${limit}`,
    'Split the file, or raise MAX_UPLOAD_BYTES on the server and pass the same number as --max.',
  );
}
