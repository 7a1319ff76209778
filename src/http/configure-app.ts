import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { AnswerError } from './answer-error.js';
import { mountApiDocs } from './api-docs.js';
import { ProblemFilter } from './problem.filter.js';
import { requestValidation } from './validation.js';

/** What every Nest application over `createHttpServer` needs beside its modules. */
export function configureApp(app: NestFastifyApplication, answerError: AnswerError): void {
  app.useGlobalFilters(new ProblemFilter(answerError));
  app.useGlobalPipes(requestValidation());
  mountApiDocs(app);
}
