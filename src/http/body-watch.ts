import type { IncomingMessage } from 'node:http';
import { BatchError } from '../errors/index.js';

/** How patient the server is with a body. */
export interface BodyPatience {
  /** No byte for so long ends the request. */
  idleMs: number;
  /** More bytes than this end it too. */
  maxBytes: number;
  /** What to say about too many bytes. */
  tooLarge: () => BatchError;
}

/** So many bytes at least must come in ten idle periods: a client that drips them holds a connection for nothing. */
const TRICKLE_BYTES = 1024;
const TRICKLE_PERIODS = 10;

/**
 * Watches the bytes of a request's body arrive and calls `end` once, with UPLOAD_TIMEOUT or `tooLarge()`. Time in
 * which we do not read (the disk is slow) does not count. Returns a function that ends the watch.
 */
export function watchBody(
  request: IncomingMessage,
  patience: BodyPatience,
  end: (error: BatchError) => void,
): () => void {
  const tickMs = Math.max(10, Math.floor(patience.idleMs / 4));
  let total = 0;
  let idleMs = 0;
  let periodMs = 0;
  let periodBytes = 0;

  const count = (chunk: Buffer): void => {
    total += chunk.length;
    periodBytes += chunk.length;
    idleMs = 0;
    if (total > patience.maxBytes) finish(patience.tooLarge());
  };
  const tick = (): void => {
    if (request.isPaused()) return;
    idleMs += tickMs;
    periodMs += tickMs;
    if (idleMs > patience.idleMs) {
      finish(new BatchError('UPLOAD_TIMEOUT', `No byte arrived for ${patience.idleMs} ms`));
    } else if (periodMs >= TRICKLE_PERIODS * patience.idleMs) {
      if (periodBytes < TRICKLE_BYTES) {
        finish(new BatchError('UPLOAD_TIMEOUT', `Only ${periodBytes} bytes arrived in ${periodMs} ms`));
      }
      periodMs = 0;
      periodBytes = 0;
    }
  };
  const stop = (): void => {
    clearInterval(timer);
    request.off('data', count);
  };
  const finish = (error: BatchError): void => {
    stop();
    end(error);
  };

  const timer = setInterval(tick, tickMs);
  timer.unref();
  request.on('data', count);
  return stop;
}
