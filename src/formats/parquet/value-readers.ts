import type { Normalizer } from '../validation/normalization.js';
import { BinaryReader, FixedReader, StringReader, UuidReader } from './columns/bytes.js';
import { DecimalReader } from './columns/decimals.js';
import { NullReader } from './columns/nested.js';
import { NormalizedTextReader } from './columns/normalized-text.js';
import { BooleanReader, FloatReader, HalfReader, Integer64Reader, IntegerReader } from './columns/numbers.js';
import { DateReader, Int96Reader, TimeReader, TimestampReader } from './columns/temporal.js';
import type { RowFlags, ValueReader } from './columns/value-reader.js';
import { type ScalarType, spellFileType } from './file-type.js';

/** A reader of the values as they are; the words for a type that cannot be read. */
export function readerOf(type: ScalarType, notes: RowFlags): ValueReader | string {
  switch (type.kind) {
    case 'decimal':
      return type.bits % 32 === 0 ? new DecimalReader(type.bits, type.scale) : spellFileType(type);
    case 'unsupported':
      return type.name;
    default:
      return leafReader(type, notes);
  }
}

type LeafType = Exclude<ScalarType, { kind: 'decimal' | 'unsupported' }>;

/** The same for types all of which can be read. */
export function leafReader(type: LeafType, notes: RowFlags): ValueReader {
  switch (type.kind) {
    case 'null':
      return new NullReader();
    case 'bool':
      return new BooleanReader();
    case 'int':
      return type.bits === 64 ? new Integer64Reader(type.signed) : new IntegerReader(type.bits, type.signed);
    case 'float':
      return type.bits === 16 ? new HalfReader(notes) : new FloatReader(type.bits, notes);
    case 'string':
      return new StringReader(notes);
    case 'binary':
      return new BinaryReader();
    case 'fixed':
      return new FixedReader(type.bytes);
    case 'uuid':
      return new UuidReader();
    case 'date':
      return new DateReader();
    case 'time':
      return new TimeReader(type.digits, notes);
    case 'timestamp':
      return new TimestampReader(type.digits, type.utc);
    case 'int96':
      return new Int96Reader();
  }
}

/** Reads texts that stay texts. */
export function textReader(normalize: Normalizer | null, notes: RowFlags): ValueReader {
  return normalize === null ? new StringReader(notes) : new NormalizedTextReader(normalize, notes);
}
