import { connect, type Socket } from 'node:net';

export interface RawResponse {
  status: number;
  headers: Record<string, string>;
  body: string;
  /** Interim answers (1xx) before it. */
  interim: number[];
}

/** HTTP byte by byte: sends exactly what it is told, when it is told, and reads while it is still sending. */
export class RawClient {
  private received = Buffer.alloc(0);
  private wake: () => void = () => undefined;
  closed = false;

  private constructor(readonly socket: Socket) {
    socket.on('data', (chunk) => {
      this.received = Buffer.concat([this.received, chunk]);
      this.wake();
    });
    socket.on('close', () => {
      this.closed = true;
      this.wake();
    });
    socket.on('error', () => undefined);
  }

  static async connect(port: number): Promise<RawClient> {
    const socket = connect({ port, host: '127.0.0.1' });
    await new Promise((resolve) => socket.once('connect', resolve));
    return new RawClient(socket);
  }

  /** Resolves when the bytes are handed to the system; rejects where the server has gone. */
  async send(data: string | Buffer): Promise<void> {
    await new Promise<void>((resolve, reject) =>
      this.socket.write(data, (error) => (error ? reject(error) : resolve())),
    );
  }

  /** The next final answer. */
  async response(): Promise<RawResponse> {
    const interim: number[] = [];
    for (;;) {
      const response = await this.next();
      if (response.status >= 200) return { ...response, interim };
      interim.push(response.status);
    }
  }

  destroy(): void {
    this.socket.destroy();
  }

  private async next(): Promise<Omit<RawResponse, 'interim'>> {
    const head = (await this.until(() => this.received.indexOf('\r\n\r\n') + 1)) - 1;
    const [statusLine = '', ...lines] = this.received.subarray(0, head).toString().split('\r\n');
    const headers = Object.fromEntries(
      lines.map((line) => [line.slice(0, line.indexOf(':')).toLowerCase(), line.slice(line.indexOf(':') + 1).trim()]),
    );
    const start = head + 4;
    const length = Number(headers['content-length'] ?? 0);
    await this.until(() => (this.received.length >= start + length ? 1 : 0));
    const body = this.received.subarray(start, start + length).toString();
    this.received = this.received.subarray(start + length);
    return { status: Number(statusLine.split(' ')[1]), headers, body };
  }

  private async until(found: () => number): Promise<number> {
    for (;;) {
      const at = found();
      if (at > 0) return at;
      if (this.closed) throw new Error(`the connection closed after ${JSON.stringify(this.received.toString())}`);
      await new Promise<void>((resolve) => {
        this.wake = resolve;
      });
    }
  }
}

export const BOUNDARY = 'a-boundary';

/** The beginning of a multipart upload: its header and that of its file part. */
export function uploadHead(headers: Record<string, string | number>, path = '/jobs?model_id=orders'): string {
  const all = { host: 'localhost', 'content-type': `multipart/form-data; boundary=${BOUNDARY}`, ...headers };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
  return `POST ${path} HTTP/1.1\r\n${lines.join('')}\r\n`;
}

export const FILE_PART = `--${BOUNDARY}\r\ncontent-disposition: form-data; name="file"; filename="a.csv"\r\n\r\n`;
export const FORM_END = `\r\n--${BOUNDARY}--\r\n`;

/** One chunk of a chunked body. */
export function chunk(data: string | Buffer): Buffer {
  const bytes = Buffer.from(data);
  return Buffer.concat([Buffer.from(`${bytes.length.toString(16)}\r\n`), bytes, Buffer.from('\r\n')]);
}
