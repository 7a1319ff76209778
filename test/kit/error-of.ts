import { ServiceError } from '../../src/errors/index.js';

/** The code of the ServiceError that a promise rejects with; else the error's name and message, or `nothing`. */
export async function errorOf(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
    return 'nothing';
  } catch (error) {
    if (error instanceof ServiceError) return error.code;
    const { name, message } = error as Error;
    return `${name}: ${message}`;
  }
}
