import { invalidOption } from './invalid-option.js';

/** Spellings of null that a job may name, and the code points of each: they fit the kernel's table and a form field. */
export const MAX_NULL_VALUES = 30;
export const MAX_NULL_VALUE_LENGTH = 64;

/** Taken as they stand, spaces included; repeated ones count once. Throws INVALID_OPTION. */
export function parseNullValues(text: string, name: string): string[] {
  const values = [...new Set(text.split(','))];
  // An empty field is null anyway if it can be.
  if (values.includes('')) throw invalidOption(name, 'expected spellings of null with commas between them');
  if (values.length > MAX_NULL_VALUES) throw invalidOption(name, `more than ${MAX_NULL_VALUES} spellings`);
  if (values.some((value) => Array.from(value).length > MAX_NULL_VALUE_LENGTH)) {
    throw invalidOption(name, `a spelling is longer than ${MAX_NULL_VALUE_LENGTH} characters`);
  }
  return values;
}
