import type { IncomingMessage, Server, ServerResponse } from 'node:http';

const waiting = new WeakSet<IncomingMessage>();

/**
 * Lets requests with `Expect: 100-continue` reach their handler before the client is told to send the body (Node
 * would tell it at once), so that a refusal comes instead of the invitation. RFC 9110 section 10.1.1.
 */
export function deferContinue(server: Server): void {
  server.on('checkContinue', (request: IncomingMessage, response: ServerResponse) => {
    waiting.add(request);
    server.emit('request', request, response);
  });
}

/** To be called by whoever is about to read the body: invites a client that waits for it. */
export function inviteBody(request: IncomingMessage, response: ServerResponse): void {
  if (waiting.delete(request)) response.writeContinue();
}
