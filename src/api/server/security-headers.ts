import type { FastifyInstance } from 'fastify';
import helmet, { type HelmetOptions } from 'helmet';
import { pathOf } from '../problems/error-handler.js';

/** Scripts that pages of the documentation have in them: `'sha256-…'`. Asked for with the first of these pages. */
export type InlineScripts = () => readonly string[];

type Directives = NonNullable<Exclude<HelmetOptions['contentSecurityPolicy'], boolean | undefined>['directives']>;

/** What no page may do, and nobody with it. */
const LOCKED: Directives = {
  defaultSrc: ["'none'"],
  baseUri: ["'none'"],
  formAction: ["'none'"],
  frameAncestors: ["'none'"],
};

/** Swagger UI and VitePress write styles into their elements, and have pictures and fonts in their style sheets. */
const PAGE: Directives = {
  ...LOCKED,
  scriptSrc: ["'self'"],
  styleSrc: ["'self'", "'unsafe-inline'"],
  imgSrc: ["'self'", 'data:', 'blob:'],
  fontSrc: ["'self'", 'data:'],
  connectSrc: ["'self'"],
};

/**
 * Tells browsers what they may do with an answer. Answers of the API are data: they load nothing, and nobody frames them.
 * Pages may run the scripts of this service alone. Strict-Transport-Security is left to the proxy that has the certificate:
 * it is a promise for the whole host name.
 */
export function sendSecurityHeaders(server: FastifyInstance, inlineScripts: InlineScripts): void {
  const data = helmetFor(LOCKED);
  const page = helmetFor(PAGE);
  let help: ReturnType<typeof helmet> | undefined;
  server.addHook('onRequest', (request, reply, done) => {
    const path = pathOf(request.url);
    let headers = data;
    if (/^\/docs(?:\/|$)/.test(path)) headers = page;
    else if (/^\/help(?:\/|$)/.test(path)) {
      help ??= helmetFor({ ...PAGE, scriptSrc: ["'self'", ...inlineScripts()] });
      headers = help;
    }
    headers(request.raw, reply.raw, (error) => done(error instanceof Error ? error : undefined));
  });
}

function helmetFor(directives: Directives): ReturnType<typeof helmet> {
  return helmet({
    contentSecurityPolicy: { useDefaults: false, directives },
    frameguard: { action: 'deny' },
    strictTransportSecurity: false,
  });
}
