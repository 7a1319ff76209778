import { ServiceError } from '../../errors/index.js';
import type { Column } from '../../models/schema/index.js';
import {
  checkNamed,
  checkNames,
  compareNames,
  describeDifferences,
  list,
  listOf,
  renameColumns,
} from '../csv/header-matching.js';
import type { Renames } from '../row-reader.js';
import { shorten } from '../text.js';
import { type Normalizations, normalizers } from '../validation/normalization.js';
import { memberKey } from './columns/nested.js';
import type { RowFlags } from './columns/value-reader.js';
import { ConversionBuilder } from './conversions/conversion-builder.js';
import type { ValueConversion } from './conversions/value-conversion.js';
import type { FileField } from './file-type.js';

/** Limit of a path in a message, in characters. */
const MAX_SHOWN = 128;

/** What becomes of one column of the file. */
export interface FieldConversion {
  /** As `renames` has it. */
  name: string;
  /** What stands before the value in the row's JSON. */
  key: Buffer;
  conversion: ValueConversion;
}

interface Model {
  columns: readonly Column[];
  additionalColumns: boolean;
  renames?: Renames | undefined;
  normalize?: Normalizations | undefined;
}

/**
 * Finds the model's columns among the file's, by name, byte for byte, and what becomes of each. Throws ServiceError
 * HEADER_MISMATCH that names all that is missing, unexpected, or of a type that is not convertible, on every level.
 */
export function fieldConversions(fields: readonly FileField[], model: Model, notes: RowFlags): FieldConversion[] {
  const names = renameColumns(
    fields.map(({ name }) => name),
    model.renames,
  );
  checkNames(names);
  const known = new Map(model.columns.map((column) => [column.name, column]));
  const builder = new ConversionBuilder(notes, normalizers(model.normalize));
  const conversions = fields.map(({ type }, index) => {
    const name = names[index] as string;
    return { name, key: memberKey(name, index), conversion: builder.build(type, known.get(name) ?? null, name) };
  });
  const { missing, unexpected } = compareNames(names, model.columns, model.additionalColumns);
  const problems = describeDifferences({
    missing: [...missing, ...builder.missing],
    unexpected: [...unexpected, ...builder.unexpected],
  });
  problems.push(...typeProblems(builder));
  if (problems.length > 0) throw new ServiceError('HEADER_MISMATCH', problems.join('; '));
  checkNamed(Object.keys(model.normalize ?? {}), names, model.columns, 'normalizes');
  return conversions;
}

function typeProblems({ repeated, mismatches, unsupported }: ConversionBuilder): string[] {
  const problems = [];
  if (repeated.length > 0) problems.push(`repeated columns: ${list(repeated)}`);
  if (mismatches.length > 0) {
    const each = mismatches.map(({ path, found, expected }) => `${show(path)} is ${found}, not ${expected}`);
    problems.push(`columns of another type: ${listOf(each)}`);
  }
  if (unsupported.length > 0) {
    const each = unsupported.map(({ path, found }) => `${show(path)} (${found})`);
    problems.push(`columns of a type that is not supported: ${listOf(each)}`);
  }
  return problems;
}

function show(path: string): string {
  return JSON.stringify(shorten(path, MAX_SHOWN));
}
