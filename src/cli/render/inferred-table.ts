import type { InferredColumn, InferredSchema } from '../../sdk/index.js';
import { printable, type Style } from './style.js';
import { table } from './table.js';
import { counted } from './units.js';

/** Of a cell, in characters: beyond it, it takes the other cells' place. */
const MAX_REASON = 60;
const MAX_EXAMPLES = 40;

/** What was looked at, the columns with their reasons, and below them the schema. */
export function inferredDetails(inferred: InferredSchema, style: Style): string {
  const columns = table<InferredColumn>(
    [
      { title: 'COLUMN', text: (column) => column.name },
      { title: 'TYPE', text: (column) => column.type, paint: () => style.cyan },
      { title: 'NULLABLE', text: nullable },
      { title: 'WHY', text: (column) => shortened(column.reason, MAX_REASON) },
      { title: 'EXAMPLES', text: (column) => shortened(column.evidence.examples.join(', '), MAX_EXAMPLES) },
    ],
    inferred.columns,
    style,
  );
  const schema = JSON.stringify(inferred.schema, null, 2).split('\n').map(printable);
  return `${sample(inferred)}\n\n${columns}\n${schema.join('\n')}\n`;
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
