import type { IncomingMessage } from 'node:http';

const LINGER_MS = 5_000;
const LINGER_BYTES = 64 * 1024 ** 2;
const CHECK_MS = 100;

/**
 * For a request that was answered before its body had arrived: keeps reading and dropping, so that the client finds
 * the answer instead of a reset connection, but for at most 5 s or 64 MiB; then the connection goes.
 * `Connection: close` would not do: the client would be cut off in the middle of its writing.
 */
export function lingeringClose(request: IncomingMessage): void {
  if (request.complete || request.destroyed) return;
  const { socket } = request;
  const deadline = Date.now() + LINGER_MS;
  const lastByte = socket.bytesRead + LINGER_BYTES;
  const check = setInterval(() => {
    if (request.complete || socket.destroyed) {
      clearInterval(check);
    } else if (Date.now() > deadline || socket.bytesRead > lastByte) {
      clearInterval(check);
      socket.destroy();
    }
  }, CHECK_MS);
  check.unref();
  request.resume();
}
