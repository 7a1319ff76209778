import type { ColumnType } from '../../models/schema/index.js';
import type { FileType } from './file-type.js';

/** Digits of a Decimal. */
const MAX_PRECISION = 76;
const TEXT: ColumnType = { kind: 'string' };

/**
 * The types that a model may have for a column of the file, the one that says most first; every value that has JSON at
 * all fits the last of them. None: arrays and objects.
 */
export function proposedTypes(type: FileType): ColumnType[] {
  switch (type.kind) {
    case 'list':
    case 'map':
    case 'struct':
    case 'unsupported':
      return [];
    case 'bool':
      return [{ kind: 'bool' }];
    case 'uuid':
      return [{ kind: 'uuid' }];
    case 'int':
      return [type];
    case 'float':
      return [{ kind: 'float', bits: type.bits === 64 ? 64 : 32 }];
    case 'decimal':
      return [decimalType(type)];
    // The file's years may be others than 1 to 9999.
    case 'date':
      return [{ kind: 'date' }, TEXT];
    case 'timestamp':
      return [type.digits === 0 ? { kind: 'datetime' } : { kind: 'datetime64', digits: type.digits }, TEXT];
    case 'int96':
      return [{ kind: 'datetime64', digits: 9 }, TEXT];
    case 'null':
    case 'string':
    case 'binary':
    case 'fixed':
    case 'time':
      return [TEXT];
  }
}

function decimalType({ precision, scale }: Extract<FileType, { kind: 'decimal' }>): ColumnType {
  const isModels = precision <= MAX_PRECISION && scale >= 0 && scale <= precision;
  return isModels ? { kind: 'decimal', precision, scale } : { kind: 'float', bits: 64 };
}
