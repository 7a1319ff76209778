import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import type { Access, Scope } from './access.js';

declare module 'fastify' {
  interface FastifyContextConfig {
    /**
     * Who may use the route: whoever has a key of this scope; `public`: everybody; `report`: everybody, and who has a key sees
     * more. By default `read` for GET, `write` for all else.
     */
    access?: Scope | 'public' | 'report';
  }
  interface FastifyRequest {
    /** null: nobody was asked. */
    access: Access | null;
  }
}

/** The access of a request to a route that takes a key: `handler(@CurrentAccess() access: Access)`. */
export const CurrentAccess = createParamDecorator(
  (_data: unknown, context: ExecutionContext): Access => accessOf(context.switchToHttp().getRequest<FastifyRequest>()),
);

/** Throws for a route that asks for no key: an error in the program. */
export function accessOf({ access }: FastifyRequest): Access {
  if (access === null) throw new Error('the route is public: nobody was authenticated');
  return access;
}
