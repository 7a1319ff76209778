import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Diagnosis, Finding } from 'batch-ingest-sdk';
import { checkHangingTransactions } from '../../src/diagnostics/checks/job-topics.js';
import { KafkaFacts } from '../../src/diagnostics/checks/kafka-facts.js';
import { RecordBatch, TopicAdmin, TransactionalSession } from '../../src/kafka/index.js';
import { kafkaAt, kafkaConfig } from '../kit/kafka-client.js';
import { untilLed } from '../kit/led-topics.js';
import { SERVICE_TOPICS } from '../kit/names.js';
import { makeOrders, ORDERS_SCHEMA } from '../kit/orders.js';
import { type PostgresServer, startPostgres } from '../kit/postgres.js';
import { hasRedis, type RedisServer, startRedis } from '../kit/redis.js';
import { runService } from '../kit/run-service.js';
import { hasS3, type S3Server, startS3 } from '../kit/s3.js';
import { useService } from '../kit/use-service.js';

const brokers = process.env['E2E_KAFKA_BROKERS'] as string;
const SECRET = 'a-secret-of-nobody';
const folder = mkdtempSync(join(tmpdir(), 'batch-doctor-'));

afterAll(() => rmSync(folder, { recursive: true, force: true }));

function finding({ findings }: Diagnosis, check: string): Finding {
  const found = findings.find((each) => each.check === check);
  if (found === undefined) throw new Error(`no finding ${check} in ${JSON.stringify(findings, null, 1)}`);
  return found;
}

async function doctor(
  env: Record<string, string>,
): Promise<{ status: number | null; diagnosis: Diagnosis; stdout: string }> {
  const { status, stdout } = await runService({ KAFKA_BROKERS: brokers, DATA_DIR: join(folder, 'data'), ...env }, [
    'doctor',
    '--json',
  ]);
  return { status, stdout, diagnosis: JSON.parse(stdout) as Diagnosis };
}

describe('the diagnosis of a running service', () => {
  const suite = useService({ models: { orders: ORDERS_SCHEMA }, env: { KAFKA_REPLICATION_FACTOR: '1' } });
  const diagnose = async (): Promise<Diagnosis> =>
    (await (await fetch(`${suite.api.url}/diagnostics`)).json()) as Diagnosis;

  it('finds nothing that jobs suffer from', async () => {
    await suite.api.ended((await suite.api.createJob('orders', makeOrders(100, 7).csv)).job_id);
    const diagnosis = await diagnose();
    const bad = diagnosis.findings.filter(({ status }) => status !== 'ok').map(({ check }) => check);
    // The Kafka and the PostgreSQL of the tests; the disk is this machine's.
    const excused = ['broker_version', 'store_durability', 'store_connections', 'store_notifications', 'disk'];
    expect(bad.filter((check) => !excused.includes(check))).toEqual([]);
    for (const check of [
      'brokers',
      'advertised_brokers',
      'exactly_once',
      'new_topics',
      'permissions',
      'topic_settings',
      'hanging_transactions',
      'topics_without_job',
      'consumer_offsets_in_sync',
      'store',
      'storage',
    ]) {
      expect(finding(diagnosis, check)).toMatchObject({ status: 'ok', fix: null });
    }
  });

  it('lists topics without a job, and a transaction that hangs in one, and deletes nothing', async () => {
    const { topicPrefix } = suite.service;
    const names = {
      data: `${topicPrefix}_orphan01`,
      dlq: `${topicPrefix}_orphan01_dlq`,
      group: `${topicPrefix}.orphan01`,
    };
    const admin = new TopicAdmin(kafkaAt(brokers), SERVICE_TOPICS, 1);
    const facts = new KafkaFacts({ ...kafkaConfig(brokers), topicPrefix });
    let session: TransactionalSession | undefined;
    try {
      await admin.createJobTopics(names);
      await untilLed(admin, names);
      session = await TransactionalSession.open(kafkaAt(brokers), names);
      const batch = new RecordBatch();
      batch.append(Buffer.from('row'), 0, 3);
      await session.inspect(null);
      await session.enlist(names.data);
      await session.produce(names.data, batch);

      const orphans = finding(await diagnose(), 'topics_without_job');
      expect(orphans).toMatchObject({
        status: 'warning',
        fix: expect.stringContaining(`--delete --topic ${names.data}`) as string,
      });
      expect(orphans.message).toContain(`${names.data}, ${names.dlq}`);
      const [hanging] = await checkHangingTransactions(facts, 0, Date.now() + 60_000);
      expect(hanging).toMatchObject({
        status: 'error',
        fix: expect.stringContaining(`--topic ${names.data} --partition 0 --start-offset 0`) as string,
      });
      // The topic is still there.
      expect((await facts.inspector.describe([names.data])).topics).toMatchObject([{ error: 0 }]);
    } finally {
      session?.close();
      facts.close();
      await admin.deleteJobTopics(names);
      await admin.close();
    }
  });
});

describe('node dist/main.js doctor', () => {
  it('says what is wrong with the settings, as text', async () => {
    const { status, stdout } = await runService({ KAFKA_BROKERS: 'nowhere', PORT: 'x' }, ['doctor']);
    expect(status).toBe(1);
    expect(stdout).toMatch(/^✗ error {4}settings {2}The environment is not valid:\n {2}.*PORT/);
    expect(stdout).toContain('KAFKA_BROKERS must be host:port');
  });

  it('says that no broker answers, before the first start, and still looks at the rest', async () => {
    const { status, diagnosis } = await doctor({ KAFKA_BROKERS: '127.0.0.1:1', MIN_FREE_BYTES: '1' });
    expect(status).toBe(1);
    expect(finding(diagnosis, 'brokers')).toMatchObject({
      status: 'error',
      message: expect.stringContaining('127.0.0.1:1 (') as string,
    });
    expect(finding(diagnosis, 'permissions').status).toBe('unknown');
    expect(finding(diagnosis, 'storage').status).toBe('ok');
  });

  it('leaves the tables of an older release as they are, and says what to run', async () => {
    const dataDir = join(folder, 'older');
    const env = { DATA_DIR: dataDir, DATABASE_URL: '' };
    expect((await runService(env, ['migrate'])).status).toBe(0);
    const { DatabaseSync } = await import('node:sqlite');
    const database = new DatabaseSync(join(dataDir, 'batch.db'));
    database.exec('DELETE FROM kysely_migration WHERE name = (SELECT max(name) FROM kysely_migration)');
    database.close();
    const { diagnosis } = await doctor(env);
    expect(finding(diagnosis, 'schema')).toMatchObject({
      status: 'warning',
      message: "the tables lack 1 of this release's migrations",
    });
  });

  (hasRedis && hasS3 ? describe : describe.skip)('with a database, a queue and files on other servers', () => {
    let postgres: PostgresServer;
    let redis: RedisServer;
    let s3: S3Server;

    beforeAll(async () => {
      [postgres, redis, s3] = await Promise.all([
        startPostgres(),
        startRedis(['--maxmemory', '10mb', '--maxmemory-policy', 'allkeys-lru']),
        startS3(),
      ]);
    });
    afterAll(() => Promise.all([postgres.stop(), redis.stop(), s3.stop()]));

    it('finds what is staged on each of them, with what to do, and prints no secret', async () => {
      const { status, stdout, diagnosis } = await doctor({
        ...s3.env,
        KAFKA_BROKERS: `${brokers},127.0.0.1:1`,
        SPOOL_KEEP_HOURS: '1000', // more than the 7 days of offsets.retention.minutes
        DATABASE_URL: await postgres.createDatabase(),
        QUEUE_URL: redis.url,
        STORAGE_URL: 's3://no-such-bucket/files',
        POSTGRES_SINK_URL: `postgres://batch:${SECRET}@127.0.0.1:1/rows`,
      });
      expect(status).toBe(1);
      const found = (check: string): string => `${finding(diagnosis, check).status}: ${finding(diagnosis, check).fix}`;
      expect(finding(diagnosis, 'brokers').message).toContain('127.0.0.1:1 (');
      expect(found('brokers')).toMatch(/^warning: .*KAFKA_BROKERS/);
      expect(found('offsets_retention')).toMatch(/^warning: .*offsets.retention.minutes=60000/);
      expect(found('schema')).toMatch(/^warning: node dist\/main.js migrate/);
      expect(found('store_durability')).toMatch(/^warning: ALTER SYSTEM SET fsync = on/);
      expect(found('queue_policy')).toMatch(/^warning: redis-cli CONFIG SET maxmemory-policy noeviction/);
      expect(found('storage')).toMatch(/^error: Correct STORAGE_URL/);
      expect(found('sink_postgres')).toMatch(/^error: .*POSTGRES_SINK_URL/);
      for (const secret of [SECRET, s3.env['AWS_SECRET_ACCESS_KEY'] as string]) expect(stdout).not.toContain(secret);
    });
  });
});
