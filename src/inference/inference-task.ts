import { likelyEncoding } from '../decoding/index.js';
import { FORMATS, inspectFile, invalidOption, refuseInapplicable } from '../ingest/index.js';
import type { ReceivedUpload } from '../upload/index.js';
import type { InferRequest } from './infer-options.js';
import type { InferenceTask } from './ipc.js';

/** What is to be found out about an upload. Throws UNSUPPORTED_FILE_TYPE, and INVALID_OPTION as for a job. */
export function taskFor(upload: ReceivedUpload, request: InferRequest): InferenceTask {
  const { location: file, sizeBytes, fileCompression } = upload;
  const { dialect, nullValues, quotedNulls, quotedEmpty, sampleRows, partial } = request;
  const { format, encoding: told } = inspectFile(upload, request);
  refuseInapplicable(request.given, format);
  const { label, magic, hasDialect } = FORMATS[format];
  if (magic !== null && partial) {
    throw invalidOption('partial', `a ${label} file cannot be read from its beginning alone; send the whole file`);
  }
  // A job takes text for UTF-8 unless it is told otherwise. JSON is, always.
  const isOpen = hasDialect && request.encoding === 'auto';
  const sourceEncoding = {
    fileCompression,
    encoding: isOpen ? likelyEncoding(upload.head, upload.head.length === sizeBytes) : told,
  };
  return {
    file,
    sizeBytes,
    format,
    sourceEncoding,
    dialect,
    nullValues,
    quotedNulls,
    quotedEmpty,
    sampleRows,
    partial,
  };
}
