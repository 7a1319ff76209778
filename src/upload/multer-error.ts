import multer from 'multer';
import { ServiceError } from '../errors/index.js';

/** Limits of the form around the file. */
export const FORM_LIMITS = { fields: 64, fieldNameSize: 128, fieldSize: 8 * 1024, fieldNestingDepth: 0 } as const;

/** Whatever multer and its parser say about a body, in the catalogue's words. */
export function fromMulter(error: unknown, maxFileBytes: number): unknown {
  if (error instanceof ServiceError) return error;
  if (error instanceof multer.MulterError) return fromLimit(error, maxFileBytes);
  // The parser throws bare errors; a TypeError, or an error of the system, is none of them.
  if (error instanceof Error && error.constructor === Error && !('code' in error)) {
    return new ServiceError('INVALID_MULTIPART', describe(error.message), { cause: error });
  }
  return error;
}

function fromLimit(error: multer.MulterError, maxFileBytes: number): ServiceError {
  const field = shorten(error.field ?? '');
  const code: string = error.code;
  switch (code) {
    case 'LIMIT_FILE_SIZE':
      return fileTooLarge(maxFileBytes);
    case 'LIMIT_UNEXPECTED_FILE':
      return error.field === 'file'
        ? new ServiceError('INVALID_MULTIPART', "The form has more than one file part named 'file'")
        : new ServiceError('MISSING_FILE', `The file part is named '${field}', not 'file'`);
    case 'LIMIT_FILE_COUNT':
      return new ServiceError('INVALID_MULTIPART', 'The form has more than one file part');
    case 'LIMIT_FIELD_VALUE':
      return new ServiceError('INVALID_OPTION', `${field}: longer than ${FORM_LIMITS.fieldSize} bytes`);
    case 'LIMIT_FIELD_KEY':
      return new ServiceError(
        'INVALID_OPTION',
        `A field's name is longer than ${FORM_LIMITS.fieldNameSize} characters`,
      );
    case 'LIMIT_FIELD_NESTING':
    case 'INVALID_FIELD_NAME':
      return new ServiceError('INVALID_OPTION', `${field}: there is no such option`);
    case 'LIMIT_FIELD_COUNT':
    case 'LIMIT_PART_COUNT':
      return new ServiceError('INVALID_MULTIPART', `The form has more than ${FORM_LIMITS.fields} fields`);
    default:
      return new ServiceError('INVALID_MULTIPART', error.message, { cause: error });
  }
}

export function fileTooLarge(maxFileBytes: number): ServiceError {
  return new ServiceError('FILE_TOO_LARGE', `The file is larger than ${maxFileBytes} bytes${binary(maxFileBytes)}`);
}

/** busboy's words that say nothing to a client. */
function describe(message: string): string {
  switch (message) {
    case 'Unexpected end of form':
    case 'Unexpected end of file':
      return 'The body ends before its closing boundary';
    case 'Multipart: Boundary not found':
      return 'The Content-Type header names no boundary';
    case 'Malformed part header':
      return 'The header of a part is malformed';
    case 'Request aborted':
    case 'Request closed':
      return 'The client went away before the end of the body';
    default:
      return message;
  }
}

function binary(bytes: number): string {
  const units = ['KiB', 'MiB', 'GiB', 'TiB'];
  let value = bytes;
  let unit = '';
  for (const next of units) {
    if (value < 1024 || value % 1024 !== 0) break;
    value /= 1024;
    unit = next;
  }
  return unit === '' ? '' : ` (${value} ${unit})`;
}

function shorten(text: string): string {
  return text.length > 100 ? `${text.slice(0, 100)}…` : text;
}
