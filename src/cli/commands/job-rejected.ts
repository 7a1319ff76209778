import { Command, Option } from '@commander-js/extra-typings';
import type { RejectedRow } from '../../sdk/index.js';
import { CSV_HEADER, csvLines, rejectedTable } from '../render/rejected-table.js';
import type { Session } from '../session.js';
import { positiveInteger } from './options.js';

const PAGE_SIZE = 1000;
/** What a person may look through; programs get all. */
const TABLE_LIMIT = 100;

type Format = 'table' | 'json' | 'ndjson' | 'csv';

export function jobRejectedCommand(open: () => Session) {
  return new Command('rejected')
    .description("Show a job's rejected rows and why they were rejected.")
    .argument('<id>')
    .addOption(
      new Option('--format <format>', 'default: table on a terminal, json otherwise').choices([
        'table',
        'json',
        'ndjson',
        'csv',
      ] as const),
    )
    .option('--limit <n>', `at most so many rows (default: ${TABLE_LIMIT} in a table, else all)`, positiveInteger)
    .addHelpText(
      'after',
      `
A table and CSV have one line for each error, JSON one object for each row.

Examples:
  $ batch job rejected a1b2c3d4
  $ batch job rejected a1b2c3d4 --format ndjson | jq -r .raw_data > again.csv
  $ batch job rejected a1b2c3d4 --format csv > errors.csv`,
    )
    .action(async (id, options) => {
      const session = open();
      const client = await session.client();
      const format: Format = options.format ?? session.mode;
      const limit = options.limit ?? (format === 'table' ? TABLE_LIMIT : Number.POSITIVE_INFINITY);
      const pageSize = Math.min(limit + 1, PAGE_SIZE);
      const rows = client.listRejectedRows(id, { pageSize, signal: session.signal });
      const more = await printRows(session, format, rows, limit);
      if (more) session.note(`\nThere are more: --limit ${limit * 10}, or all with --format ndjson`);
    });
}

/** Prints at most `limit` rows as they come; says whether there are more. */
async function printRows(
  session: Session,
  format: Format,
  rows: AsyncIterable<RejectedRow>,
  limit: number,
): Promise<boolean> {
  const writer = writerFor(format, session);
  let count = 0;
  for await (const row of rows) {
    if (count === limit) {
      await writer.end();
      return true;
    }
    await writer.row(row);
    count++;
  }
  await writer.end();
  return false;
}

interface RowWriter {
  row(row: RejectedRow): Promise<void>;
  end(): Promise<void>;
}

function writerFor(format: Format, session: Session): RowWriter {
  switch (format) {
    case 'table': {
      const kept: RejectedRow[] = [];
      return {
        row: async (row) => void kept.push(row),
        end: () => session.print(rejectedTable(kept, session.style)),
      };
    }
    case 'json': {
      let open = '[';
      return {
        row: async (row) => {
          await session.print(`${open}\n${JSON.stringify(row, null, 2).replace(/^/gm, '  ')}`);
          open = ',';
        },
        end: () => session.print(open === '[' ? '[]\n' : '\n]\n'),
      };
    }
    case 'ndjson':
      return { row: (row) => session.print(`${JSON.stringify(row)}\n`), end: async () => undefined };
    case 'csv': {
      let header = CSV_HEADER;
      return {
        row: async (row) => {
          await session.print(header + csvLines(row));
          header = '';
        },
        end: () => session.print(header),
      };
    }
  }
}
