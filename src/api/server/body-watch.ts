import type { IncomingMessage } from 'node:http';
import { ServiceError } from '../../errors/index.js';

/** How fast a body must come. */
export interface BodyPace {
  /** A request that sends no byte for this time is ended. */
  idleMs: number;
  /** Fewer bytes a second than this, over 60 s, end it too: a client that drips them holds a connection for nothing. 0: any. */
  minBytesPerSecond: number;
}

interface BodyLimits extends BodyPace {
  /** More bytes than this end the request. */
  maxBytes: number;
  /** What to say about too many bytes. */
  tooLarge: () => ServiceError;
}

const RATE_PERIOD_MS = 60_000;

/**
 * Watches the bytes of a request's body arrive and calls `end` once, with UPLOAD_TIMEOUT or `tooLarge()`. Time in
 * which we do not read (the disk is slow) does not count. Returns a function that ends the watch.
 */
export function watchBody(
  request: IncomingMessage,
  limits: BodyLimits,
  end: (error: ServiceError) => void,
): () => void {
  // Who is less patient with silence is less patient with slowness.
  const ratePeriodMs = Math.min(RATE_PERIOD_MS, 10 * limits.idleMs);
  const minBytes = Math.ceil((limits.minBytesPerSecond * ratePeriodMs) / 1000);
  const tickMs = Math.max(10, Math.floor(limits.idleMs / 4));
  let total = 0;
  let idleMs = 0;
  let periodMs = 0;
  let periodBytes = 0;

  const count = (chunk: Buffer): void => {
    total += chunk.length;
    periodBytes += chunk.length;
    idleMs = 0;
    if (total > limits.maxBytes) finish(limits.tooLarge());
  };
  const tick = (): void => {
    if (request.isPaused()) return;
    idleMs += tickMs;
    periodMs += tickMs;
    if (idleMs > limits.idleMs) {
      finish(new ServiceError('UPLOAD_TIMEOUT', `No byte arrived for ${limits.idleMs} ms`));
    } else if (periodMs >= ratePeriodMs) {
      if (periodBytes < minBytes) finish(new ServiceError('UPLOAD_TIMEOUT', tooSlow(periodBytes, periodMs)));
      periodMs = 0;
      periodBytes = 0;
    }
  };
  const stop = (): void => {
    clearInterval(timer);
    request.off('data', count);
  };
  const tooSlow = (bytes: number, ms: number): string =>
    `Only ${bytes} bytes arrived in ${ms} ms: at least ${limits.minBytesPerSecond} a second must come (MIN_UPLOAD_RATE)`;
  const finish = (error: ServiceError): void => {
    stop();
    end(error);
  };

  const timer = setInterval(tick, tickMs);
  timer.unref();
  request.on('data', count);
  return stop;
}
