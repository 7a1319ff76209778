import { BatchClient } from './client.js';
import { nodePlatform } from './platform/node.js';
import type { BatchClientOptions } from './transport.js';

export * from './public.js';

/** For Node.js: files are read by their paths, too, and sent with constant memory. Throws TypeError if `baseUrl` is not an absolute URL. */
export function createBatchClient(options: BatchClientOptions): BatchClient {
  return new BatchClient(options, nodePlatform);
}
