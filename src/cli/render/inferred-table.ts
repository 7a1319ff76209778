import type { InferredColumn, InferredSchema } from 'batch-ingest-sdk';
import { schemaText } from './schema-text.js';
import { printable, type Style } from './style.js';
import { type Column, fitting, type Step, shortened, table } from './table.js';
import { counted } from './units.js';

/** Maximum width of a name's cell: a wider one would displace the others. */
const MAX_NAME = 40;
const MAX_REASON = 60;
const MAX_EXAMPLES = 40;

/** What gives way if the terminal is narrow, first things first; a text that is cut shorter says nothing. */
const STEPS: readonly Step[] = [
  ['EXAMPLES', 12],
  ['EXAMPLES', 0],
  ['WHY', 24],
  ['COLUMN', 16],
  ['NULLABLE', 0],
  ['WHY', 12],
  ['COLUMN', 8],
];

/** What was sampled, the columns with their reasons, and below them the schema. `width`: of the terminal, in cells. */
export function inferredDetails(inferred: InferredSchema, style: Style, width?: number): string {
  const schema = schemaText(inferred.schema).split('\n').map(printable).join('\n');
  return `${inferredColumns(inferred, style, width)}\n${schema}`;
}

/** The same without the schema. */
export function inferredColumns(inferred: InferredSchema, style: Style, width = Number.POSITIVE_INFINITY): string {
  const columns: Column<InferredColumn>[] = [
    { title: 'COLUMN', text: (column) => shortened(column.name, MAX_NAME) },
    { title: 'TYPE', text: (column) => column.type, paint: () => style.cyan },
    { title: 'NULLABLE', text: nullable },
    { title: 'WHY', text: (column) => shortened(column.reason, MAX_REASON) },
    { title: 'EXAMPLES', text: (column) => shortened(column.evidence.examples.join(', '), MAX_EXAMPLES) },
  ];
  const { columns: rows } = inferred;
  return `${sample(inferred)}\n\n${table(fitting(columns, rows, width, STEPS), rows, style)}`;
}

function sample({ rows_sampled: rows, rows_rejected: rejected, truncated }: InferredSchema): string {
  const seen = truncated ? `the first ${counted(rows, 'row')}` : counted(rows, 'row');
  return rejected > 0 ? `${seen}, and ${rejected} broken` : seen;
}

function nullable({ nullable: is, evidence }: InferredColumn): string {
  return is ? `yes, ${evidence.nulls}` : 'no';
}
