// Reads a topic of one partition as a consumer at read_committed would, but without a consumer group: nothing to join,
// nothing left behind, and it knows when it has reached the end. It uses kafkajs' own decoder and transaction filter.
import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);
const { Kafka, logLevel } = require('kafkajs');
const Batch = require('kafkajs/src/consumer/batch.js');

const READ_COMMITTED = 1;
const EMPTY_ANSWERS_ALLOWED = 20;

export async function* committedRecords(brokers, topic) {
  const cluster = openCluster(brokers);
  await cluster.connect();
  try {
    await cluster.addMultipleTargetTopics([topic]);
    const [partition] = cluster.findTopicPartitionMetadata(topic);
    const leader = await cluster.findBroker({ nodeId: String(partition.leader) });
    let next = await edge(cluster, topic, true);
    const end = await edge(cluster, topic, false);
    for (let empty = 0; next < end; ) {
      const batch = await fetch(leader, topic, next);
      if (batch.isEmptyIncludingFiltered()) {
        empty += 1;
        if (empty > EMPTY_ANSWERS_ALLOWED) throw new Error(`${topic}: no progress at offset ${next} of ${end}`);
        continue;
      }
      empty = 0;
      for (const { offset, key, value } of batch.messages) {
        if (BigInt(offset) < end) yield { offset: Number(offset), key, value };
      }
      next = BigInt(batch.lastOffset()) + 1n;
    }
  } finally {
    await cluster.disconnect();
  }
}

function openCluster(brokers) {
  const kafka = new Kafka({
    brokers: brokers.split(','),
    clientId: 'batch-read-topic',
    logLevel: logLevel.NOTHING,
    retry: { retries: 3, initialRetryTime: 50 },
  });
  const symbol = Object.getOwnPropertySymbols(kafka).find((s) => s.description === 'private:Kafka:createCluster');
  return kafka[symbol]({ allowAutoTopicCreation: false, isolationLevel: READ_COMMITTED, metadataMaxAge: 300_000 });
}

/** The first offset of the topic, or the one after the last that a read_committed consumer may read. */
async function edge(cluster, topic, fromBeginning) {
  const [{ partitions }] = await cluster.fetchTopicsOffset([{ topic, fromBeginning, partitions: [{ partition: 0 }] }]);
  return BigInt(partitions[0].offset);
}

async function fetch(broker, topic, offset) {
  const fetchOffset = String(offset);
  const { responses } = await broker.fetch({
    isolationLevel: READ_COMMITTED,
    maxWaitTime: 500,
    minBytes: 1,
    maxBytes: 8 * 1024 * 1024,
    topics: [{ topic, partitions: [{ partition: 0, fetchOffset, maxBytes: 8 * 1024 * 1024 }] }],
  });
  return new Batch(topic, fetchOffset, responses[0].partitions[0]);
}
