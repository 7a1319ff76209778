import { inspectRedis } from '../../jobs/index.js';
import { type Finding, ok, problem, warning } from '../finding.js';
import { messageOf } from '../run-checks.js';

const LEAST = [6, 2] as const;

/** The Redis of QUEUE_URL. */
export async function checkQueue(url: string): Promise<Finding[]> {
  const facts = await inspectRedis(url).catch((error: unknown) => messageOf(error));
  if (typeof facts === 'string') {
    return [
      problem(
        'queue',
        `Redis (QUEUE_URL) does not answer: ${facts}`,
        'Start it, or correct QUEUE_URL. Until then jobs begin up to 10 s later.',
      ),
    ];
  }
  const { version, evictionPolicy, isCluster } = facts;
  const [major = 0, minor = 0] = (version ?? '').split('.').map(Number);
  const findings: Finding[] = [];
  if (version !== null && (major < LEAST[0] || (major === LEAST[0] && minor < LEAST[1]))) {
    findings.push(problem('queue', `Redis is ${version}`, 'Upgrade it to 6.2 or newer, or to Valkey.'));
  } else findings.push(ok('queue', `Redis ${version ?? '(of an unknown version)'} answers`));
  if (isCluster) {
    findings.push(
      problem(
        'queue_mode',
        'QUEUE_URL is a node of a Redis Cluster',
        'Set QUEUE_URL to one server without cluster mode, or to a proxy.',
      ),
    );
  }
  if (evictionPolicy === 'noeviction') findings.push(ok('queue_policy', 'maxmemory-policy is noeviction'));
  else if (evictionPolicy !== null) {
    findings.push(
      warning(
        'queue_policy',
        `maxmemory-policy is ${evictionPolicy}: notifications may be dropped if the memory is full`,
        'redis-cli CONFIG SET maxmemory-policy noeviction, and the same in redis.conf',
      ),
    );
  }
  return findings;
}
