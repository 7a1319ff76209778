import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ConfigResourceTypes, Kafka, logLevel } from 'kafkajs';
import { classifyFailure, TopicAdmin } from '../../src/kafka/index.js';
import type { JobTopicsLeft } from '../../src/kafka/topics.js';
import { Api } from '../kit/api.js';
import { type Broker, startBroker } from '../kit/kafka-broker.js';
import { kafkaAt } from '../kit/kafka-client.js';
import { SERVICE_TOPICS } from '../kit/names.js';
import { type Service, startService } from '../kit/service.js';

let folder: string;
let broker: Broker;
let service: Service;
let api: Api;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'batch-retention-'));
  const properties = join(folder, 'broker.properties');
  await writeFile(properties, 'log.retention.check.interval.ms=1000\n');
  broker = await startBroker({ properties });
  service = await startService({ brokers: broker.brokers });
  api = new Api(service.url);
  await api.createModel('rows', { id: 'Int32' });
});

afterAll(async () => {
  await service.stop();
  await broker.stop();
  await rm(folder, { recursive: true, force: true });
});

it('leaves topics of a job as empty as they are expected to be before they are deleted', async () => {
  const job = await api.ended((await api.createJob('rows', Buffer.from('id\n1\nx\n2\n'))).job_id);
  const kafka = kafkaAt(broker.brokers);
  const topics = new TopicAdmin(kafka, SERVICE_TOPICS, 1);
  const until = async (left: JobTopicsLeft): Promise<void> => {
    const deadline = Date.now() + 150_000;
    // A broker takes a moment to know and to lead a topic that was just created. The service, too, looks again later.
    const look = () =>
      topics.lookAtJobTopics(job.topics, job.end_offsets!).catch((error: unknown) => {
        if (classifyFailure(error)?.kind !== 'transient') throw error;
        return 'not known yet';
      });
    while ((await look()) !== left) {
      expect(Date.now()).toBeLessThan(deadline);
      await sleep(500);
    }
  };
  await until('records');

  const admin = new Kafka({ brokers: [broker.brokers], logLevel: logLevel.NOTHING }).admin();
  await admin.connect();
  await admin.alterConfigs({
    validateOnly: false,
    resources: [job.topics.data, job.topics.dlq].map((name) => ({
      type: ConfigResourceTypes.TOPIC,
      name,
      configEntries: [{ name: 'retention.ms', value: '1' }],
    })),
  });
  await admin.disconnect();
  await until('nothing');
  // One that is made anew under its name, and as empty, ends before what the job wrote.
  await topics.deleteJobTopics(job.topics);
  await until('unknown topic');
  expect(await topics.createJobTopics(job.topics)).toBe(true);
  await until('records');
  await topics.close();
});
