import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { REQUEST_ID_HEADER } from '../request-id.js';

/** How long a browser need not ask again whether it may, in s. */
const MAX_AGE_S = 600;

/**
 * Lets pages of these origins read the answers (CORS). Without cookies, so a page has no more rights than the key that it
 * sends. `requireSameSite` refuses the requests of all others.
 */
export function allowOrigins(app: NestFastifyApplication, origins: readonly string[]): void {
  app.enableCors({
    origin: [...origins],
    methods: ['GET', 'HEAD', 'POST', 'PUT', 'DELETE'],
    exposedHeaders: [
      'Link',
      'Location',
      'Retry-After',
      'RateLimit-Limit',
      'RateLimit-Remaining',
      'RateLimit-Reset',
      'Idempotency-Replayed',
      'Content-Disposition',
      REQUEST_ID_HEADER,
    ],
    maxAge: MAX_AGE_S,
    strictPreflight: false,
  });
}
