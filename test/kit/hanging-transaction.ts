import type { Job } from '../../src/jobs/domain/job.js';
import { type MarkedPartition, RecordBatch, TransactionalSession } from '../../src/kafka/index.js';
import { changeBrokerConfig, VERIFICATION } from './broker-config.js';
import { kafkaAt } from './kafka-client.js';
import { namesOfJob } from './names.js';

/** Jobs are refused on such a broker: it is one again for as long as the call takes. */
export async function withoutVerification<T>(brokers: string, call: () => Promise<T>): Promise<T> {
  await changeBrokerConfig(brokers, VERIFICATION, 'false');
  try {
    return await call();
  } finally {
    await changeBrokerConfig(brokers, VERIFICATION, 'true');
  }
}

/** What a CSV file's job delivers. */
export interface Deliverable {
  /** The accepted rows as they are in the file, in order. */
  readonly accepted: readonly string[];
  /** Numbers of the rejected rows, in order. */
  readonly rejected: ArrayLike<number>;
  /** The DLQ records of another job of the same file. */
  readonly dlq: readonly Buffer[];
}

export interface LostMarkers {
  /** What the coordinator decided about the transaction. */
  decision: 'commit' | 'abort';
  /** Where its marker never came. */
  lost: readonly MarkedPartition[];
  /** More rows follow in the same open transaction of the data topic, which no checkpoint covers. */
  beyond?: boolean;
}

/**
 * Goes on with a job whose runner is gone, from its checkpoint to its next bad row, as a runner would; then the
 * transaction's markers are lost in some places, as KAFKA-20734 loses them. To be called `withoutVerification`.
 */
export async function loseMarkers(
  brokers: string,
  job: Job,
  { accepted: all, rejected, dlq }: Deliverable,
  { decision, lost, beyond = false }: LostMarkers,
): Promise<void> {
  const kafka = kafkaAt(brokers);
  const session = await TransactionalSession.open(kafka, namesOfJob(job));
  try {
    const { checkpoint } = await session.fetchCheckpoint();
    if (checkpoint === null) throw new Error(`job ${job.job_id} has no checkpoint yet`);
    await session.inspect(checkpoint);
    const { position, ok, errors } = checkpoint;
    // To the first bad row that has a good one before it: something for each topic.
    let count = 1;
    while (rejected[errors + count - 1] === position.row + count) count++;
    const row = rejected[errors + count - 1];
    if (row === undefined) throw new Error('no bad row is left in the file');
    const accepted = all.slice(ok, ok + row - position.row - count);
    const rejections = dlq.slice(errors, errors + count).map(String);
    for (const topic of ['data', 'dlq'] as const) {
      if (!lost.includes(topic)) await session.enlist(job.topics[topic]);
    }
    const dataEnd = await session.produce(job.topics.data, batchOf(accepted));
    const records = rejections.map((each) => each.replace(/"job_id":"[^"]*"/, `"job_id":"${job.job_id}"`));
    const dlqEnd = await session.produce(job.topics.dlq, batchOf(records));
    if (decision === 'commit' || lost.includes('offsets')) {
      const bad = rejections.map((each) => (JSON.parse(each) as { raw_data: string }).raw_data);
      if (!lost.includes('offsets')) await session.enlistOffsets();
      await session.commitOffsets({
        ...checkpoint,
        position: { row, ...positionBehind(`${[...accepted, ...bad].join('\n')}\n`, position) },
        ok: ok + accepted.length,
        errors: errors + count,
        dataEnd,
        dlqEnd,
      });
    }
    if (decision === 'commit') await session.endTransaction();
    if (beyond) await session.produce(job.topics.data, batchOf(all.slice(ok + accepted.length).slice(0, 5)));
  } finally {
    session.close();
  }
}

function positionBehind(text: string, from: { line: number; byte: number }): { line: number; byte: number } {
  return { line: from.line + text.split('\n').length - 1, byte: from.byte + Buffer.byteLength(text) };
}

function batchOf(values: readonly string[]): RecordBatch {
  const batch = new RecordBatch();
  for (const value of values) {
    const bytes = Buffer.from(value);
    batch.append(bytes, 0, bytes.length);
  }
  return batch;
}
