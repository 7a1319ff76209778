import type { ColumnType } from '../../models/schema/index.js';

/** The JSON values without parts, null aside. */
export type ScalarKind = 'string' | 'number' | 'boolean';

/** Which of them may spell a value of a type. */
export function jsonKindsOf(type: ColumnType): readonly ScalarKind[] {
  switch (type.kind) {
    case 'bool':
      return ['boolean'];
    case 'int':
    case 'float':
      return ['number'];
    // Exact digits may stand in quotes, epoch seconds without.
    case 'decimal':
    case 'datetime':
      return ['number', 'string'];
    case 'string':
    case 'date':
    case 'datetime64':
    case 'uuid':
      return ['string'];
  }
}
