import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { Logger } from 'pino';
import type { Config } from '../config/index.js';
import { mountApiDocs } from './docs/api-docs.js';
import type { ErrorHandler } from './problems/error-handler.js';
import { ProblemFilter } from './problems/problem.filter.js';
import { requireAccess } from './server/access-hook.js';
import { allowOrigins } from './server/allowed-origins.js';
import { auditRequests } from './server/audit-hook.js';
import { requestValidation } from './server/validation.js';

export interface AppSettings extends Pick<Config, 'auth' | 'rateLimits' | 'allowedOrigins'> {
  log: Logger;
  /** Whether it serves the API's pages. */
  hasDocs: boolean;
}

/** What every Nest application over `createHttpServer` needs beside its modules. */
export function configureApp(app: NestFastifyApplication, handleError: ErrorHandler, settings: AppSettings): void {
  if (settings.allowedOrigins.length > 0) allowOrigins(app, settings.allowedOrigins);
  requireAccess(app, settings);
  // Without keys there is nobody to name.
  if (settings.auth === 'keys') auditRequests(app, settings.log);
  app.useGlobalFilters(new ProblemFilter(handleError));
  app.useGlobalPipes(requestValidation());
  if (settings.hasDocs) mountApiDocs(app);
}
