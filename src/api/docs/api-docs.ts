import { readFileSync } from 'node:fs';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { type OpenAPIObject, SwaggerModule } from '@nestjs/swagger';
import { parse } from 'yaml';
import { errorsPage } from '../problems/errors-page.js';
import { pageDocument } from './api-page.js';
import { mountHelp } from './help.js';

let contract: OpenAPIObject | undefined;

/** The contract, as `openapi/openapi.yaml` spells it. Parsing takes 0.2 s, which a start need not wait for. */
export function loadContract(): OpenAPIObject {
  contract ??= parse(readFileSync(new URL('../../../openapi/openapi.yaml', import.meta.url), 'utf8')) as OpenAPIObject;
  return contract;
}

/** Mounts /openapi.json, Swagger UI with its own assets at /docs, the explanation of every error code, and /help. `/` leads to /docs. */
export function mountApiDocs(app: NestFastifyApplication): void {
  const server = app.getHttpAdapter().getInstance();
  server.get('/', (_request, reply) => reply.redirect('/docs'));
  const hasHelp = mountHelp(server);
  const errors = errorsPage(hasHelp);
  server.get('/docs/errors', (_request, reply) => reply.type('text/html; charset=utf-8').send(errors));
  server.get('/openapi.json', (_request, reply) => reply.type('application/json').send(JSON.stringify(loadContract())));
  SwaggerModule.setup('docs', app, () => pageDocument(loadContract(), hasHelp), {
    raw: false,
    customSiteTitle: 'Batch API',
    swaggerOptions: { displayRequestDuration: true, tryItOutEnabled: true, deepLinking: true, validatorUrl: null },
  });
}
