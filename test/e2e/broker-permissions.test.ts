import { setTimeout as sleep } from 'node:timers/promises';
import { type AclEntry, AclOperationTypes, AclResourceTypes } from 'kafkajs';
import { Api } from '../kit/api.js';
import {
  type AuthorizingBroker,
  DESCRIBE_CONFIGS,
  documentedPermissions,
  startAuthorizingBroker,
  withoutPermission,
} from '../kit/authorizing-broker.js';
import { alterConfigs } from '../kit/kafka-configs.js';
import { expectDelivered, makeOrders, ORDERS_SCHEMA } from '../kit/orders.js';
import { type Service, startService } from '../kit/service.js';
import { readTopic } from '../kit/topic.js';

const ORDERS = makeOrders(1000, 97);
const WITHIN_MS = 60_000;

let kafka: AuthorizingBroker;
/** On its plain listener everybody may do everything. */
let brokers: string;
let documented: AclEntry[];
let service: Service | undefined;

beforeAll(async () => {
  kafka = await startAuthorizingBroker();
  brokers = kafka.broker.brokers;
  documented = await documentedPermissions();
});

afterEach(async () => {
  await service?.stop();
});

afterAll(async () => {
  await kafka.stop();
});

/** A service, which has not asked for anything yet, with a model. */
async function serve(settings: Record<string, string> = {}): Promise<Api> {
  const env = { ...kafka.env, KAFKA_REPLICATION_FACTOR: '1', ...settings };
  service = await startService({ brokers: kafka.secured, env });
  const api = new Api(service.url);
  await api.createModel('orders', ORDERS_SCHEMA);
  return api;
}

async function until(what: string, holds: () => Promise<boolean>): Promise<void> {
  for (const deadline = Date.now() + WITHIN_MS; !(await holds()); await sleep(100)) {
    if (Date.now() > deadline) throw new Error(`never: ${what}\n${service?.log().slice(-3000)}`);
  }
}

describe('on a broker that checks permissions', () => {
  it('the documented ones suffice', async () => {
    expect(documented).toHaveLength(11);
    await kafka.grant(documented);
    const api = await serve();
    const job = await api.ended((await api.createJob('orders', ORDERS.csv)).job_id);
    await expectDelivered(brokers, job, ORDERS);
    const rejected = await fetch(`${api.url}/jobs/${job.job_id}/rejected`);
    expect([rejected.status, (await rejected.text()).includes('"row_number":97')]).toEqual([200, true]);
    await until('the event of the end', async () =>
      (await readTopic(brokers, 'batch.jobs')).some(({ key, value }) => {
        return key?.toString() === job.job_id && value.includes(job.state);
      }),
    );
    await fetch(`${api.url}/jobs/${job.job_id}?purge=true&force=true`, { method: 'DELETE' });
    await until('the job is purged', async () => (await fetch(`${api.url}/jobs/${job.job_id}`)).status === 404);
  });

  it.each([
    ['are unknown without', [], false],
    ['are known with', [DESCRIBE_CONFIGS], true],
  ] as const)('the settings of the brokers %s the right to see them', async (_, granted, isKnown) => {
    await kafka.grant([...documented, ...granted]);
    // More than the 7 days of offsets.retention.minutes.
    const { url } = await serve({ SPOOL_KEEP_HOURS: '200' });
    let details: Record<string, Record<string, unknown>> = {};
    await until('the brokers were checked', async () => {
      ({ details } = (await (await fetch(`${url}/readyz`)).json()) as { details: typeof details });
      return details['kafka']?.['transaction_timeout_ms'] !== undefined;
    });
    expect([details['kafka']?.['status'], details['offsets_retention'] !== undefined]).toEqual(['up', isKnown]);
    expect(details).not.toHaveProperty('transactions');
  });

  it.each([
    ['TOPIC_AUTHORIZATION_FAILED', AclResourceTypes.TOPIC, AclOperationTypes.CREATE],
    ['GROUP_AUTHORIZATION_FAILED', AclResourceTypes.GROUP, undefined],
    ['TRANSACTIONAL_ID_AUTHORIZATION_FAILED', AclResourceTypes.TRANSACTIONAL_ID, undefined],
  ] as const)('an upload is refused for %s before its body', async (error, resource, operation) => {
    await kafka.grant(withoutPermission(documented, resource, operation));
    const api = await serve();
    const { status, problem } = await api.uploadWithoutBody('orders');
    expect({ status, error: problem['error'] }).toEqual({ status: 502, error: 'KAFKA_REJECTED' });
    expect(problem['detail']).toContain(error);
    const { details } = (await (await fetch(`${api.url}/readyz`)).json()) as { details: object };
    expect(details).toMatchObject({ new_jobs: { status: 'degraded', message: problem['detail'] } });
  });

  it.each([
    ['TRANSACTIONAL_ID_AUTHORIZATION_FAILED', AclResourceTypes.TRANSACTIONAL_ID, AclOperationTypes.WRITE],
    ['GROUP_AUTHORIZATION_FAILED', AclResourceTypes.GROUP, AclOperationTypes.READ],
  ] as const)('a job that may only look fails for %s at once', async (error, resource, operation) => {
    const look = documented
      .filter(({ resourceType }) => resourceType === resource)
      .map((entry) => ({ ...entry, operation: AclOperationTypes.DESCRIBE }));
    await kafka.grant([...withoutPermission(documented, resource, operation), ...look.slice(0, 1)]);
    const api = await serve();
    const job = await api.ended((await api.createJob('orders', ORDERS.csv)).job_id);
    expect(job).toMatchObject({ state: 'FAILED', error: { code: 'KAFKA_REJECTED' } });
    expect(job.error?.message).toContain(error);
  });

  it('the diagnosis names the permissions that are missing, and the commands that grant them', async () => {
    await kafka.grant(documented);
    const { url } = await serve();
    const look = async (): Promise<Record<string, string>> => {
      const { findings } = (await (await fetch(`${url}/diagnostics`)).json()) as {
        findings: { check: string; status: string; fix: string | null }[];
      };
      return Object.fromEntries(findings.map(({ check, status, fix }) => [check, `${status}: ${fix}`]));
    };
    expect(await look()).toMatchObject({ new_topics: 'ok: null', permissions: 'ok: null', exactly_once: 'ok: null' });
    await kafka.grant(withoutPermission(documented, AclResourceTypes.GROUP, AclOperationTypes.DELETE));
    await until('the lack is found', async () => (await look())['permissions']?.startsWith('error') ?? false);
    expect((await look())['permissions']).toMatch(
      /^error: kafka-acls.sh .* --resource-pattern-type prefixed --group batch\S*\. --operation Delete$/,
    );
  });

  it('a quota on topics is a matter of time', async () => {
    await kafka.grant(documented);
    await limitTopics('--add-config', 'controller_mutation_rate=0.01');
    const api = await serve();
    let refused = await api.upload('orders', ORDERS.csv);
    for (let uploads = 1; refused.status === 202 && uploads < 10; uploads++) {
      refused = await api.upload('orders', ORDERS.csv);
    }
    const problem = (await refused.json()) as Record<string, string>;
    expect({ status: refused.status, error: problem['error'] }).toEqual({ status: 503, error: 'SERVICE_BUSY' });
    expect(problem['detail']).toContain('THROTTLING_QUOTA_EXCEEDED');
    // At a hundredth of a topic a second.
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(10);
    await limitTopics('--delete-config', 'controller_mutation_rate');
    await until('a file is taken', async () => (await api.upload('orders', ORDERS.csv)).status === 202);
  });
});

/** Changes the quota of the service's user. */
async function limitTopics(...change: string[]): Promise<void> {
  await alterConfigs(brokers, ['--entity-type', 'users', '--entity-name', 'batch'], change);
}
