import type { Model, Column as ModelColumn } from 'batch-ingest-sdk';
import { printable, type Style } from './style.js';
import { table } from './table.js';

export function modelTable(models: readonly Model[], style: Style): string {
  return table(
    [
      { title: 'MODEL', text: (model) => model.id },
      { title: 'NAME', text: (model) => model.name },
      { title: 'VERSION', text: (model) => String(model.version), align: 'right' },
      { title: 'COLUMNS', text: (model) => String(model.columns.length), align: 'right' },
      { title: 'UPDATED', text: (model) => model.updated_at },
    ],
    models,
    style,
  );
}

/** The model and, below it, what its schema means. */
export function modelDetails(model: Model, style: Style): string {
  const facts = `${style.bold(model.id)}  ${printable(model.name)}, version ${model.version}, ${model.updated_at}\n`;
  const sinks = model.sinks === null ? '' : `sinks: ${model.sinks.join(', ') || 'none'}\n`;
  const columns = table<ModelColumn>(
    [
      { title: 'COLUMN', text: (column) => column.name },
      { title: 'TYPE', text: (column) => column.type },
      { title: 'NULL', text: (column) => (column.nullable ? 'yes' : 'no') },
      { title: 'CONSTRAINTS', text: constraints },
    ],
    model.columns,
    style,
  );
  return `${facts}${sinks}\n${columns}`;
}

function constraints(column: ModelColumn): string {
  return Object.entries(column.constraints)
    .map(([name, value]) => `${name}=${JSON.stringify(value)}`)
    .join(' ');
}
