import type { ServerResponse } from 'node:http';
import { ServiceError } from '../errors/index.js';
import { ConcurrencyLimit } from './concurrency-limit.js';

/** Responses that hold memory or a connection to Kafka for as long as their client reads. */
export class Downloads {
  readonly #limit: ConcurrencyLimit;

  constructor(
    most: number,
    /** A client that reads no byte for this time, though there are some, is disconnected. */
    private readonly idleMs: number,
  ) {
    this.#limit = new ConcurrencyLimit(most, `${most} downloads are under way`);
  }

  /** Returns a signal that is aborted when the response is over, however. Throws SERVICE_BUSY for one too many. */
  open(response: ServerResponse): AbortSignal {
    const gone = new ServiceError('INVALID_REQUEST', 'The client went away');
    // There will be no 'close' any more.
    if (response.destroyed) throw gone;
    const leave = this.#limit.enter();
    const stopWatch = watchReader(response, this.idleMs);
    const over = new AbortController();
    response.once('close', () => {
      stopWatch();
      leave();
      over.abort(gone);
    });
    return over.signal;
  }
}

/** Cuts the client off if it takes none of the bytes that wait for it. Returns a function that ends the watch. */
function watchReader(response: ServerResponse, idleMs: number): () => void {
  const tickMs = Math.max(10, Math.floor(idleMs / 4));
  let lastTaken = 0;
  let stillMs = 0;
  const timer = setInterval(() => {
    const { socket } = response;
    if (socket === null) return;
    const taken = socket.bytesWritten - socket.writableLength;
    stillMs = socket.writableLength === 0 || taken !== lastTaken ? 0 : stillMs + tickMs;
    lastTaken = taken;
    if (stillMs >= idleMs) socket.destroy();
  }, tickMs);
  timer.unref();
  return () => clearInterval(timer);
}
