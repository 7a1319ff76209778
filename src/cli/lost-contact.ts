import { CliError, EXIT } from './failure.js';

/** The service was away for too long. `hint` names the command that goes on. */
export function lostContact(error: Error, what: string, hint: string): CliError {
  return new CliError('CONTACT_LOST', `${error.message}; ${what}`, hint, EXIT.lostContact);
}
