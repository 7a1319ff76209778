// Reads a topic of one partition as a consumer at read_committed would, but without a consumer group: nothing to join,
// nothing left behind, and it knows when it has reached the end. It uses kafkajs' own decoder and transaction filter.
import { createRequire } from 'node:module';
import { setTimeout } from 'node:timers/promises';
import { promisify } from 'node:util';
import { zstdDecompress } from 'node:zlib';

const require = createRequire(import.meta.url);
const { CompressionCodecs, CompressionTypes, Kafka, logLevel } = require('kafkajs');
const Batch = require('kafkajs/src/consumer/batch.js');
const Decoder = require('kafkajs/src/protocol/decoder.js');
const Long = require('kafkajs/src/utils/long.js');

// kafkajs knows zstd by name only.
CompressionCodecs[CompressionTypes.ZSTD] = () => ({ decompress: promisify(zstdDecompress) });

/**
 * kafkajs reads the time of each record as a number of 64 bits, at a third of the time that reading a topic takes. Up to four
 * bytes of it fit what it reads offsets with.
 */
const { readVarLong } = Decoder.prototype;
Decoder.prototype.readVarLong = function readTimestampDelta() {
  for (let at = this.offset; at < this.offset + 4; at++) {
    if (this.buffer[at] < 0x80) return Long.fromNumber(this.readVarInt());
  }
  return readVarLong.call(this);
};

const READ_UNCOMMITTED = 0;
const READ_COMMITTED = 1;
const EARLIEST = '-2';
const LATEST = '-1';
const OPEN_TRANSACTION_WAIT_MS = 10_000;
const LEADER_WAIT_MS = 10_000;
const NO_LEADER_YET = new Set(['NOT_LEADER_FOR_PARTITION', 'LEADER_NOT_AVAILABLE']);
const EMPTY_ANSWERS_ALLOWED = 20;

export async function* committedRecords(brokers, topic) {
  const cluster = openCluster(brokers);
  await cluster.connect();
  try {
    const leader = await leaderOf(cluster, topic);
    let next = await offsetOf(leader, topic, EARLIEST, READ_COMMITTED);
    const end = await committedEnd(leader, topic);
    for (let empty = 0; next < end; ) {
      const batch = await fetch(leader, topic, next);
      if (batch.isEmptyIncludingFiltered()) {
        empty += 1;
        if (empty > EMPTY_ANSWERS_ALLOWED) throw new Error(`${topic}: no progress at offset ${next} of ${end}`);
        continue;
      }
      empty = 0;
      for (const { offset, key, value, headers } of batch.messages) {
        if (BigInt(offset) < end) yield { offset: Number(offset), key, value, headers };
      }
      next = BigInt(batch.lastOffset()) + 1n;
    }
  } finally {
    await cluster.disconnect();
  }
}

export async function topicEnds(brokers, topic) {
  const cluster = openCluster(brokers);
  await cluster.connect();
  try {
    const leader = await leaderOf(cluster, topic);
    const written = await offsetOf(leader, topic, LATEST, READ_UNCOMMITTED);
    const readable = await offsetOf(leader, topic, LATEST, READ_COMMITTED);
    return { readable: Number(readable), written: Number(written) };
  } finally {
    await cluster.disconnect();
  }
}

/**
 * A producer's commit is acknowledged some time before its marker is in the topic. So what is written but not yet
 * readable gets a moment to become it; only a transaction that stays open is left out.
 */
async function committedEnd(leader, topic) {
  const written = await offsetOf(leader, topic, LATEST, READ_UNCOMMITTED);
  const deadline = Date.now() + OPEN_TRANSACTION_WAIT_MS;
  for (;;) {
    const readable = await offsetOf(leader, topic, LATEST, READ_COMMITTED);
    if (readable >= written || Date.now() > deadline) return readable;
    await setTimeout(10);
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

/** Waits for the leader of a partition whose broker has just come back. */
async function leaderOf(cluster, topic) {
  for (const deadline = Date.now() + LEADER_WAIT_MS; ; await setTimeout(100)) {
    try {
      await cluster.addMultipleTargetTopics([topic]);
      const [partition] = cluster.findTopicPartitionMetadata(topic);
      const leader = await cluster.findBroker({ nodeId: String(partition.leader) });
      await offsetOf(leader, topic, EARLIEST, READ_COMMITTED);
      return leader;
    } catch (error) {
      if (!NO_LEADER_YET.has(error.type) || Date.now() > deadline) throw error;
      await cluster.refreshMetadata();
    }
  }
}

async function offsetOf(broker, topic, timestamp, isolationLevel) {
  const topics = [{ topic, partitions: [{ partition: 0, timestamp }] }];
  const { responses } = await broker.listOffsets({ replicaId: -1, isolationLevel, topics });
  return BigInt(responses[0].partitions[0].offset);
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
