import { inspectUpload, invalidOption, knownDialect, refuseInapplicable } from '../jobs/index.js';
import type { ReceivedUpload } from '../upload/index.js';
import type { InferRequest } from './infer-options.js';
import type { InferenceTask } from './messages.js';

/** What is to be found out about an upload. Throws UNSUPPORTED_FILE_TYPE, and INVALID_OPTION as for a job. */
export function taskFor(upload: ReceivedUpload, request: InferRequest): InferenceTask {
  const { path, sizeBytes, fileCompression } = upload;
  const { nullValues, sampleRows, partial } = request;
  const { format, encoding, text } = inspectUpload(upload, request);
  refuseInapplicable(request.given, format);
  if (format === 'parquet' && partial) {
    throw invalidOption('partial', 'the beginning of a Parquet file tells nothing; send the whole file');
  }
  const wrapping = { fileCompression, encoding };
  const dialect = format === 'csv' ? knownDialect(request.dialect, text, []) : request.dialect;
  return { path, sizeBytes, format, wrapping, dialect, nullValues, sampleRows, partial };
}
