import { ServiceError } from '../errors/index.js';

/** The version that a job is to read is not there any more. */
export function sourceChanged(href: string, cause?: unknown): ServiceError {
  return new ServiceError('SOURCE_CHANGED', `${href} is not what it was when the job was created`, { cause });
}
