import type { IncomingMessage, ServerResponse } from 'node:http';
import { ServiceError } from '../../errors/index.js';
import { type BodyPace, watchBody } from './body-watch.js';
import { inviteBody } from './expect-continue.js';

/** The largest JSON body, in bytes. */
export const MAX_JSON_BYTES = 1024 ** 2;

const tooLarge = (): ServiceError =>
  new ServiceError('INVALID_REQUEST', `The body is larger than ${MAX_JSON_BYTES} bytes (1 MiB)`);

/**
 * Reads and parses the JSON body of a request.
 * `isTaken`: whether its Content-Type is one that is read here. Throws UNSUPPORTED_MEDIA_TYPE, INVALID_REQUEST (over 1 MiB), INVALID_JSON, UPLOAD_TIMEOUT.
 */
export async function readJson(
  request: IncomingMessage,
  response: ServerResponse,
  pace: BodyPace,
  isTaken: (type: string | undefined) => boolean = isJson,
): Promise<unknown> {
  requireType(request.headers['content-type'], isTaken);
  if (Number(request.headers['content-length'] ?? 0) > MAX_JSON_BYTES) throw tooLarge();
  inviteBody(request, response);
  return parseJson(await readBytes(request, pace));
}

/** Whether a Content-Type is that of JSON. */
export function isJson(type: string | undefined): boolean {
  return mediaOf(type) === 'application/json';
}

/** Whether a Content-Type is that of CloudEvents: of their data alone, of one, or of a batch. */
export function isEvents(type: string | undefined): boolean {
  return isJson(type) || /^application\/cloudevents(-batch)?\+json$/.test(mediaOf(type));
}

function mediaOf(type: string | undefined): string {
  return type?.split(';', 1)[0]?.trim().toLowerCase() ?? '';
}

function requireType(type: string | undefined, isTaken: (type: string | undefined) => boolean): void {
  if (isTaken(type)) return;
  throw new ServiceError(
    'UNSUPPORTED_MEDIA_TYPE',
    type === undefined ? 'The request has no Content-Type' : `The content type '${mediaOf(type)}' is not accepted here`,
  );
}

function readBytes(request: IncomingMessage, pace: BodyPace): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    const settle = (outcome: () => void): void => {
      stop();
      request.off('data', keep).off('end', end).off('error', fail).off('close', closed);
      outcome();
    };
    const keep = (chunk: Buffer): void => {
      chunks.push(chunk);
    };
    const end = (): void => settle(() => resolve(Buffer.concat(chunks)));
    const fail = (error: Error): void => settle(() => reject(error));
    const closed = (): void => fail(new ServiceError('INVALID_REQUEST', 'The client went away'));
    const stop = watchBody(request, { ...pace, maxBytes: MAX_JSON_BYTES, tooLarge }, fail);
    request.on('data', keep).once('end', end).once('error', fail).once('close', closed);
  });
}

function parseJson(bytes: Buffer): unknown {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new ServiceError('INVALID_JSON', 'The body is not valid UTF-8', { cause });
  }
  if (text.trim() === '') throw new ServiceError('INVALID_JSON', 'The body is empty');
  try {
    return JSON.parse(text, refuseProto);
  } catch (cause) {
    if (cause instanceof ServiceError) throw cause;
    throw new ServiceError('INVALID_JSON', `The body cannot be parsed: ${String((cause as Error).message)}`, { cause });
  }
}

/** A member of this name changes an object's prototype wherever it is copied carelessly. */
function refuseProto(this: unknown, key: string, value: unknown): unknown {
  if (key === '__proto__') throw new ServiceError('INVALID_JSON', 'A member named __proto__ is not allowed');
  return value;
}
