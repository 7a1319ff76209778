import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
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

/**
 * The scripts that its pages have in them, as a Content-Security-Policy names them: `'sha256-…'`. All pages have the same ones;
 * empty if the documentation was not built.
 */
export function helpScripts(folder = FOLDER): string[] {
  const page = join(folder, 'index.html');
  return existsSync(page) ? inlineScripts(readFileSync(page, 'utf8')) : [];
}

/** The scripts of a page that are not files. */
export function inlineScripts(html: string): string[] {
  const scripts = html.matchAll(/<script(?![^>]*\ssrc=)[^>]*>([\s\S]*?)<\/script>/g);
  return [
    ...new Set([...scripts].map(([, text = '']) => `'sha256-${createHash('sha256').update(text).digest('base64')}'`)),
  ];
}
