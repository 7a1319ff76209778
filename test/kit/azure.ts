import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import {
  BlobServiceClient,
  type BlockBlobUploadOptions,
  type ContainerClient,
  ContainerSASPermissions,
  generateBlobSASQueryParameters,
  StorageSharedKeyCredential,
} from '@azure/storage-blob';
import { spawnOwned } from './owned-process.js';
import { freePort, listens } from './ports.js';

/** A server of Azure Blob Storage's protocol of the test's own, on the loopback interface, with one account and container. */
export interface AzureServer {
  /** The account: its name is the first part of the path. */
  readonly endpoint: string;
  readonly port: number;
  readonly account: string;
  readonly accountKey: string;
  readonly connectionString: string;
  /** For the test's own changes. */
  readonly container: ContainerClient;
  /** Writes a block blob. */
  put(name: string, content: Buffer | string, options?: BlockBlobUploadOptions): Promise<void>;
  /** A token that may read the container until then. */
  sasToken(expiresOn: Date): string;
  stop(): Promise<void>;
}

const SCRIPT = resolve('scripts/azure.sh');
const START_TIMEOUT_MS = 600_000;
const ACCOUNT = 'batchtest';
const CONTAINER = 'exports';

/** Starts a server and waits until it answers. The first time of all it is fetched, which takes a minute. */
export async function startAzure(): Promise<AzureServer> {
  const dir = await mkdtemp(join(tmpdir(), 'batch-azure-'));
  const port = await freePort();
  const accountKey = randomBytes(64).toString('base64');
  const endpoint = `http://127.0.0.1:${port}/${ACCOUNT}`;
  const env = { ...process.env, AZURITE_ACCOUNTS: `${ACCOUNT}:${accountKey}` };
  const server = spawnOwned(SCRIPT, ['run', '--dir', dir, '--port', `${port}`], env);
  await server.until('it answered', START_TIMEOUT_MS, () => listens(port));
  const credential = new StorageSharedKeyCredential(ACCOUNT, accountKey);
  const container = new BlobServiceClient(endpoint, credential).getContainerClient(CONTAINER);
  await container.create();
  return {
    endpoint,
    port,
    account: ACCOUNT,
    accountKey,
    connectionString: `DefaultEndpointsProtocol=http;AccountName=${ACCOUNT};AccountKey=${accountKey};BlobEndpoint=${endpoint};`,
    container,
    async put(name, content, options) {
      await container.getBlockBlobClient(name).upload(content, Buffer.byteLength(content), options);
    },
    sasToken(expiresOn) {
      const permissions = ContainerSASPermissions.parse('r');
      return `${generateBlobSASQueryParameters({ containerName: CONTAINER, permissions, expiresOn }, credential)}`;
    },
    async stop() {
      await server.stop(5_000);
      await rm(dir, { recursive: true, force: true });
    },
  };
}
