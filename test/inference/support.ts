import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  createCsvReader,
  createJsonArrayReader,
  createNdjsonReader,
  type Rejection,
  type RowReader,
  readCsvHeader,
} from '../../src/formats/index.js';
import type { InferenceResult, InferredColumn } from '../../src/inference/inference-result.js';
import type { InferenceTask } from '../../src/inference/ipc.js';
import { inferFile } from '../../src/inference/sample-file.js';
import { compileSchema } from '../../src/models/schema/index.js';

const DECODER_BYTES = 256 * 1024 ** 2;
const DIALECT = { delimiter: ',', quote: '"', header: true };

export async function infer(content: string | Buffer, options: Partial<InferenceTask> = {}): Promise<InferenceResult> {
  const folder = await mkdtemp(join(tmpdir(), 'batch-inference-'));
  const path = join(folder, 'file');
  try {
    await writeFile(path, content);
    return await inferFile(
      {
        file: { kind: 'local', path },
        sizeBytes: Buffer.byteLength(content),
        format: 'csv',
        sourceEncoding: { fileCompression: 'none', encoding: 'utf-8' },
        dialect: DIALECT,
        nullValues: [],
        quotedNulls: 'typed',
        quotedEmpty: 'text',
        sampleRows: 100_000,
        partial: false,
        ...options,
      },
      DECODER_BYTES,
    );
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** What is found out about a file of one column. */
export async function column(values: readonly string[], options?: Partial<InferenceTask>): Promise<InferredColumn> {
  const { columns } = await infer(`value,other\n${values.map((value) => `${value},\n`).join('')}`, options);
  return columns[0] as InferredColumn;
}

/** What the reader of a job rejects of a CSV file with the schema that was proposed for it. */
export async function rejectedWith(content: string | Buffer, inferred: InferenceResult): Promise<Rejection[]> {
  const { columns, additionalColumns } = compileSchema(inferred.schema);
  const bytes = asBytes(content);
  const options = { dialect: inferred.dialect ?? DIALECT, columns, additionalColumns };
  const header = await readCsvHeader([bytes], options);
  const reader = createCsvReader({ ...options, header, nullValues: inferred.null_values });
  return rejectedBy(reader, bytes.subarray(reader.position.byte));
}

/** The same of JSON and NDJSON; the schema as it comes over the wire. */
export function rejectedJson(content: string | Buffer, { schema, format }: InferenceResult): Rejection[] {
  const options = compileSchema(JSON.parse(JSON.stringify(schema)));
  const reader = format === 'json' ? createJsonArrayReader(options) : createNdjsonReader(options);
  return rejectedBy(reader, asBytes(content));
}

function asBytes(content: string | Buffer): Buffer {
  return typeof content === 'string' ? Buffer.from(content) : content;
}

function rejectedBy(reader: RowReader, bytes: Buffer): Rejection[] {
  const rejected: Rejection[] = [];
  const consumer = { accept: () => undefined, reject: (rejection: Rejection) => void rejected.push(rejection) };
  reader.push(bytes);
  while (reader.advance(consumer));
  reader.end();
  while (reader.advance(consumer));
  return rejected;
}
