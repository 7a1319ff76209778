import { spawnSync } from 'node:child_process';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { S3Client } from '@aws-sdk/client-s3';
import { type OwnedProcess, spawnOwned } from './owned-process.js';
import { freePort, listens } from './ports.js';

/** A real S3 server of the test's own, on the loopback interface, with one bucket. */
export interface S3Server {
  /** For S3_ENDPOINT. */
  readonly endpoint: string;
  readonly port: number;
  readonly bucket: string;
  /** The folder of the bucket: objects are files in it, by their keys. */
  readonly folder: string;
  /** What a service needs beside STORAGE_URL. */
  readonly env: Record<string, string>;
  /** A client for the test's own looks. */
  client(): S3Client;
  /** SIGKILL unless told otherwise. */
  kill(signal?: NodeJS.Signals): Promise<void>;
  /** Starts it again with its objects, on the same port. */
  restart(): Promise<void>;
  stop(): Promise<void>;
}

const SCRIPT = resolve('scripts/s3.sh');
const START_TIMEOUT_MS = 600_000;
const CREDENTIALS = { accessKeyId: 'batch-test', secretAccessKey: 'a secret of nobody' };
const BUCKET = 'uploads';

/** There is such a server, or Go to build it; otherwise its tests are skipped. */
export const hasS3 = spawnSync(SCRIPT, ['available']).status === 0;

/** Starts a server and waits until it answers. The first time of all it is built, which takes minutes. */
export async function startS3(): Promise<S3Server> {
  const dir = await mkdtemp(join(tmpdir(), 'batch-s3-'));
  const port = await freePort();
  const endpoint = `http://127.0.0.1:${port}`;
  const env = {
    AWS_ACCESS_KEY_ID: CREDENTIALS.accessKeyId,
    AWS_SECRET_ACCESS_KEY: CREDENTIALS.secretAccessKey,
    AWS_REGION: 'us-east-1',
    S3_ENDPOINT: endpoint,
  };
  const folder = join(dir, BUCKET);
  await mkdir(folder);
  const start = async (): Promise<OwnedProcess> => {
    const started = spawnOwned(SCRIPT, ['run', '--dir', dir, '--port', `${port}`], { ...process.env, ...env });
    await started.until('it answered', START_TIMEOUT_MS, () => listens(port));
    return started;
  };
  let server = await start();
  return {
    endpoint,
    port,
    bucket: BUCKET,
    folder,
    env,
    client: () => new S3Client({ endpoint, region: 'us-east-1', forcePathStyle: true, credentials: CREDENTIALS }),
    kill: (signal = 'SIGKILL') => server.kill(signal),
    async restart() {
      await server.stop(5_000);
      server = await start();
    },
    async stop() {
      await server.stop(5_000);
      await rm(dir, { recursive: true, force: true });
    },
  };
}
