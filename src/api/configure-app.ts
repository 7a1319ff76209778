import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { mountApiDocs } from './docs/api-docs.js';
import type { ErrorHandler } from './problems/error-handler.js';
import { ProblemFilter } from './problems/problem.filter.js';
import { requestValidation } from './server/validation.js';

/** What every Nest application over `createHttpServer` needs beside its modules. `hasDocs`: it serves the API's pages. */
export function configureApp(app: NestFastifyApplication, handleError: ErrorHandler, hasDocs: boolean): void {
  app.useGlobalFilters(new ProblemFilter(handleError));
  app.useGlobalPipes(requestValidation());
  if (hasDocs) mountApiDocs(app);
}
