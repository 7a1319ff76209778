import type { Assignment } from '../runner/index.js';
import type { RejectionNote } from './open-rejections.js';

type Of = Pick<Assignment, 'jobId' | 'modelId' | 'filename'>;

/** A rejected row as a line of the errors log, without its end. */
export function errorsLogLine({ jobId, modelId, filename }: Of, note: RejectionNote): string {
  return JSON.stringify({
    time: note.at,
    job_id: jobId,
    model_id: modelId,
    file: filename,
    row_number: note.row,
    line: note.line,
    byte_offset: note.byteOffset,
    codes: note.codes,
    columns: note.columns,
    ...(note.isTruncated ? { errors_truncated: true } : {}),
  });
}

/** Says that rows behind the last line are left out. */
export function omittedLine({ jobId, modelId, filename }: Of, at: Date, rows: number): string {
  return JSON.stringify({
    ...{ time: at.toISOString(), job_id: jobId, model_id: modelId, file: filename },
    omitted_rows: rows,
  });
}
