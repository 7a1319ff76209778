import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import fastifyStatic from '@fastify/static';
import type { FastifyInstance } from 'fastify';

/** Where `npm run docs` builds the documentation. */
const FOLDER = fileURLToPath(new URL('../../../dist/help', import.meta.url));

/** Serves the documentation at /help if it was built: the image has it. Returns whether it is there. */
export function mountHelp(server: FastifyInstance, folder = FOLDER): boolean {
  if (!existsSync(folder)) return false;
  server.get('/help', (_request, reply) => reply.redirect('/help/'));
  server.register(fastifyStatic, {
    root: folder,
    prefix: '/help/',
    // Swagger's pages have theirs.
    decorateReply: false,
  });
  return true;
}
