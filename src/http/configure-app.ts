import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { Logger } from 'pino';
import { mountApiDocs } from './api-docs.js';
import { ProblemFilter } from './problem.filter.js';
import type { RouteTable } from './route-table.js';
import { requestValidation } from './validation.js';

/** What every Nest application over `createHttpServer` needs beside its modules. */
export function configureApp(app: NestFastifyApplication, routes: RouteTable, log: Logger): void {
  app.useGlobalFilters(new ProblemFilter(routes, log));
  app.useGlobalPipes(requestValidation());
  mountApiDocs(app);
}
