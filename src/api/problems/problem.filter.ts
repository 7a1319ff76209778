import { type ArgumentsHost, Catch, type ExceptionFilter } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { ErrorHandler } from './error-handler.js';

/** Errors of Nest's routes are answered like those of all others. */
@Catch()
export class ProblemFilter implements ExceptionFilter {
  constructor(private readonly answer: ErrorHandler) {}

  catch(error: unknown, host: ArgumentsHost): void {
    const http = host.switchToHttp();
    this.answer(error, http.getRequest<FastifyRequest>(), http.getResponse<FastifyReply>());
  }
}
