import type { Database } from '../../database/index.js';
import {
  CLOCK_TOPIC_CONFIG,
  type DescribedTopic,
  JOB_TOPIC_CONFIG,
  JOBS_TOPIC_CONFIG,
  jobNames,
  serviceTopics,
} from '../../kafka/index.js';
import { type Finding, ok, problem, unknown, warning } from '../finding.js';
import type { KafkaFacts } from './kafka-facts.js';

/** Names that a finding lists. */
const MAX_NAMES = 20;
/** Topics that are asked for open transactions. */
const MAX_TOPICS = 1_000;
/** Topics whose settings are read: those of the newest jobs. */
const MAX_CONFIGURED = 20;
const ROWS_AT_ONCE = 500;
/** Jobs' transactions end after 10 s; the rest is for clocks that differ. */
const HANGING_AFTER_MS = 300_000;

/** The topics whose names are those of jobs with this prefix. */
export function jobTopicsOf(topics: readonly DescribedTopic[], topicPrefix: string): DescribedTopic[] {
  return topics.filter(({ name }) => jobIdOf(name, topicPrefix) !== null);
}

function jobIdOf(name: string, topicPrefix: string): string | null {
  if (!name.startsWith(`${topicPrefix}_`)) return null;
  return /^([a-z0-9]{8})(?:_dlq)?$/.exec(name.slice(topicPrefix.length + 1))?.[1] ?? null;
}

/** Topics that look like those of jobs and that no job, nor a job to come, has. */
export async function checkOrphanTopics(facts: KafkaFacts, db: Database): Promise<Finding[]> {
  const { topicPrefix } = facts.config;
  const check = 'topics_without_job';
  const found = jobTopicsOf((await facts.describe()).topics, topicPrefix);
  // In this order: a row is there before its topics are, and after them.
  const orphans = await withoutRow(
    db,
    found.map(({ name }) => name),
    topicPrefix,
  );
  const still = orphans.length === 0 ? null : await facts.inspector.describe(orphans.slice(0, MAX_TOPICS));
  const names = (still?.topics ?? []).flatMap(({ name, error }) => (error === 0 ? [name] : []));
  if (names.length === 0) return [ok(check, `topics of jobs without their job: none of ${found.length}`)];
  const shown = names.toSorted().slice(0, MAX_NAMES);
  const more = names.length > shown.length ? ` and ${names.length - shown.length} more` : '';
  return [
    warning(
      check,
      `no job has these topics; nothing deletes them: ${shown.join(', ')}${more}`,
      `If nobody reads them any more, for each: kafka-topics.sh ${facts.bootstrap} --delete --topic ${shown[0]}`,
    ),
  ];
}

async function withoutRow(db: Database, names: readonly string[], topicPrefix: string): Promise<string[]> {
  const known = new Set<string>();
  const ids = [...new Set(names.map((name) => jobIdOf(name, topicPrefix) ?? ''))];
  for (let at = 0; at < ids.length; at += ROWS_AT_ONCE) {
    const some = ids.slice(at, at + ROWS_AT_ONCE);
    const jobs = await db
      .selectFrom('jobs')
      .select('job_id')
      .where('job_id', 'in', some)
      .where('topic_prefix', '=', topicPrefix)
      .where('topics_removed', '=', 0)
      .execute();
    const spares = await db
      .selectFrom('spare_topics')
      .select('job_id')
      .where('job_id', 'in', some)
      .where('topic_prefix', '=', topicPrefix)
      .execute();
    for (const { job_id } of [...jobs, ...spares]) known.add(job_id);
  }
  return names.filter((name) => !known.has(jobIdOf(name, topicPrefix) ?? ''));
}

/** Settings of the service's own topics and of those of the newest jobs. */
export async function checkTopicSettings(facts: KafkaFacts, db: Database | null): Promise<Finding[]> {
  const { topicPrefix } = facts.config;
  const { topics } = await facts.describe();
  const present = new Map(topics.map((topic) => [topic.name, topic]));
  const service = serviceTopics(topicPrefix);
  const wanted: [string, Readonly<Record<string, string>>][] = [
    [service.jobs, JOBS_TOPIC_CONFIG],
    [service.clock, CLOCK_TOPIC_CONFIG],
    ...(await newestTopics(db, topicPrefix)).map((name): [string, Readonly<Record<string, string>>] => [
      name,
      JOB_TOPIC_CONFIG,
    ]),
  ];
  const there = wanted.filter(([name]) => present.has(name));
  if (there.length === 0) return [ok('topic_settings', 'no topic of the service or of a job is there yet')];
  const names = [...new Set(there.flatMap(([, config]) => Object.keys(config)))];
  const configs = await facts.inspector.topicConfigs(
    there.map(([name]) => name),
    names,
  );
  const wrong = there.flatMap(([name, config]) => {
    const replicas = present.get(name)?.partitions[0]?.replicas ?? 0;
    const changes = Object.entries(config).filter(([key, value]) => {
      const actual = configs.get(name)?.get(key);
      return actual !== undefined && !isFit(key, actual, value, replicas);
    });
    return changes.length === 0 ? [] : [{ name, changes, configs: configs.get(name) }];
  });
  if ([...configs.values()].every((config) => config.size === 0)) {
    return [unknown('topic_settings', 'the brokers do not tell', 'Grant DESCRIBE_CONFIGS on the topics.')];
  }
  if (wrong.length === 0) return [ok('topic_settings', `${there.length} topics have the settings that they need`)];
  return wrong.map(({ name, changes, configs: actual }) =>
    warning(
      'topic_settings',
      `${name} has ${changes.map(([key, value]) => `${key}=${actual?.get(key)}, not ${value}`).join('; ')}`,
      `kafka-configs.sh ${facts.bootstrap} --entity-type topics --entity-name ${name} --alter --add-config ${changes.map(([key, value]) => `${key}=${value}`).join(',')}`,
    ),
  );
}

/** A longer retention, or a larger limit, does no harm. */
function isFit(key: string, actual: string, wanted: string, replicas: number): boolean {
  if (key === 'min.insync.replicas') return replicas < 3 || Number(actual) >= Number(wanted);
  if (key === 'retention.ms') return Number(actual) === -1 || Number(actual) >= Number(wanted);
  if (key === 'max.message.bytes') return Number(actual) >= Number(wanted);
  return actual === wanted;
}

async function newestTopics(db: Database | null, topicPrefix: string): Promise<string[]> {
  if (db === null) return [];
  const rows = await db
    .selectFrom('jobs')
    .select('job_id')
    .where('topic_prefix', '=', topicPrefix)
    .where('topics_removed', '=', 0)
    .orderBy('seq', 'desc')
    .limit(MAX_CONFIGURED / 2)
    .execute();
  return rows.flatMap(({ job_id }) => {
    const { data, dlq } = jobNames({ topicPrefix, jobId: job_id });
    return [data, dlq];
  });
}

/** Transactions in topics of jobs that are open for much longer than a job leaves one open. */
export async function checkHangingTransactions(
  facts: KafkaFacts,
  hangingAfterMs = HANGING_AFTER_MS,
  now = Date.now(),
): Promise<Finding[]> {
  const check = 'hanging_transactions';
  const led = jobTopicsOf((await facts.describe()).topics, facts.config.topicPrefix).flatMap(({ name, partitions }) => {
    const leader = partitions[0]?.leader ?? -1;
    return leader < 0 ? [] : [{ topic: name, leader }];
  });
  const asked = led.slice(-MAX_TOPICS);
  const open = await facts.inspector.openTransactions(asked);
  const hanging = open.filter(({ lastTimestamp }) => now - lastTimestamp >= hangingAfterMs);
  const part = asked.length < led.length ? ` (${asked.length} of ${led.length} topics were asked)` : '';
  if (hanging.length === 0) return [ok(check, `no transaction hangs in the topics of jobs${part}`)];
  return hanging.slice(0, MAX_NAMES).map(({ topic, start }) => {
    const jobId = jobIdOf(topic, facts.config.topicPrefix);
    return problem(
      check,
      `a transaction hangs in ${topic} from offset ${start} on: readers with read_committed stop there`,
      `batch job resume ${jobId}: the job ends it. Only if there is no such job: kafka-transactions.sh ${facts.bootstrap} abort --topic ${topic} --partition 0 --start-offset ${start}, which deletes its rows`,
    );
  });
}

/** Topics that nobody can read or write now. */
export async function checkLeaders(facts: KafkaFacts): Promise<Finding[]> {
  const { topicPrefix } = facts.config;
  const { topics } = await facts.describe();
  const service = serviceTopics(topicPrefix);
  const ours = [
    ...topics.filter(({ name }) => name === service.jobs || name === service.clock),
    ...jobTopicsOf(topics, topicPrefix),
  ];
  const dead = ours.filter(({ partitions }) => partitions.some(({ leader }) => leader < 0)).map(({ name }) => name);
  if (dead.length === 0) return [ok('topic_leaders', `topics without a leader: none of ${ours.length}`)];
  const shown = dead.slice(0, MAX_NAMES).join(', ');
  return [
    problem(
      'topic_leaders',
      `${dead.length} topics have no leader: ${shown}`,
      'Start the brokers that have their replicas.',
    ),
  ];
}
