import { errorsLogLine } from '../../src/delivery/errors-log-line.js';
import { OpenRejections } from '../../src/delivery/open-rejections.js';
import { encodeRejectedRow, type FieldError } from '../../src/formats/index.js';
import { RecordBatch } from '../../src/kafka/index.js';

function fieldError(column: string | null, error: FieldError['error']): FieldError {
  return { column, type: 'Int32', error, observed: 'a secret', message: `'a secret' is not an Int32` };
}

const AT = '2026-11-01T00:00:00.000Z';

/** Rejected rows as the writer sends them, the first one with two errors. */
function batchOf(...rows: number[]): RecordBatch {
  const batch = new RecordBatch();
  for (const [index, rowNumber] of rows.entries()) {
    const errors = [fieldError('quantity', 'NOT_AN_INTEGER'), fieldError(null, 'RAGGED_ROW')];
    const rejection = {
      ...{ rowNumber, line: rowNumber + 1, byteOffset: rowNumber * 10 },
      ...{ errors: index === 0 ? errors : errors.slice(0, 1), errorsTruncated: false },
      ...{ raw: Buffer.from('1,a secret'), rawTruncated: false },
    };
    const record = encodeRejectedRow('a1b2c3d4', rejection, AT);
    expect(batch.append(record, 0, record.length)).toBe(true);
  }
  return batch;
}

describe('the rejected rows of an open transaction', () => {
  it('are said once they are committed, and once: how many, and where the first is, without its values', () => {
    const rejections = new OpenRejections(null);
    rejections.add(batchOf(7, 9));
    rejections.add(batchOf(12));
    expect(rejections.take(20)).toEqual({
      rows: 3,
      first: {
        ...{ row: 7, line: 8, byteOffset: 70, at: AT, isTruncated: false },
        ...{ codes: ['NOT_AN_INTEGER', 'RAGGED_ROW'], columns: ['quantity', null] },
      },
      chunks: [],
      omitted: 0,
    });
    expect(rejections.take(20)).toBeNull();
  });

  it('are not said if the transaction was aborted: the job goes on before them', () => {
    const rejections = new OpenRejections(null);
    rejections.add(batchOf(7));
    expect(rejections.take(6)).toBeNull();
    expect(rejections.take(7)).toBeNull();
  });

  it('become lines of the errors log, each row one, none of an aborted transaction', () => {
    const job = { jobId: 'a1b2c3d4', modelId: 'orders', filename: 'orders.csv' };
    const rejections = new OpenRejections((note) => errorsLogLine(job, note));
    rejections.add(batchOf(7, 9));
    expect(rejections.take(6)).toBeNull();
    rejections.add(batchOf(7, 9));
    rejections.add(batchOf(12));
    const { chunks = [], omitted } = rejections.take(12) ?? {};
    const lines = chunks.flatMap(({ lines }) => lines.trimEnd().split('\n'));
    expect(lines[0]).toBe(
      `{"time":"${AT}","job_id":"a1b2c3d4","model_id":"orders","file":"orders.csv","row_number":7,"line":8,` +
        '"byte_offset":70,"codes":["NOT_AN_INTEGER","RAGGED_ROW"],"columns":["quantity",null]}',
    );
    expect(lines.map((line) => (JSON.parse(line) as { row_number: number }).row_number)).toEqual([7, 9, 12]);
    expect([omitted, chunks.map(({ rows }) => rows)]).toEqual([0, [3]]);
  });

  it('are left out, and counted, beyond a few megabytes of lines', () => {
    const rejections = new OpenRejections((note) => `${note.row}`.padEnd(1_000_000, '.'));
    for (let row = 1; row <= 10; row++) rejections.add(batchOf(row));
    const taken = rejections.take(10);
    expect(taken?.chunks.map(({ rows }) => rows)).toEqual([1, 1, 1, 1]);
    expect([taken?.rows, taken?.omitted]).toEqual([10, 6]);
  });
});
