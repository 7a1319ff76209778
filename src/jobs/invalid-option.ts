import { BatchError } from '../errors/index.js';

/** INVALID_OPTION about the option of this name. */
export function invalidOption(name: string, what: string): BatchError {
  const shown = name.length > 100 ? `${name.slice(0, 100)}…` : name;
  return new BatchError('INVALID_OPTION', `${shown}: ${what}`);
}
