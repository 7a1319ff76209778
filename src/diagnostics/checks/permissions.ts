import { randomUUID } from 'node:crypto';
import { createKafka, jobNames, type Operation, probeId, serviceTopics, TopicAdmin } from '../../kafka/index.js';
import { type Finding, ok, problem, warning } from '../finding.js';
import { messageOf } from '../run-checks.js';
import { jobTopicsOf } from './job-topics.js';
import type { KafkaFacts } from './kafka-facts.js';

interface Lack {
  operations: Operation[];
  /** Arguments of kafka-acls.sh. */
  resource: string;
}

/** What docs/operations.md asks of the ACLs, as far as the brokers tell what we may do. */
export async function checkPermissions(facts: KafkaFacts): Promise<Finding[]> {
  const { topicPrefix } = facts.config;
  const findings = [await tryCreation(facts)];
  const { topics, allowed: onCluster } = await facts.describe();
  const service = serviceTopics(topicPrefix);
  const ofJob = jobTopicsOf(topics, topicPrefix)[0];
  const onGroup = await facts.inspector.describeGroup(probeId(topicPrefix));
  const lacks: Lack[] = [
    lack(ofJob?.allowed, ['READ', 'WRITE', 'DELETE'], `--resource-pattern-type prefixed --topic ${topicPrefix}_`),
    lack(onGroup, ['READ', 'DELETE'], `--resource-pattern-type prefixed --group ${topicPrefix}.`),
    ...[service.jobs, service.clock].map((name) =>
      lack(topics.find((topic) => topic.name === name)?.allowed, ['READ', 'WRITE'], `--topic ${name}`),
    ),
  ];
  const needed = lacks.filter(({ operations }) => operations.length > 0);
  if (needed.length > 0) {
    findings.push(
      problem('permissions', `the brokers do not let the service ${words(needed)}`, commands(facts, needed)),
    );
  } else if (ofJob === undefined) {
    findings.push(ok('permissions', `those on ${topicPrefix}_* are seen once there is a job`));
  } else {
    findings.push(ok('permissions', 'READ, WRITE and DELETE are granted where jobs need them'));
  }
  const optional = [
    lack(
      ofJob?.allowed,
      ['ALTER_CONFIGS', 'DESCRIBE_CONFIGS'],
      `--resource-pattern-type prefixed --topic ${topicPrefix}_`,
    ),
    lack(onCluster, ['ALTER', 'DESCRIBE_CONFIGS'], '--cluster'),
  ].filter(({ operations }) => operations.length > 0);
  if (optional.length > 0) {
    findings.push(
      warning(
        'optional_permissions',
        `the service may not ${words(optional)}: lost markers are not repaired, topics not kept for sinks, or settings not seen`,
        commands(facts, optional),
      ),
    );
  }
  return findings;
}

/** Creates nothing: the brokers say whether they would. */
async function tryCreation({ config, bootstrap }: KafkaFacts): Promise<Finding> {
  const { topicPrefix, replicationFactor } = config;
  const topics = new TopicAdmin(createKafka(config), serviceTopics(topicPrefix), replicationFactor);
  try {
    await topics.validateJob(jobNames({ topicPrefix, jobId: randomUUID().slice(0, 8) }));
    const refused = topics.refusedConfigs;
    if (refused !== null) return warning('new_topics', refused, 'Allow these configs in the policy of the brokers.');
    return ok('new_topics', 'the brokers would create the topics of a job');
  } catch (error) {
    return problem(
      'new_topics',
      `the brokers would not take a job: ${messageOf(error)}`,
      `kafka-acls.sh ${bootstrap} --add --allow-principal User:NAME --resource-pattern-type prefixed --topic ${topicPrefix}_ --operation Create --operation Read --operation Write --operation Delete`,
    );
  } finally {
    await topics.close();
  }
}

/** What is not known is not counted as missing. */
function lack(allowed: ReadonlySet<Operation> | null | undefined, wanted: Operation[], resource: string): Lack {
  const operations = allowed == null ? [] : wanted.filter((operation) => !allowed.has(operation));
  return { operations, resource };
}

function words(lacks: readonly Lack[]): string {
  return lacks
    .map(
      ({ operations, resource }) =>
        `${operations.join(', ')} on ${resource.replaceAll(/--(resource-pattern-type prefixed --)?/g, '')}`,
    )
    .join('; ');
}

function commands({ bootstrap }: KafkaFacts, lacks: readonly Lack[]): string {
  return lacks
    .map(({ operations, resource }) => {
      const asked = operations.map((operation) => `--operation ${spelled(operation)}`).join(' ');
      return `kafka-acls.sh ${bootstrap} --add --allow-principal User:NAME ${resource} ${asked}`;
    })
    .join('; ');
}

/** `DESCRIBE_CONFIGS` as `DescribeConfigs`. */
function spelled(operation: Operation): string {
  return operation.toLowerCase().replaceAll(/(?:^|_)([a-z])/g, (_, letter: string) => letter.toUpperCase());
}
