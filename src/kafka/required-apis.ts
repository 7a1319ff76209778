import { ServiceError } from '../errors/index.js';
import { FETCH } from './batch-headers.js';
import type { Broker } from './kafkajs-internals.js';
import { OFFSET_FETCH } from './offset-fetch.js';
import { PRODUCE } from './produce.js';
import { CREATE_TOPICS, DELETE_TOPICS } from './topic-requests.js';

interface RequiredApi {
  apiKey: number;
  apiName: string;
  /** The broker must support one of the versions in between. */
  lowest: number;
  highest: number;
}

/** What a job sends, by version. Requests of ours have one version each, of kafkajs' own it takes the highest. */
export const REQUIRED_APIS: readonly RequiredApi[] = [
  ...[PRODUCE, FETCH, OFFSET_FETCH, CREATE_TOPICS, DELETE_TOPICS].map(({ apiKey, apiName, apiVersion }) => ({
    apiKey,
    apiName,
    lowest: apiVersion,
    highest: apiVersion,
  })),
  // From the version on that knows of isolation levels (ListOffsets), that can do without creating a topic (Metadata),
  // or that finds the coordinators of transactions (FindCoordinator).
  { apiKey: 2, apiName: 'ListOffsets', lowest: 2, highest: 3 },
  { apiKey: 3, apiName: 'Metadata', lowest: 4, highest: 6 },
  { apiKey: 10, apiName: 'FindCoordinator', lowest: 1, highest: 2 },
  { apiKey: 22, apiName: 'InitProducerId', lowest: 0, highest: 1 },
  { apiKey: 24, apiName: 'AddPartitionsToTxn', lowest: 0, highest: 1 },
  { apiKey: 25, apiName: 'AddOffsetsToTxn', lowest: 0, highest: 1 },
  { apiKey: 26, apiName: 'EndTxn', lowest: 0, highest: 1 },
  { apiKey: 28, apiName: 'TxnOffsetCommit', lowest: 0, highest: 1 },
  { apiKey: 42, apiName: 'DeleteGroups', lowest: 0, highest: 1 },
];

/** What a broker lacks of what a job sends, in words; null: nothing. `versions`: its answer to ApiVersions. */
export function missingApis(versions: Broker['versions']): string | null {
  const missing = REQUIRED_APIS.flatMap(({ apiKey, apiName, lowest, highest }) => {
    const offered = versions?.[apiKey];
    if (offered === undefined) return [`no ${apiName}`];
    if (offered.minVersion <= highest && offered.maxVersion >= lowest) return [];
    const needed = lowest === highest ? `${lowest}` : `${lowest} to ${highest}`;
    return [`${apiName} in the versions ${offered.minVersion} to ${offered.maxVersion}, not ${needed}`];
  });
  return missing.length === 0 ? null : missing.join(', ');
}

/** Throws ServiceError KAFKA_UNSUPPORTED if a broker that is connected lacks anything. */
export function requireApis({ versions }: Broker): void {
  const missing = missingApis(versions);
  if (missing !== null) throw new ServiceError('KAFKA_UNSUPPORTED', `The broker offers ${missing}`);
}
