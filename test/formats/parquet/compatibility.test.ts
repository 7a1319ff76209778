import { RowFlags } from '../../../src/formats/parquet/columns/value-reader.js';
import { convert, proposedTypes, READ_FROM } from '../../../src/formats/parquet/compatibility.js';
import type { FileType, ScalarType } from '../../../src/formats/parquet/file-type.js';
import { ValueCheck } from '../../../src/formats/validation/value-check.js';
import { spellColumnType } from '../../../src/models/schema/index.js';

/** A type of each kind that a file may have. */
const FILE_TYPES: Readonly<Record<ScalarType['kind'], FileType>> = {
  null: { kind: 'null' },
  bool: { kind: 'bool' },
  string: { kind: 'string' },
  binary: { kind: 'binary' },
  uuid: { kind: 'uuid' },
  date: { kind: 'date' },
  int96: { kind: 'int96' },
  int: { kind: 'int', bits: 32, signed: true },
  float: { kind: 'float', bits: 64 },
  decimal: { kind: 'decimal', precision: 18, scale: 2, bits: 64 },
  fixed: { kind: 'fixed', bytes: 12 },
  time: { kind: 'time', digits: 6 },
  timestamp: { kind: 'timestamp', digits: 3, utc: true },
  unsupported: { kind: 'unsupported', name: 'INTERVAL' },
};
const WITHOUT_FRACTION: FileType = { kind: 'timestamp', digits: 0, utc: true };
const ALL = [...Object.values(FILE_TYPES), WITHOUT_FRACTION] as ScalarType[];

describe('the types of a Parquet file', () => {
  it('are proposed as each kind of column type that is read from one of them', () => {
    const proposed = new Set(ALL.flatMap((type) => proposedTypes(type).map(({ kind }) => kind)));
    const readable = Object.entries(READ_FROM).filter(([, kinds]) => kinds.length > 0);
    expect([...proposed].toSorted()).toEqual(readable.map(([kind]) => kind).toSorted());
  });

  it.each(ALL.map((type) => [type.kind, type] as const))('can be read as what is proposed for them: %s', (_, type) => {
    for (const proposed of proposedTypes(type)) {
      const column = { name: 'a', type: spellColumnType(proposed), nullable: false, constraints: {} };
      expect(convert(type, new ValueCheck(column), new RowFlags())).not.toBeNull();
    }
  });
});
