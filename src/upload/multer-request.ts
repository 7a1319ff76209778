import { EventEmitter } from 'node:events';
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import type { Writable } from 'node:stream';

/**
 * What multer sees instead of the request. Given the request itself, it reads a refused upload to its end before it
 * reports the error (2.5: "drain request body before calling next"); this one is never readable, so that errors come
 * at once, and lets the server fail an upload by emitting 'error'.
 */
export class MulterRequest extends EventEmitter {
  /** Where multer puts the text fields: strings, arrays if a name came twice. */
  body: Record<string, unknown> = {};
  readonly readable = false;
  readonly destroyed = false;

  constructor(readonly raw: IncomingMessage) {
    super();
    // Multer stops listening for nothing when it is done; a late error must not end the process.
    this.on('error', () => undefined);
    raw.once('error', () => this.emit('aborted'));
    raw.once('aborted', () => this.emit('aborted'));
    raw.once('close', () => this.emit('close'));
  }

  get headers(): IncomingHttpHeaders {
    return this.raw.headers;
  }

  get readableEnded(): boolean {
    return this.raw.readableEnded;
  }

  unpipe(target: Writable): this {
    this.raw.unpipe(target);
    return this;
  }

  /** The server lets the rest of a refused body run dry itself. */
  resume(): this {
    return this;
  }
}
