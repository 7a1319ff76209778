import { createKafka, readBrokerTime, serviceTopics, TopicAdmin } from '../../kafka/index.js';
import { type Finding, ok, problem, warning } from '../finding.js';
import type { KafkaFacts } from './kafka-facts.js';

const NOTICED_MS = 60_000;
/** Jobs are not purged beyond that. */
const HARMFUL_MS = 3_600_000;
const FIX = 'Set the clock by NTP: timedatectl set-ntp true';

/** This machine's clock and a broker's, if the topic that tells the latter is there. */
export async function checkBrokerClock(facts: KafkaFacts): Promise<Finding[]> {
  const { topicPrefix, replicationFactor } = facts.config;
  const { clock } = serviceTopics(topicPrefix);
  const { topics } = await facts.inspector.describe([clock]);
  if (topics.every(({ error }) => error !== 0)) {
    return [ok('clock', `the topic ${clock}, by which a broker's clock is read, is not there yet`)];
  }
  const kafka = createKafka(facts.config);
  const admin = new TopicAdmin(kafka, serviceTopics(topicPrefix), replicationFactor);
  try {
    const before = Date.now();
    const time = await readBrokerTime(kafka, admin);
    return [judgeClock('clock', "a broker's", time, before, Date.now())];
  } finally {
    await admin.close();
  }
}

/** `time`: what another clock said at some moment between `before` and `after` of this one; all in ms. */
export function judgeClock(check: string, whose: string, time: number, before: number, after: number): Finding {
  const ahead = time < before ? before - time : time > after ? after - time : 0;
  const words = `this machine's clock is ${Math.round(Math.abs(ahead) / 1000)} s ${ahead < 0 ? 'behind' : 'ahead of'} ${whose}`;
  if (Math.abs(ahead) >= HARMFUL_MS) return problem(check, `${words}: ended jobs are not purged`, FIX);
  if (Math.abs(ahead) >= NOTICED_MS) return warning(check, words, FIX);
  return ok(check, `this machine's clock and ${whose} agree within a minute`);
}
