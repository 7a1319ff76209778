import { readFileSync } from 'node:fs';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { type OpenAPIObject, SwaggerModule } from '@nestjs/swagger';
import { parse } from 'yaml';
import { pageDocument } from './api-page.js';
import { errorsPage } from './errors-page.js';

/** The contract, as `openapi/openapi.yaml` spells it. */
export function loadContract(): OpenAPIObject {
  return parse(readFileSync(new URL('../../openapi/openapi.yaml', import.meta.url), 'utf8')) as OpenAPIObject;
}

/** Mounts /openapi.json, Swagger UI with its own assets at /docs, and the explanation of every error code. `/` leads there. */
export function mountApiDocs(app: NestFastifyApplication): void {
  const contract = loadContract();
  const server = app.getHttpAdapter().getInstance();
  server.get('/', (_request, reply) => reply.redirect('/docs'));
  server.get('/docs/errors', (_request, reply) => reply.type('text/html; charset=utf-8').send(errorsPage()));
  server.get('/openapi.json', (_request, reply) => reply.type('application/json').send(JSON.stringify(contract)));
  SwaggerModule.setup('docs', app, pageDocument(contract), {
    raw: false,
    customSiteTitle: 'Batch API',
    swaggerOptions: { displayRequestDuration: true, tryItOutEnabled: true, deepLinking: true, validatorUrl: null },
  });
}
