import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { mountApiDocs } from './docs/api-docs.js';
import type { ErrorHandler } from './problems/error-handler.js';
import { ProblemFilter } from './problems/problem.filter.js';
import { requestValidation } from './server/validation.js';

/** What every Nest application over `createHttpServer` needs beside its modules. */
export function configureApp(app: NestFastifyApplication, handleError: ErrorHandler): void {
  app.useGlobalFilters(new ProblemFilter(handleError));
  app.useGlobalPipes(requestValidation());
  mountApiDocs(app);
}
