import { once } from 'node:events';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { createServer, type IncomingMessage, request, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { ConcurrencyLimit } from '../../src/api/index.js';
import { ANYBODY } from '../../src/auth/index.js';
import { Metrics } from '../../src/observability/metrics/index.js';
import { NO_TRACING } from '../../src/observability/tracing/index.js';
import { HashFailure } from '../../src/storage/hash-failure.js';
import { LocalFileStore } from '../../src/storage/local/local-file-store.js';
import { untracked } from '../../src/storage/untracked.js';
import { UploadReceiver } from '../../src/upload/upload-receiver.js';

const MiB = 1024 ** 2;
const BEFORE_FILE = '--x\r\ncontent-disposition: form-data; name="file"; filename="a.csv"\r\n\r\n';

describe('an upload', () => {
  let folder: string;
  let files: LocalFileStore;
  let server: Server;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'batch-receiver-'));
    files = new LocalFileStore(folder, 0);
    server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
  });
  afterEach(async () => {
    server.closeAllConnections();
    server.close();
    await files.close();
    await rm(folder, { recursive: true, force: true });
  });

  it('fails by the service’s fault, and not by the client’s, where its file cannot be hashed', async () => {
    const receiver = new UploadReceiver(
      untracked(files),
      {
        maxFileBytes: 1024 * MiB,
        pace: { idleMs: 60_000, minBytesPerSecond: 0 },
        concurrency: new ConcurrencyLimit(1, 'busy'),
        metrics: new Metrics({ version: 'test', role: 'all' }),
        tracing: NO_TRACING,
      },
      async () => undefined,
    );
    const { port } = server.address() as AddressInfo;
    const headers = { 'content-type': 'multipart/form-data; boundary=x' };
    const upload = request({ port, host: '127.0.0.1', method: 'POST', headers });
    upload.on('error', () => undefined); // the server goes away
    upload.write(`${BEFORE_FILE}id\n`);
    const [incoming, response] = (await once(server, 'request')) as [IncomingMessage, ServerResponse];
    const received = receiver.receive(incoming, response, {}, ANYBODY);
    const outcome = received.then(
      () => undefined,
      (error: unknown) => error,
    );
    let parts: string[] = [];
    while (parts.length === 0) {
      await turn();
      parts = await readdir(folder);
    }
    await rm(join(folder, parts[0] as string));
    upload.write(Buffer.alloc(8 * MiB, '1\n'));
    expect(await outcome).toBeInstanceOf(HashFailure);
    expect(await readdir(folder)).toEqual([]);
  });
});
