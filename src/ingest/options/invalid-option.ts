import { ServiceError } from '../../errors/index.js';

/** INVALID_OPTION about the option of this name. */
export function invalidOption(name: string, what: string): ServiceError {
  const shown = name.length > 100 ? `${name.slice(0, 100)}…` : name;
  return new ServiceError('INVALID_OPTION', `${shown}: ${what}`);
}
