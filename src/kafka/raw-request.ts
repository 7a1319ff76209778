import { UnexpectedAnswer } from './kafka-failure.js';
import type { Connection } from './kafkajs-internals.js';

interface ApiCall {
  apiKey: number;
  apiName: string;
  apiVersion: number;
  /** Flexible versions (KIP-482) carry tagged fields in the request header. */
  flexible?: boolean;
}

const REQUEST_TIMEOUT_MS = 30_000;

/** The turn of the last request of each connection. */
const turns = new WeakMap<Connection, Promise<void>>();

/**
 * Sends one request over a kafkajs connection without copying its parts, and returns the answer's bytes after the
 * correlation id. Requests of one connection are written in the order of the calls. The parts must stay unchanged until the promise reconciles: after a rejection the bytes may still have
 * reached the broker. Rejects with kafkajs' connection and time-out errors (30 s).
 */
export async function sendRaw(connection: Connection, call: ApiCall, parts: readonly Uint8Array[]): Promise<Buffer> {
  await takeTurn(connection);
  connection.failIfNotConnected();
  const correlationId = connection.nextCorrelationId();
  const header = encodeHeader(connection.clientId, correlationId, call, parts);
  const { payload } = await new Promise<{ payload: Buffer }>((resolve, reject) => {
    connection.requestQueue.push({
      entry: { ...call, correlationId, resolve, reject },
      expectResponse: true,
      requestTimeout: REQUEST_TIMEOUT_MS,
      sendRequest() {
        const { socket } = connection;
        if (socket === undefined) throw new UnexpectedAnswer('the connection has no socket');
        socket.cork();
        socket.write(header);
        for (const part of parts) socket.write(part);
        socket.uncork();
      },
    });
  });
  return payload;
}

/**
 * Resolves in the order of the calls, with the connection authenticated. A SASL session may have to be renewed at any
 * time, and a request that comes when that is just done must not overtake those that waited for it: batches out of
 * sequence are refused. Everybody therefore waits for whoever came before, also when there is nothing to renew.
 */
function takeTurn(connection: Connection): Promise<void> {
  const authenticate = async (): Promise<void> => {
    if (!connection.isAuthenticated()) await connection.authenticate();
  };
  const turn = (turns.get(connection) ?? Promise.resolve()).then(authenticate, authenticate);
  turns.set(connection, turn);
  return turn;
}

/** Request header v1 (v2 with an empty tag section if flexible), preceded by the message size. */
function encodeHeader(clientId: string, correlationId: number, call: ApiCall, parts: readonly Uint8Array[]): Buffer {
  const client = Buffer.from(clientId);
  const header = Buffer.alloc(14 + client.length + (call.flexible ? 1 : 0));
  const bodyLength = parts.reduce((sum, part) => sum + part.length, 0);
  header.writeInt32BE(header.length - 4 + bodyLength, 0);
  header.writeInt16BE(call.apiKey, 4);
  header.writeInt16BE(call.apiVersion, 6);
  header.writeInt32BE(correlationId, 8);
  header.writeInt16BE(client.length, 12);
  client.copy(header, 14);
  return header;
}
