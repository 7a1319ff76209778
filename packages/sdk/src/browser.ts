import { BatchClient } from './client.js';
import { browserPlatform } from './platform/browser.js';
import type { BatchClientOptions } from './transport.js';

export * from './public.js';

/** For browsers: files are File objects or other Blobs. Throws TypeError if `baseUrl` is not an absolute URL. */
export function createBatchClient(options: BatchClientOptions): BatchClient {
  return new BatchClient(options, browserPlatform);
}
