import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import fastifyStatic from '@fastify/static';
import type { FastifyInstance } from 'fastify';

/** Where `npm run docs` builds the documentation. */
const FOLDER = fileURLToPath(new URL('../../../dist/help', import.meta.url));

/** Serves the documentation at /help if it was built: the image has it. */
export function mountHelp(server: FastifyInstance, folder = FOLDER): void {
  if (!existsSync(folder)) return;
  server.get('/help', (_request, reply) => reply.redirect('/help/'));
  server.register(fastifyStatic, {
    root: folder,
    prefix: '/help/',
    // Swagger's pages have theirs.
    decorateReply: false,
  });
}
