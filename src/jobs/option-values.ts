import { plainToInstance } from 'class-transformer';
import { validateSync } from 'class-validator';
import { invalidOption } from './invalid-option.js';

/** The options that say how the text of CSV is to be read. */
export const DIALECT_OPTIONS = ['delimiter', 'quote', 'escape', 'comment', 'skip_lines', 'trim', 'header'] as const;

/** The DTO of options that came as text, defaults in place. Throws INVALID_OPTION, naming the first that is malformed. */
export function readOptionValues<T extends object>(dto: new () => T, given: Iterable<readonly [string, string]>): T {
  const values = plainToInstance(dto, Object.fromEntries(given), { exposeDefaultValues: true });
  for (const { property, constraints } of validateSync(values, { stopAtFirstError: true })) {
    throw invalidOption(property, Object.values(constraints ?? {})[0] ?? 'malformed');
  }
  return values;
}
