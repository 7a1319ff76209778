import { BatchError } from '../errors/index.js';
import { inspectUpload, invalidOption, knownDialect, refuseInapplicable } from '../jobs/index.js';
import type { ReceivedUpload } from '../upload/index.js';
import type { InferRequest } from './infer-options.js';
import type { InferenceTask } from './messages.js';

/** What is to be found out about an upload. Throws UNSUPPORTED_FILE_TYPE, and INVALID_OPTION as for a job. */
export function taskFor(upload: ReceivedUpload, request: InferRequest): InferenceTask {
  const { path, sizeBytes, fileCompression } = upload;
  const { nullValues, sampleRows, partial } = request;
  const { format, encoding, text } = inspectUpload(upload, request);
  if (format !== 'csv' && format !== 'parquet') {
    throw new BatchError(
      'UNSUPPORTED_FILE_TYPE',
      `The file is taken for ${format}; schemas are proposed for CSV and Parquet only`,
    );
  }
  refuseInapplicable(request.given, format);
  if (format === 'parquet' && partial) {
    throw invalidOption('partial', 'the beginning of a Parquet file tells nothing; send the whole file');
  }
  const wrapping = { fileCompression, encoding };
  const dialect = format === 'csv' ? knownDialect(request.dialect, text, []) : request.dialect;
  return { path, sizeBytes, format, wrapping, dialect, nullValues, sampleRows, partial };
}
