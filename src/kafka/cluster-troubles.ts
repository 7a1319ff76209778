import { type ClusterState, INTERNAL_TOPICS, type InternalTopic } from './cluster-state.js';
import { TRANSACTION_TIMEOUT_MS } from './transactional-session.js';

type Trouble = string | null;

/** Topics of Kafka's own that are lost with one broker though there are more. */
export function internalTopicsTrouble({ brokers, replicas }: ClusterState): Trouble {
  const single = (Object.keys(INTERNAL_TOPICS) as InternalTopic[]).filter((topic) => replicas[topic] === 1);
  if (brokers < 2 || single.length === 0) return null;
  const settings = single.map((topic) => `${INTERNAL_TOPICS[topic]}=${Math.min(3, brokers)}`);
  return `${single.join(' and ')} ${single.length === 1 ? 'has' : 'have'} partitions with one replica on a cluster of ${brokers} brokers: with that broker, the checkpoints of jobs are lost, and these jobs fail with CHECKPOINT_LOST. Set ${settings.join(' and ')} on the brokers for new topics, and reassign the partitions of those that exist (kafka-reassign-partitions.sh)`;
}

/** Checkpoints that expire before the file of their job. */
export function offsetsRetentionTrouble({ offsetsRetentionMinutes }: ClusterState, spoolKeepHours: number): Trouble {
  if (offsetsRetentionMinutes === null || offsetsRetentionMinutes >= spoolKeepHours * 60) return null;
  return `offsets.retention.minutes is ${offsetsRetentionMinutes} on the brokers, less than SPOOL_KEEP_HOURS=${spoolKeepHours} (${spoolKeepHours * 60} minutes): the checkpoint of a job may go before its file, and the job cannot be resumed then. Raise the one or lower the other`;
}

/** Transactions that may not be as long as ours. */
export function transactionTimeoutTrouble({ transactionTimeoutMs }: ClusterState): Trouble {
  if (transactionTimeoutMs === null || transactionTimeoutMs >= TRANSACTION_TIMEOUT_MS) return null;
  return `transaction.max.timeout.ms on the brokers allows no transactions of ${TRANSACTION_TIMEOUT_MS / 1000} s: they end after ${transactionTimeoutMs / 1000} s, and a job that is held up for longer starts over from its checkpoint. Set it to ${TRANSACTION_TIMEOUT_MS} or more`;
}

/** Rows that are lost with one broker though more replicas were asked for. `obtained`: of new topics; null: unknown. */
export function topicReplicasTrouble({ brokers }: ClusterState, wanted: number, obtained: number | null): Trouble {
  if (obtained !== 1 || wanted === 1 || brokers < 2) return null;
  return `job topics have one replica: the brokers refuse KAFKA_REPLICATION_FACTOR=${wanted}, as there are fewer of them, and their own default.replication.factor is 1. Set KAFKA_REPLICATION_FACTOR=${brokers}, or 1 if that is meant`;
}

/** Transactions that could not be tried, though a broker is there. */
export function transactionsTrouble({ failure }: ClusterState): Trouble {
  return failure === null ? null : `an empty transaction failed: ${failure}`;
}
