import { Command, Option } from '@commander-js/extra-typings';
import type { BatchClient, RejectedRow } from 'batch-ingest-sdk';
import { CSV_HEADER, csvLines, rejectedTable } from '../render/rejected-table.js';
import type { Session } from '../session.js';
import { positiveInteger } from './options.js';

const PAGE_SIZE = 1000;
/** What a person may look through; programs get all. */
const TABLE_LIMIT = 100;

/** Maximum number of skipped rows to list. */
const MAX_LISTED = 20;

type Format = 'table' | 'json' | 'ndjson' | 'csv';

export function jobRejectedCommand(open: () => Session) {
  return new Command('rejected')
    .description("Show a job's rejected rows and why they were rejected.")
    .argument('<id>')
    .addOption(
      new Option('--format <format>', 'format of the output (default: table on a terminal, json otherwise)').choices([
        'table',
        'json',
        'ndjson',
        'csv',
        'file',
      ] as const),
    )
    .option(
      '--limit <n>',
      `maximum number of rows (default: ${TABLE_LIMIT} in a table, otherwise all)`,
      positiveInteger,
    )
    .addHelpText(
      'after',
      `
A table and CSV have one line for each error; JSON has one object for each row.

--format file writes the rejected rows as a file that you can correct and send again. For a CSV job it has the original
header, dialect and encoding: send it with the same options. For JSON and Parquet jobs it is NDJSON: send it with
\`--format ndjson\`. Rows that cannot be written to a file are skipped and listed on stderr.

Examples:
  $ batch job rejected a1b2c3d4
  $ batch job rejected a1b2c3d4 --format csv > errors.csv
  $ batch job rejected a1b2c3d4 --format file > fix.csv   # correct it, then:
  $ batch job create orders fix.csv --wait`,
    )
    .action(async (id, options) => {
      const session = open();
      const client = await session.client();
      if (options.format === 'file') return printFile(session, client, id, options.limit);
      const format: Format = options.format ?? session.mode;
      const limit = options.limit ?? (format === 'table' ? TABLE_LIMIT : Number.POSITIVE_INFINITY);
      const pageSize = Math.min(limit + 1, PAGE_SIZE);
      const rows = client.listRejectedRows(id, { pageSize, signal: session.signal });
      const more = await printRows(session, format, rows, limit);
      if (more) session.note(`\nThere are more: --limit ${limit * 10}, or all with --format ndjson`);
    });
}

/** Prints the rows as a file, and lists on stderr, in every mode, those that are not in it. */
async function printFile(session: Session, client: BatchClient, id: string, limit: number | undefined): Promise<void> {
  let skipped = 0;
  const onLeftOut = ({ row_number }: RejectedRow, reason: string): void => {
    skipped += 1;
    if (skipped <= MAX_LISTED) session.tell({ row_number, message: `Skipped row ${row_number}: ${reason}` });
  };
  for await (const piece of client.rejectedFile(id, {
    limit,
    onLeftOut,
    pageSize: PAGE_SIZE,
    signal: session.signal,
  })) {
    await session.print(piece);
  }
  if (skipped > MAX_LISTED) session.tell({ message: `Skipped ${skipped} rows in all` });
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
        end: () => session.print(rejectedTable(kept, session.style, session.width)),
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
