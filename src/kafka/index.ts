export { readBrokerTime } from './broker-time.js';
export type { Checkpoint } from './checkpoint.js';
export { createKafka, kafkaClientOptions } from './client.js';
export { ClusterInspector, whyUnreachable } from './cluster-inspector.js';
export { ClusterProbe } from './cluster-probe.js';
export { type ClusterState, INTERNAL_TOPICS, type InternalTopic, readClusterState } from './cluster-state.js';
export {
  internalTopicsTrouble,
  offsetsRetentionTrouble,
  topicReplicasTrouble,
  transactionsTrouble,
  transactionTimeoutTrouble,
} from './cluster-troubles.js';
export { type Compression, compressBatch } from './compression.js';
export type { DescribedCluster, DescribedTopic, Operation } from './described-cluster.js';
export { FencedProducer } from './fenced-producer.js';
export { JobProbe } from './job-probe.js';
export { JobRecords } from './job-records.js';
export { classifyFailure, failureDetail, isTooLarge, type KafkaFailure, kafkaProblem } from './kafka-failure.js';
export { KafkaProbe } from './kafka-probe.js';
export { type JobNames, type JobTopics, jobNames, probeId, publisherId, serviceTopics } from './names.js';
export { type ClaimedPrefix, claimPrefix, type Installation, PrefixTaken } from './prefix-claim.js';
export { RecordBatch } from './record-batch.js';
export { firstValues, type RecordValues } from './record-values.js';
export { atMost, withTimeout } from './timeout.js';
export { tokenSourceOf } from './token-source.js';
export { CLOCK_TOPIC_CONFIG, JOB_RETENTION_MS, JOB_TOPIC_CONFIG, JOBS_TOPIC_CONFIG } from './topic-configs.js';
export { TopicReader, type TopicRecord } from './topic-reader.js';
export { TopicAdmin } from './topics.js';
export {
  type MarkedPartition,
  type OpenTransactions,
  type TopicsEvidence,
  TransactionalSession,
} from './transactional-session.js';
