import { type ArgumentMetadata, type Type, type ValidationError, ValidationPipe } from '@nestjs/common';
import { instanceToPlain, plainToInstance } from 'class-transformer';
import { ServiceError } from '../../errors/index.js';

/** Checks bodies and queries against their DTO; what a DTO does not know is refused. Throws INVALID_REQUEST. */
export function requestValidation(): ValidationPipe {
  return new RequestValidation({
    transform: true,
    whitelist: true,
    forbidNonWhitelisted: true,
    forbidUnknownValues: true,
    stopAtFirstError: true,
    transformerPackage: { plainToInstance: toInstance, classToPlain: instanceToPlain },
    exceptionFactory: (errors) => new ServiceError('INVALID_REQUEST', describe(errors)),
  });
}

/** Nest's pipe, which would drop members for their names without a word: a schema's columns may have any. */
class RequestValidation extends ValidationPipe {
  override async transform(value: unknown, metadata: ArgumentMetadata): Promise<unknown> {
    if (metadata.metatype !== undefined && this.toValidate(metadata)) refuseInheritedNames(value);
    return super.transform(value, metadata);
  }

  /** It deletes `constructor` and `prototype` at any depth. `__proto__` has been refused. */
  protected override stripProtoKeys(): void {}
}

/** Refuses names that every object inherits: class-transformer skips them, so they would not be found unknown. */
function refuseInheritedNames(value: unknown): void {
  if (typeof value !== 'object' || value === null) return;
  const name = Object.keys(value).find((key) => key in Object.prototype);
  if (name !== undefined) throw new ServiceError('INVALID_REQUEST', `property ${name} should not exist`);
}

/** Arrays and objects as they were given: copied, they would lose members, and the order of them. */
function toInstance<T>(type: Type<T>, value: unknown): T {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return plainToInstance(type, value);
  const [flat, nested]: [[string, unknown][], [string, unknown][]] = [[], []];
  for (const member of Object.entries(value)) (typeof member[1] === 'object' ? nested : flat).push(member);
  return Object.assign(plainToInstance(type, Object.fromEntries(flat)) as object, Object.fromEntries(nested)) as T;
}

function describe(errors: ValidationError[]): string {
  const messages = errors.flatMap((error) => Object.values(error.constraints ?? {}));
  return messages.length > 0 ? messages.join('; ') : 'The request is not valid';
}
