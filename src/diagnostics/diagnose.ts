import type { Config } from '../config/index.js';
import type { Database } from '../database/index.js';
import type { FileStore } from '../storage/index.js';
import { checkBrokers, checkCluster, checkInternalTopics } from './checks/brokers.js';
import { checkBrokerClock } from './checks/clock.js';
import { checkDisk, checkStorage } from './checks/files.js';
import { checkHangingTransactions, checkLeaders, checkOrphanTopics, checkTopicSettings } from './checks/job-topics.js';
import { KafkaFacts } from './checks/kafka-facts.js';
import { checkPermissions } from './checks/permissions.js';
import { checkQueue } from './checks/queue.js';
import { sinkChecks } from './checks/sinks.js';
import { checkPostgres, checkSchema, checkSqlite, withoutStore } from './checks/store.js';
import type { Check, Diagnosis } from './finding.js';
import { runChecks } from './run-checks.js';

export interface Diagnosed {
  config: Config;
  /** Why it is not there, if it is not: a finding says so already. */
  database: Database | { absent: string };
  files: Pick<FileStore, 'requireWritable'>;
}

/** Looks at everything that a service of this configuration stands on. Changes nothing but `batch.clock` and `batch.probe`. */
export async function diagnose({ config, database, files }: Diagnosed): Promise<Diagnosis> {
  const facts = new KafkaFacts(config.kafka);
  const db = 'absent' in database ? null : database;
  const byRows = (name: string, run: (db: Database) => ReturnType<Check['run']>): Check => ({
    name,
    run: async () => ('absent' in database ? [withoutStore(name, database.absent)] : run(database)),
  });
  const { queueUrl } = config;
  const checks: Check[] = [
    { name: 'brokers', run: () => checkBrokers(facts) },
    { name: 'exactly_once', run: () => checkCluster(facts, config.spoolKeepHours) },
    { name: 'internal_topics', run: () => checkInternalTopics(facts) },
    { name: 'permissions', run: () => checkPermissions(facts) },
    { name: 'topic_leaders', run: () => checkLeaders(facts) },
    { name: 'topic_settings', run: () => checkTopicSettings(facts, db) },
    { name: 'hanging_transactions', run: () => checkHangingTransactions(facts) },
    byRows('topics_without_job', (rows) => checkOrphanTopics(facts, rows)),
    { name: 'clock', run: () => checkBrokerClock(facts) },
    { name: 'store', run: () => checkStore(config, db) },
    ...(db === null ? [] : [{ name: 'schema', run: () => checkSchema(db) }]),
    ...(queueUrl === null ? [] : [{ name: 'queue', run: () => checkQueue(queueUrl) }]),
    { name: 'storage', run: () => checkStorage(config, files) },
    { name: 'disk', run: () => checkDisk(config) },
    ...sinkChecks(config.sinks),
  ];
  try {
    return await runChecks(checks);
  } finally {
    facts.close();
  }
}

function checkStore(config: Config, db: Database | null): ReturnType<Check['run']> {
  const { database } = config;
  return database.kind === 'postgres' ? checkPostgres(config, db) : checkSqlite(database.file);
}
