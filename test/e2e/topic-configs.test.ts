import { TopicAdmin } from '../../src/kafka/index.js';
import { JOB_TOPIC_CONFIG } from '../../src/kafka/topic-configs.js';
import { kafkaAt } from '../kit/kafka-client.js';
import { namesOf, SERVICE_TOPICS } from '../kit/names.js';
import { ownConfig } from '../kit/topic-config.js';

const brokers = process.env['E2E_KAFKA_BROKERS'] as string;
const open: TopicAdmin[] = [];

afterEach(async () => {
  for (const topics of open.splice(0)) await topics.close();
});

/** The topics of a service that asks for three replicas with this config, on a single broker. */
function administer(config?: Record<string, string>): TopicAdmin {
  const kafka = kafkaAt(brokers);
  const topics = new TopicAdmin(kafka, SERVICE_TOPICS, 3, config);
  open.push(topics);
  return topics;
}

describe('the topics of a job', () => {
  it('have their own settings, but none that needs more replicas than there are', async () => {
    const topics = administer();
    expect(await topics.createJobTopics(namesOf('configs1'))).toBe(true);
    const { 'min.insync.replicas': _, ...expected } = JOB_TOPIC_CONFIG;
    const { data, dlq } = namesOf('configs1');
    for (const topic of [data, dlq]) expect(await ownConfig(brokers, topic)).toEqual(expected);
    expect(topics.refusedConfigs).toBeNull();
  });

  it('are made without a config that the broker refuses, which is named', async () => {
    const topics = administer({ 'cleanup.policy': 'delete', 'no.such.config': '1', 'retention.bytes': 'many' });
    // All at once, as uploads come.
    const made = await Promise.all(['configs2', 'configs3'].map((jobId) => topics.createJobTopics(namesOf(jobId))));
    expect(made).toEqual([true, true]);
    expect(await ownConfig(brokers, namesOf('configs2').data)).toEqual({ 'cleanup.policy': 'delete' });
    expect(topics.refusedConfigs).toMatch(/no\.such\.config.*retention\.bytes|retention\.bytes.*no\.such\.config/);
  });

  it('are not made without a config that they need', async () => {
    const topics = administer({ 'cleanup.policy': 'burn' });
    await expect(topics.createJobTopics(namesOf('configs4'))).rejects.toThrow(/INVALID_CONFIG.*cleanup\.policy/);
    expect(topics.refusedConfigs).toBeNull();
  });
});
