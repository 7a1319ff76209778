import {
  createKafka,
  INTERNAL_TOPICS,
  type InternalTopic,
  internalTopicsTrouble,
  offsetsRetentionTrouble,
  probeId,
  readClusterState,
  transactionTimeoutTrouble,
  whyUnreachable,
} from '../../kafka/index.js';
import { type Finding, ok, problem, unknown, warning } from '../finding.js';
import { messageOf } from '../run-checks.js';
import type { KafkaFacts } from './kafka-facts.js';

/** The servers of KAFKA_BROKERS, and the brokers under the addresses that these advertise. */
export async function checkBrokers(facts: KafkaFacts): Promise<Finding[]> {
  const servers = facts.config.brokers;
  const reasons = await Promise.all(
    servers.map((server) => whyUnreachable(createKafka({ ...facts.config, brokers: [server] }))),
  );
  const silent = servers.flatMap((server, at) => (reasons[at] === null ? [] : [`${server} (${reasons[at]})`]));
  if (silent.length === servers.length) {
    return [
      problem(
        'brokers',
        `no server of KAFKA_BROKERS can be used: ${silent.join(', ')}`,
        'Start the brokers, or correct KAFKA_BROKERS, KAFKA_SSL… and KAFKA_SASL_…',
      ),
    ];
  }
  const { brokers } = await facts.inspector.describe([]);
  const looks = await Promise.all(brokers.map((broker) => lookAt(facts, broker)));
  const away = looks.flatMap(({ away: reason }) => reason ?? []);
  const defect = looks.map(({ defect: known }) => known).find((known) => known !== null);
  return [
    silent.length === 0
      ? ok('brokers', `${servers.length} of ${servers.length} servers of KAFKA_BROKERS answer`)
      : warning(
          'brokers',
          `of KAFKA_BROKERS, these cannot be used: ${silent.join(', ')}`,
          'Start them, or take them out of KAFKA_BROKERS.',
        ),
    away.length === 0
      ? ok(
          'advertised_brokers',
          `${brokers.length} of ${brokers.length} brokers answer under their advertised addresses`,
        )
      : problem(
          'advertised_brokers',
          `brokers do not answer under the addresses that they advertise: ${away.join(', ')}`,
          'Start them, or set advertised.listeners on the brokers to addresses that this machine reaches.',
        ),
    defect === undefined
      ? ok('broker_version', 'the version of the brokers has no known defect')
      : warning('broker_version', defect, 'Upgrade the brokers to a release without the defect.'),
  ];
}

async function lookAt(
  { inspector }: KafkaFacts,
  { nodeId, address }: { nodeId: number; address: string },
): Promise<{ away: string | null; defect: string | null }> {
  try {
    return { away: null, defect: await inspector.askBroker(nodeId) };
  } catch (error) {
    return { away: `${address} (${messageOf(error)})`, defect: null };
  }
}

/** What the brokers say of themselves, and to an empty transaction. */
export async function checkCluster(facts: KafkaFacts, spoolKeepHours: number): Promise<Finding[]> {
  const state = await readClusterState(createKafka(facts.config), probeId(facts.config.topicPrefix));
  const { unsupported, failure } = state;
  const alter = `kafka-configs.sh ${facts.bootstrap} --entity-type brokers --entity-default --alter --add-config`;
  return [
    unsupported !== null
      ? problem(
          'exactly_once',
          `the brokers cannot write jobs exactly once: ${unsupported}`,
          'Correct that setting, or upgrade: Apache Kafka 3.6.1 or newer, Redpanda 25.3 or newer.',
        )
      : failure !== null
        ? problem('exactly_once', `an empty transaction failed: ${failure}`, aclsOf(facts))
        : ok('exactly_once', 'the brokers took an empty transaction'),
    judge('transaction_timeout', state.transactionTimeoutMs, transactionTimeoutTrouble(state), {
      good: `transactions may be open for ${(state.transactionTimeoutMs ?? 0) / 1000} s`,
      fix: `${alter} transaction.max.timeout.ms=900000`,
    }),
    judge('offsets_retention', state.offsetsRetentionMinutes, offsetsRetentionTrouble(state, spoolKeepHours), {
      good: `offsets.retention.minutes is ${state.offsetsRetentionMinutes}, more than SPOOL_KEEP_HOURS=${spoolKeepHours}`,
      fix: `Set offsets.retention.minutes=${Math.max(10_080, spoolKeepHours * 60)} in each broker's server.properties and restart it, or lower SPOOL_KEEP_HOURS.`,
    }),
    judge('internal_topic_replicas', state.replicas.__consumer_offsets, internalTopicsTrouble(state), {
      good: `__consumer_offsets and __transaction_state have enough replicas for a cluster of ${state.brokers}`,
      fix: `kafka-reassign-partitions.sh ${facts.bootstrap} --execute --reassignment-json-file FILE`,
    }),
  ];
}

function judge(
  check: string,
  value: number | null,
  trouble: string | null,
  { good, fix }: { good: string; fix: string },
): Finding {
  if (trouble !== null) return warning(check, trouble, fix);
  if (value !== null) return ok(check, good);
  return unknown(
    check,
    'the brokers do not tell',
    "Grant DESCRIBE_CONFIGS on the cluster, and DESCRIBE on Kafka's own topics.",
  );
}

function aclsOf({ config, bootstrap }: KafkaFacts): string {
  return `kafka-acls.sh ${bootstrap} --add --allow-principal User:NAME --resource-pattern-type prefixed --transactional-id ${config.topicPrefix}. --operation Write`;
}

const UNKNOWN_TOPIC = 3;
const MIN_ISR = 'min.insync.replicas';

/** Whether Kafka's own topics survive the loss of one broker, and go on without it. */
export async function checkInternalTopics(facts: KafkaFacts): Promise<Finding[]> {
  const names = Object.keys(INTERNAL_TOPICS) as InternalTopic[];
  const { topics, brokers } = await facts.inspector.describe(names);
  const there = topics.filter(({ error }) => error === 0).map(({ name }) => name);
  const configs =
    there.length === 0 ? new Map<string, Map<string, string>>() : await facts.inspector.topicConfigs(there, [MIN_ISR]);
  return names.flatMap((name) => {
    const check = `${name === '__consumer_offsets' ? 'consumer_offsets' : 'transaction_state'}_in_sync`;
    const partitions = topics.find((topic) => topic.name === name)?.partitions ?? [];
    const text = configs.get(name)?.get(MIN_ISR);
    if (topics.some((topic) => topic.name === name && topic.error === UNKNOWN_TOPIC)) {
      return ok(check, `${name} is not there yet: the first job makes it`);
    }
    if (partitions.length === 0 || text === undefined) {
      return unknown(check, `the service may not describe ${name}`, 'Grant DESCRIBE and DESCRIBE_CONFIGS on it.');
    }
    const minimum = Number(text);
    const replicas = Math.min(...partitions.map((each) => each.replicas));
    const short = partitions.filter(({ inSync }) => inSync < minimum).length;
    const lagging = partitions.filter((each) => each.inSync < each.replicas).length;
    const set = (value: number): string =>
      `kafka-configs.sh ${facts.bootstrap} --entity-type topics --entity-name ${name} --alter --add-config ${MIN_ISR}=${value}`;
    if (short > 0) {
      return problem(
        check,
        `${short} partitions of ${name} have fewer replicas in sync than ${MIN_ISR}=${minimum}: jobs that need them stand still`,
        'Start the brokers that are away.',
      );
    }
    if (lagging > 0) {
      return warning(
        check,
        `${lagging} partitions of ${name} have replicas that are not in sync`,
        'Start the brokers that are away.',
      );
    }
    if (brokers.length > 1 && replicas > 1 && minimum >= replicas) {
      return warning(
        check,
        `${name} has ${MIN_ISR}=${minimum} of ${replicas} replicas: jobs stand still while one broker is away`,
        set(replicas - 1),
      );
    }
    if (replicas >= 3 && minimum < 2) {
      return warning(
        check,
        `${name} has ${MIN_ISR}=${minimum}: a checkpoint that only one broker has may be lost with it`,
        set(2),
      );
    }
    return ok(check, `${name}: replicas=${replicas}, ${MIN_ISR}=${minimum}, all in sync`);
  });
}
