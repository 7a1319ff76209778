import type { Redis } from 'ioredis';

/** A command, and a connection, have this time. */
const ANSWER_MS = 5_000;

/** For all of the connections: whoever has one replaces it when it fails. */
const ONCE = {
  connectTimeout: ANSWER_MS,
  disconnectTimeout: 500,
  retryStrategy: () => null,
  // It would ask by INFO, which not every user may, and say so on standard error.
  enableReadyCheck: false,
} as const;

type Libraries = Pick<typeof import('bullmq'), 'Queue' | 'QueueEvents' | 'Worker'> &
  Pick<typeof import('ioredis'), 'Redis'>;
let libraries: Promise<Libraries> | undefined;

/** They take a while to load: only who has a Redis pays for it. */
export function loadBullmq(): Promise<Libraries> {
  libraries ??= (async () => {
    const { Queue, QueueEvents, Worker } = await import('bullmq');
    const { Redis } = await import('ioredis');
    return { Queue, QueueEvents, Worker, Redis };
  })();
  return libraries;
}

/**
 * A connection whose commands fail at once if it is not there; the signal ends it. Rejects if the server is not there, with
 * what it says.
 */
export async function connectRedis(url: string, signal?: AbortSignal): Promise<Redis> {
  const { Redis } = await loadBullmq();
  const redis = new Redis(url, {
    ...ONCE,
    lazyConnect: true,
    enableOfflineQueue: false,
    maxRetriesPerRequest: 1,
    commandTimeout: ANSWER_MS,
  });
  let reason: Error | undefined;
  redis.on('error', (error: Error) => {
    reason = error;
  });
  const end = (): void => redis.disconnect();
  signal?.addEventListener('abort', end);
  redis.on('end', () => signal?.removeEventListener('abort', end));
  try {
    signal?.throwIfAborted();
    await redis.connect();
    await redis.ping();
  } catch (error) {
    redis.disconnect();
    // What they reject with may say only that the connection is closed.
    throw reason ?? error;
  }
  return redis;
}

/** As options of BullMQ's, for connections that wait for messages. */
export function waitingConnection(url: string): typeof ONCE & { url: string; maxRetriesPerRequest: null } {
  return { ...ONCE, url, maxRetriesPerRequest: null };
}

/** `{…}`: in a cluster, all of the keys are in one slot. */
export function keyPrefix(topicPrefix: string): string {
  return `{${topicPrefix}}`;
}

/** The error's own object may hold the command, and so the password. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
