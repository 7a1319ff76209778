import { rangeOf } from '../../../src/formats/validation/range.js';
import { type ColumnType, parseColumnType, TYPE_NAMES } from '../../../src/models/schema/column-type.js';
import { TYPE_VECTORS } from './vectors.js';

/** `Decimal` of `Decimal(10,2)`, `Int8` of `Int8`. */
function nameOf(type: string): string {
  return type.replace(/\(.*$/, '');
}

describe('the vectors, which both CSV readers and the JSON readers run', () => {
  it('cover every column type', () => {
    const types = TYPE_NAMES.split(', ').map(nameOf);
    const covered = new Set(TYPE_VECTORS.map(({ type }) => nameOf(type)));
    expect(types.filter((name) => name !== 'Nullable' && !covered.has(name))).toEqual([]);
  });

  it('are of types that there are, each with values that it takes', () => {
    for (const { type, accepted, rejected } of TYPE_VECTORS) {
      expect([type, typeof parseColumnType(type)]).toEqual([type, 'object']);
      expect(accepted.length).toBeGreaterThan(0);
      if (type !== 'String') expect(Object.values(rejected).flat().length).toBeGreaterThan(0);
    }
  });

  it('have values out of range if the type has a range for its message', () => {
    const types = TYPE_VECTORS.map(({ type, rejected }) => [type, rejected.OUT_OF_RANGE !== undefined]);
    expect(types.map(([type]) => [type, rangeOf(parseColumnType(String(type)) as ColumnType) !== ''])).toEqual(types);
  });
});
