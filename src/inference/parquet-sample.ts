import type { ReadableFile } from '../decoding/index.js';
import { type FileField, isNested, openParquet } from '../formats/index.js';
import { DeclaredColumn } from './declared-column.js';
import { DeclaredNested } from './declared-nested.js';
import { inJsonSchemaType } from './declared-property.js';
import type { InferenceResult } from './inference-result.js';
import type { InferenceTask } from './ipc.js';
import { parseRow } from './parse-json-row.js';
import { newBudget } from './path-profile.js';
import type { RowSchema } from './row-schema.js';
import { SAMPLE_BYTES, takeSample } from './sampling.js';
import { maxDistinctOf, schemaOf } from './schema-inference.js';
import { byName, refuseNoColumns } from './skipped-columns.js';

type DeclaredColumns = readonly (DeclaredColumn | DeclaredNested)[];

/**
 * Infers the schema that the file declares, by the reader of a job: flat, or in JSON Schema if there are lists,
 * structs or maps. Throws ServiceError HEADER_MISMATCH if no column has a usable name and type, and what reading the
 * file throws.
 */
export async function inferParquet(
  file: ReadableFile,
  { format, sizeBytes, sampleRows }: InferenceTask,
  decoderBytes: number,
): Promise<InferenceResult> {
  // Columns of no known type are read as they are.
  const model = { columns: [], additionalColumns: true };
  const reader = await openParquet({ ...model, file, size: sizeBytes, maxBytes: decoderBytes });
  const { usable, skipped_columns } = byName(reader.fields);
  const hasNested = usable.some(({ type }) => isNested(type));
  const columns = columnsOf(usable, hasNested);
  let bytes = 0;
  const sample = await takeSample(
    reader,
    // The file's own bytes may be a thousandth of its rows'.
    { rows: sampleRows, hasEnough: () => bytes >= SAMPLE_BYTES },
    {
      take: (row, number) => {
        bytes += row.length;
        const values = parseRow(row);
        for (const column of columns) column.take(values[column.name] ?? null, number);
      },
    },
  );
  refuseNoColumns(columns, skipped_columns);
  const isWhole = !sample.truncated;
  const inferred = columns.map((column) => column.conclude(isWhole));
  const schema = hasNested ? rowSchemaOf(columns, isWhole) : schemaOf(inferred);
  const ofText = { encoding: null, dialect: null, detection: null, null_values: [] };
  return { schema, format, ...ofText, ...sample, columns: inferred, skipped_columns };
}

function columnsOf(fields: readonly FileField[], hasNested: boolean): DeclaredColumns {
  const budget = newBudget();
  const maxDistinct = maxDistinctOf(fields.length);
  const spelled = hasNested ? inJsonSchemaType : undefined;
  return fields.map((field) =>
    isNested(field.type) ? new DeclaredNested(field, budget) : new DeclaredColumn(field, maxDistinct, spelled),
  );
}

/** Every row has all columns, be they null. */
function rowSchemaOf(columns: DeclaredColumns, isWhole: boolean): RowSchema {
  const properties = columns.flatMap((column) => {
    const property = column.property(isWhole);
    return property === null ? [] : [[column.name, property] as const];
  });
  return { type: 'object', properties: Object.fromEntries(properties), required: properties.map(([name]) => name) };
}
