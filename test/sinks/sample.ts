import type { Column } from '../../src/models/schema/index.js';
import type { BlockPiece, DataBlock, RejectedBlock } from '../../src/sinks/sink.js';
import type { SinkJob } from '../../src/sinks/sink-job.js';

export function column(name: string, type: string, constraints: Column['constraints'] = {}): Column {
  return { name, type, nullable: true, constraints };
}

export const ORDERS: Column[] = [column('id', 'Int64'), column('amount', 'Decimal(10,2)'), column('note', 'String')];

export function jobOf(jobId: string, changes: Partial<SinkJob> = {}): SinkJob {
  return {
    jobId,
    modelId: 'orders',
    modelVersion: 1,
    columns: ORDERS,
    filename: 'orders.csv',
    topics: { data: `batch.${jobId}.data`, dlq: `batch.${jobId}.dlq` },
    load: 1,
    onConflict: 'skip',
    maxErrors: 1000,
    ...changes,
  };
}

/** A block of these rows; their records lie one behind another, and numbers are offsets plus 1. */
export function blockOf(rows: readonly (object | string)[], from = 0): DataBlock {
  const texts = rows.map((row) => Buffer.from(typeof row === 'string' ? row : JSON.stringify(row)));
  const bytes = Buffer.concat(texts);
  const starts = [0];
  for (const { length } of texts) starts.push((starts.at(-1) as number) + length);
  const piece = (begin: number, end: number): BlockPiece => ({
    count: end - begin,
    forEach(visit) {
      for (let i = begin; i < end; i++) {
        visit(bytes, starts[i] as number, starts[i + 1] as number, from + i + 1, from + i);
      }
    },
    writeBinary() {
      throw new Error('these rows come as JSON only');
    },
  });
  const middle = rows.length >> 1;
  return {
    from,
    to: from + rows.length,
    count: rows.length,
    pieces: [piece(0, middle), piece(middle, rows.length)].filter(({ count }) => count > 0),
    binaryColumns: null,
  };
}

export function rejectedBlockOf(jobId: string, count: number, from = 0): RejectedBlock {
  return {
    from,
    to: from + count,
    rows: Array.from({ length: count }, (_, index) => ({
      offset: from + index,
      row: {
        job_id: jobId,
        row_number: from + index + 1,
        line: from + index + 2,
        byte_offset: 10 * index,
        error: 'NOT_AN_INTEGER',
        message: 'id: this value is not a whole number',
        errors: [
          { column: 'id', type: 'Int64', error: 'NOT_AN_INTEGER', observed: 'x\0', message: 'id: not a whole number' },
          { column: 'note', type: 'String', error: 'TOO_LONG', observed: 'abc', message: 'note: too long' },
        ],
        errors_truncated: false,
        raw_data: 'x,abc\0',
        raw_encoding: 'utf8',
        raw_truncated: false,
        timestamp: '2026-11-20T09:15:00.000Z',
      },
    })),
  };
}
