import { type CanActivate, type ExecutionContext, Injectable } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { accessOf } from '../auth/index.js';

/** Keeps a key to its models, on each route below a model's id. */
@Injectable()
export class ModelAccessGuard implements CanActivate {
  /** Throws FORBIDDEN. */
  canActivate(context: ExecutionContext): true {
    const request = context.switchToHttp().getRequest<FastifyRequest<{ Params: { id?: string } }>>();
    const { id } = request.params;
    if (id !== undefined) accessOf(request).requireModel(id);
    return true;
  }
}
