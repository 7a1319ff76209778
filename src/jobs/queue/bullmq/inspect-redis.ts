import { connectRedis } from './redis.js';

/** What a Redis says of itself; null: it does not say, because INFO is not allowed. */
export interface RedisFacts {
  version: string | null;
  evictionPolicy: string | null;
  isCluster: boolean | null;
}

/** Asks the Redis of QUEUE_URL. Rejects if it is not there, with what it says. */
export async function inspectRedis(url: string): Promise<RedisFacts> {
  const redis = await connectRedis(url);
  try {
    const info = await redis.info().catch(() => '');
    const field = (name: string): string | null => new RegExp(`^${name}:(\\S+)`, 'm').exec(info)?.[1] ?? null;
    const cluster = field('cluster_enabled');
    return {
      version: field('redis_version'),
      evictionPolicy: field('maxmemory_policy'),
      isCluster: cluster === null ? null : cluster === '1',
    };
  } finally {
    redis.disconnect();
  }
}
