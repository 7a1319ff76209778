import { type CompiledSchema, nestedColumns } from '../../models/schema/index.js';
import { checkColumnName } from './column-name.js';
import { invalidOption } from './invalid-option.js';
import { parseObject } from './json-object.js';
import { NORMALIZE_OPERATIONS, type NormalizeOperation } from './normalize-operations.js';

/** `{"Order ID":"id"}`: the model's name of a file's column, by the file's. Throws INVALID_OPTION. */
export function parseRename(text: string, name: string): Record<string, string> {
  const entries = Object.entries(parseObject(name, text));
  const targets = new Set<string>();
  for (const [from, to] of entries) {
    if (typeof to !== 'string') throw invalidOption(name, 'every member must be the new name of a column, as text');
    checkColumnName(name, from);
    checkColumnName(name, to);
    if (targets.has(to)) throw invalidOption(name, `two columns are renamed to ${JSON.stringify(to)}`);
    targets.add(to);
  }
  return Object.fromEntries(entries) as Record<string, string>;
}

/** `{"email":["trim","lowercase"]}`: what is done to the values of a column, by the model's name. Throws INVALID_OPTION. */
export function parseNormalize(text: string, name: string): Record<string, NormalizeOperation[]> {
  const entries = Object.entries(parseObject(name, text)).map(([column, operations]) => {
    checkColumnName(name, column);
    if (!areOperations(operations)) {
      throw invalidOption(name, `every member must be a list of ${NORMALIZE_OPERATIONS.join(', ')}, each once`);
    }
    return [column, operations] as const;
  });
  return Object.fromEntries(entries);
}

/** Throws INVALID_OPTION if a column to normalize has no text in any file, or may not occur in a row. */
export function refuseUnusableNormalize(
  normalize: Readonly<Record<string, unknown>>,
  { columns, additionalColumns }: CompiledSchema,
): void {
  const given = new Set(Object.keys(normalize));
  const [nested] = nestedColumns(columns).filter(({ name }) => given.has(name));
  if (nested !== undefined) {
    throw invalidOption(
      'normalize',
      `column '${nested.name}' is an ${nested.type}; only text columns can be normalized`,
    );
  }
  if (additionalColumns) return;
  for (const { name } of columns) given.delete(name);
  const [unknown] = given;
  if (unknown === undefined) return;
  throw invalidOption(
    'normalize',
    `the model has no column ${JSON.stringify(unknown)} and allows no additional columns`,
  );
}

function areOperations(value: unknown): value is NormalizeOperation[] {
  const known: readonly unknown[] = NORMALIZE_OPERATIONS;
  return (
    Array.isArray(value) &&
    value.length > 0 &&
    new Set(value).size === value.length &&
    value.every((each) => known.includes(each))
  );
}
