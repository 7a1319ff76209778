import { spawnSync } from 'node:child_process';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { spawnOwned } from './owned-process.js';
import { freePort, listens } from './ports.js';

/** A server of Google Cloud Storage's protocol of the test's own, on the loopback interface, with one bucket. */
export interface GcsServer {
  readonly endpoint: string;
  readonly port: number;
  readonly bucket: string;
  /** Writes an object, or a new generation of it; resolves with the generation. */
  put(name: string, content: Buffer | string, metadata?: Record<string, string>): Promise<string>;
  remove(name: string): Promise<void>;
  stop(): Promise<void>;
}

const SCRIPT = resolve('scripts/gcs.sh');
const START_TIMEOUT_MS = 600_000;
const BUCKET = 'exports';

/** There is such a server, or Go to build it; otherwise its tests are skipped. */
export const hasGcs = spawnSync(SCRIPT, ['available']).status === 0;

/** Starts a server and waits until it answers. The first time of all it is built, which takes minutes. */
export async function startGcs(): Promise<GcsServer> {
  const dir = await mkdtemp(join(tmpdir(), 'batch-gcs-'));
  await mkdir(join(dir, BUCKET));
  const port = await freePort();
  const endpoint = `http://127.0.0.1:${port}`;
  const server = spawnOwned(SCRIPT, ['run', '--dir', dir, '--port', `${port}`]);
  await server.until('it answered', START_TIMEOUT_MS, () => listens(port));
  const ask = async (method: string, path: string, init: RequestInit = {}): Promise<Response> => {
    const answer = await fetch(`${endpoint}${path}`, { ...init, method });
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`);
    return answer;
  };
  return {
    endpoint,
    port,
    bucket: BUCKET,
    async put(name, content, metadata = {}) {
      const body = related([
        { type: 'application/json', content: JSON.stringify({ name, ...metadata }) },
        { type: 'application/octet-stream', content },
      ]);
      const answer = await ask('POST', `/upload/storage/v1/b/${BUCKET}/o?uploadType=multipart`, body);
      return ((await answer.json()) as { generation: string }).generation;
    },
    async remove(name) {
      await ask('DELETE', `/storage/v1/b/${BUCKET}/o/${encodeURIComponent(name)}`);
    },
    async stop() {
      await server.stop(5_000);
      await rm(dir, { recursive: true, force: true });
    },
  };
}

/** The body of an upload that has metadata: `multipart/related` (RFC 2387). */
function related(parts: readonly { type: string; content: Buffer | string }[]): Pick<RequestInit, 'headers' | 'body'> {
  const boundary = 'end-of-part';
  const pieces = parts.flatMap(({ type, content }) => [
    `--${boundary}\r\nContent-Type: ${type}\r\n\r\n`,
    content,
    '\r\n',
  ]);
  return {
    headers: { 'content-type': `multipart/related; boundary=${boundary}` },
    body: Buffer.concat([...pieces, `--${boundary}--`].map((piece) => Buffer.from(piece))),
  };
}
