import { BatchError } from '../errors/index.js';
import { type FileField, openParquet, proposedTypes, spellFileType } from '../formats/index.js';
import type { ReadableFile } from '../sources/index.js';
import { DeclaredColumn } from './declared-column.js';
import type { Findings } from './inferred-schema.js';
import { parseRow } from './json-row.js';
import type { InferenceTask } from './messages.js';
import { SAMPLE_BYTES, takeSample } from './sampling.js';
import { maxDistinctOf, schemaOf } from './schema-inference.js';

/**
 * Proposes the schema that the file itself has, by the reader of a job. Throws BatchError HEADER_MISMATCH where the
 * columns' names or types cannot be, or a model could have none of them, and what reading the file throws.
 */
export async function inferParquet(
  file: ReadableFile,
  { format, sizeBytes, sampleRows }: InferenceTask,
  decoderBytes: number,
): Promise<Findings> {
  // Columns of no known type are read as they are.
  const model = { columns: [], additionalColumns: true };
  const reader = await openParquet({ ...model, file, size: sizeBytes, maxBytes: decoderBytes });
  const [known, nested] = partition(reader.fields);
  if (known.length === 0) {
    reader.close();
    throw new BatchError(
      'HEADER_MISMATCH',
      'the file has nothing but LIST, STRUCT and MAP columns, for which nothing is proposed',
    );
  }
  const columns = known.map((field) => [field.name, new DeclaredColumn(field, maxDistinctOf(known.length))] as const);
  let bytes = 0;
  const sample = await takeSample(
    reader,
    // The file's own bytes may be a thousandth of its rows'.
    { rows: sampleRows, hasEnough: () => bytes >= SAMPLE_BYTES },
    (row, number) => {
      bytes += row.length;
      const values = parseRow(row);
      for (const [name, column] of columns) {
        const value = values[name] ?? null;
        if (value === null) column.takeNull();
        else column.take(String(value), number);
      }
    },
  );
  const inferred = columns.map(([, column]) => column.conclude());
  const left_out = nested.map(({ name, type }) => ({
    name,
    reason: `the file says ${spellFileType(type)}, and arrays and objects are not proposed; jobs keep the column`,
  }));
  return { schema: schemaOf(inferred), format, null_values: [], ...sample, columns: inferred, left_out };
}

function partition(fields: readonly FileField[]): [known: FileField[], nested: FileField[]] {
  const hasType = ({ type }: FileField): boolean => proposedTypes(type).length > 0;
  return [fields.filter(hasType), fields.filter((field) => !hasType(field))];
}
