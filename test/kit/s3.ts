import { spawnSync } from 'node:child_process';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { PutBucketVersioningCommand, S3Client } from '@aws-sdk/client-s3';
import { type OwnedProcess, spawnOwned } from './owned-process.js';
import { freePort, listens } from './ports.js';

/** A real S3 server of the test's own, on the loopback interface, with one bucket. */
export interface S3Server {
  /** For S3_ENDPOINT. */
  readonly endpoint: string;
  readonly port: number;
  /** Another one after a restart. */
  readonly pid: number;
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

/**
 * Starts a server and waits until it answers. The first time of all it is built, which takes minutes. `isVersioned`: its
 * bucket keeps the versions of objects.
 */
export async function startS3({ isVersioned = false } = {}): Promise<S3Server> {
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
  const versions = `${dir}-versions`;
  const start = async (): Promise<OwnedProcess> => {
    const more = isVersioned ? ['--versions', versions] : [];
    const started = spawnOwned(SCRIPT, ['run', '--dir', dir, '--port', `${port}`, ...more], { ...process.env, ...env });
    await started.until('it answered', START_TIMEOUT_MS, () => listens(port));
    return started;
  };
  const client = (): S3Client =>
    new S3Client({ endpoint, region: 'us-east-1', forcePathStyle: true, credentials: CREDENTIALS });
  let server = await start();
  if (isVersioned) await enableVersions(client());
  return {
    endpoint,
    port,
    get pid() {
      return server.pid;
    },
    bucket: BUCKET,
    folder,
    env,
    client,
    kill: (signal = 'SIGKILL') => server.kill(signal),
    async restart() {
      await server.stop(5_000);
      server = await start();
    },
    async stop() {
      await server.stop(5_000);
      await rm(dir, { recursive: true, force: true });
      await rm(versions, { recursive: true, force: true });
    },
  };
}

async function enableVersions(client: S3Client): Promise<void> {
  const VersioningConfiguration = { Status: 'Enabled' } as const;
  await client.send(new PutBucketVersioningCommand({ Bucket: BUCKET, VersioningConfiguration }));
  client.destroy();
}
