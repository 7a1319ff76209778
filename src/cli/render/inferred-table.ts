import type { InferredColumn, InferredSchema } from '../../sdk/index.js';
import { schemaText } from './schema-text.js';
import { printable, type Style } from './style.js';
import { type Column, displayWidth, table } from './table.js';
import { counted } from './units.js';

/** Of a cell, in characters: beyond it, it takes the other cells' place. */
const MAX_NAME = 40;
const MAX_REASON = 60;
const MAX_EXAMPLES = 40;
/** Examples that are cut shorter show nothing. */
const MIN_EXAMPLES = 12;
/** A reason that is cut shorter says nothing: narrower terminals wrap. */
const MIN_REASON = 24;
const GAP = 2;

/** What was looked at, the columns with their reasons, and below them the schema. `width`: of the terminal, in cells. */
export function inferredDetails(inferred: InferredSchema, style: Style, width?: number): string {
  const schema = schemaText(inferred.schema).split('\n').map(printable).join('\n');
  return `${inferredColumns(inferred, style, width)}\n${schema}`;
}

/** The same without the schema. */
export function inferredColumns(inferred: InferredSchema, style: Style, width = Number.POSITIVE_INFINITY): string {
  const columns = table(fitting(inferred.columns, style, width), inferred.columns, style);
  return `${sample(inferred)}\n\n${columns}`;
}

/** As much of the reasons as there is room for, and what room they leave for examples. */
function fitting(columns: readonly InferredColumn[], style: Style, width: number): Column<InferredColumn>[] {
  const facts: Column<InferredColumn>[] = [
    { title: 'COLUMN', text: (column) => shortened(column.name, MAX_NAME) },
    { title: 'TYPE', text: (column) => column.type, paint: () => style.cyan },
    { title: 'NULLABLE', text: nullable },
  ];
  const widest = (title: string, text: (column: InferredColumn) => string): number =>
    Math.max(displayWidth(title), ...columns.map((column) => displayWidth(text(column))));
  const room = facts.reduce((left, { title, text }) => left - widest(title, text) - GAP, width);
  const maxReason = Math.max(MIN_REASON, Math.min(MAX_REASON, room));
  const why = (column: InferredColumn): string => shortened(column.reason, maxReason);
  const maxExamples = Math.min(MAX_EXAMPLES, room - widest('WHY', why) - GAP);
  const examples = (column: InferredColumn): string => shortened(column.evidence.examples.join(', '), maxExamples);
  const fitting = [...facts, { title: 'WHY', text: why }];
  return maxExamples < MIN_EXAMPLES ? fitting : [...fitting, { title: 'EXAMPLES', text: examples }];
}

function sample({ rows_sampled: rows, rows_rejected: rejected, truncated }: InferredSchema): string {
  const seen = truncated ? `the first ${counted(rows, 'row')}` : counted(rows, 'row');
  return rejected > 0 ? `${seen}, and ${rejected} broken` : seen;
}

function nullable({ nullable: is, evidence }: InferredColumn): string {
  return is ? `yes, ${evidence.nulls}` : 'no';
}

function shortened(text: string, length: number): string {
  const characters = Array.from(text);
  return characters.length <= length ? text : `${characters.slice(0, length - 1).join('')}…`;
}
