import http, { type ClientRequestArgs } from 'node:http';
import https, { type RequestOptions } from 'node:https';
import type { OnReadOpts } from 'node:net';
import type { Duplex } from 'node:stream';

/** What one read of a socket brings at most; Node.js reads a quarter of it by itself, into new memory each time. */
const READ_BYTES = 256 * 1024;
/** What any socket of the thread has read, until it is parsed, which is before anything else happens. */
let received: Buffer | undefined;

type Connected = (error: Error | null, socket: Duplex) => void;

/** For answers of many bytes: half of the cost of receiving them is memory for each read. */
export class HttpAgent extends http.Agent {
  override createConnection(options: ClientRequestArgs, connected?: Connected): Duplex | null | undefined {
    return connect((read) => super.createConnection({ ...options, ...read }, connected));
  }
}

/** As HttpAgent, encrypted. */
export class HttpsAgent extends https.Agent {
  override createConnection(options: RequestOptions, connected?: Connected): Duplex | null | undefined {
    return connect((read) => super.createConnection({ ...options, ...read }, connected));
  }
}

/** A socket that reads into the memory of all. The parser copies what it passes on. */
function connect(open: (read: { onread: OnReadOpts }) => Duplex | null | undefined): Duplex | null | undefined {
  received ??= Buffer.allocUnsafeSlow(READ_BYTES);
  const socket = open({
    onread: {
      buffer: received,
      callback(bytes, buffer) {
        socket?.emit('data', (buffer as Buffer).subarray(0, bytes));
        return true;
      },
    },
  });
  return socket;
}
