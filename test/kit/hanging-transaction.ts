import type { Job } from '../../src/jobs/job.js';
import { createKafka, type JobTopics, RecordBatch, TransactionalSession } from '../../src/kafka/index.js';
import type { Orders } from './orders.js';

/** Lets a producer write without telling the coordinator, as if the coordinator had forgotten the transaction. */
export const WITHOUT_VERIFICATION = 'transaction.partition.verification.enable=false\n';

export interface LostMarkers {
  /** What the coordinator decided about the transaction. */
  decision: 'commit' | 'abort';
  /** The topics that its marker never reached. */
  lost: readonly (keyof JobTopics)[];
  /** More rows follow in the same open transaction of the data topic, which no checkpoint covers. */
  beyond?: boolean;
}

/**
 * Goes on with a job whose runner is gone, from its checkpoint to its next bad row, as a runner would; then the
 * transaction's markers are lost in some topics, as KAFKA-20734 loses them. `reference`: the DLQ records of a job of the
 * same file. The broker must run WITHOUT_VERIFICATION.
 */
export async function loseMarkers(
  brokers: string,
  job: Job,
  orders: Orders,
  reference: readonly Buffer[],
  { decision, lost, beyond = false }: LostMarkers,
): Promise<void> {
  const kafka = createKafka({
    brokers: [brokers],
    clientId: 'test',
    replicationFactor: 1,
    unavailableAfterMs: 60_000,
    tls: null,
    sasl: null,
  });
  const session = await TransactionalSession.open(kafka, job.job_id, job.topics);
  try {
    const checkpoint = await session.fetchCheckpoint();
    if (checkpoint === null) throw new Error(`job ${job.job_id} has no checkpoint yet`);
    await session.inspect(checkpoint);
    const { position, ok, errors } = checkpoint;
    const bad = orders.rejected[errors];
    if (bad === undefined) throw new Error('no bad row is left in the file');
    const accepted = orders.accepted.slice(ok, ok + bad - 1 - position.row);
    const rejected = reference[errors]?.toString().replace(/"job_id":"[^"]*"/, `"job_id":"${job.job_id}"`) ?? '';
    for (const topic of ['data', 'dlq'] as const) {
      if (!lost.includes(topic)) await session.enlist(job.topics[topic]);
    }
    const dataEnd = await session.produce(job.topics.data, batchOf(accepted));
    const dlqEnd = await session.produce(job.topics.dlq, batchOf([rejected]));
    if (decision === 'commit') {
      const text = orders.csv.toString();
      const lines = text.slice(position.byte).split('\n');
      const bytes = positionBehind(lines, accepted, position);
      await session.commitOffsets({
        ...checkpoint,
        position: { row: bad, ...bytes },
        ok: ok + accepted.length,
        errors: errors + 1,
        dataEnd,
        dlqEnd,
      });
      await session.endTransaction();
    }
    if (beyond)
      await session.produce(job.topics.data, batchOf(orders.accepted.slice(ok + accepted.length).slice(0, 5)));
  } finally {
    session.close();
  }
}

/** Behind the accepted rows and the one bad row that follows them, which is one line. */
function positionBehind(
  lines: readonly string[],
  accepted: readonly string[],
  from: { line: number; byte: number },
): { line: number; byte: number } {
  const count = accepted.reduce((sum, row) => sum + row.split('\n').length, 0) + 1;
  const bytes = lines.slice(0, count).reduce((sum, line) => sum + Buffer.byteLength(line) + 1, 0);
  return { line: from.line + count, byte: from.byte + bytes };
}

function batchOf(values: readonly string[]): RecordBatch {
  const batch = new RecordBatch();
  for (const value of values) {
    const bytes = Buffer.from(value);
    batch.append(bytes, 0, bytes.length);
  }
  return batch;
}
