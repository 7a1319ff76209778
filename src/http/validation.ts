import { type ValidationError, ValidationPipe } from '@nestjs/common';
import { BatchError } from '../errors/index.js';

/** Checks bodies and queries against their DTO; what a DTO does not know is refused. Throws INVALID_REQUEST. */
export function requestValidation(): ValidationPipe {
  return new ValidationPipe({
    transform: true,
    whitelist: true,
    forbidNonWhitelisted: true,
    forbidUnknownValues: true,
    stopAtFirstError: true,
    exceptionFactory: (errors) => new BatchError('INVALID_REQUEST', describe(errors)),
  });
}

function describe(errors: ValidationError[]): string {
  const messages = errors.flatMap((error) => Object.values(error.constraints ?? {}));
  return messages.length > 0 ? messages.join('; ') : 'The request is not valid';
}
