import type { Kafka } from 'kafkajs';
import { type Checkpoint, failureDetail, JobRecords, kafkaProblem, type TopicAdmin } from '../kafka/index.js';
import { dataBlocks, RowNumbers, rejectedBlocks } from './blocks.js';
import type { SinkAssignment, SinkOutcome, SinkProgress } from './ipc.js';
import { createRowDecoder } from './row-decoder.js';
import { type Sink, SinkError, SinkOvertaken, type SinkSession } from './sink.js';
import { writeBlocks } from './write-blocks.js';

export interface LoadOptions {
  sink: Sink;
  kafka: Kafka;
  topics: Pick<TopicAdmin, 'isGone'>;
  /** Resolves when what is reported is durable and the job is still ours; `signal` is aborted if it is not. */
  report: (progress: SinkProgress) => Promise<void>;
  /** Aborted: leave the job. What is being written is written to its end. */
  signal: AbortSignal;
}

/** Rejected rows in one report: they may be 64 KiB each. */
const REJECTS_AT_ONCE = 100;
/** Markers of a commit are in both topics a moment after each other. */
const READABLE_WITHIN_MS = 30_000;

/** The topics no longer hold what is missing in the sink. */
class Expired extends Error {}

/** Works on one job for a sink until there is nothing more to do, or something stands in the way. Never rejects for these. */
export async function carryOut(assignment: SinkAssignment, options: LoadOptions): Promise<SinkOutcome> {
  try {
    if (assignment.intent === 'load') return await load(assignment, options);
    await options.sink.remove(assignment.job);
    return { kind: 'removed' };
  } catch (error) {
    if (error instanceof SinkOvertaken) return { kind: 'overtaken', detail: error.message };
    if (error instanceof SinkError) {
      return { kind: 'failed', code: error.code, detail: error.message, isDown: error.isDown };
    }
    if (error instanceof Expired) return { kind: 'expired', detail: error.message };
    if (options.signal.aborted) return { kind: 'left' };
    if (kafkaProblem(error, '') === null) throw error; // a defect
    return { kind: 'kafka', detail: failureDetail(error) };
  }
}

async function load(assignment: SinkAssignment, options: LoadOptions): Promise<SinkOutcome> {
  const { job, names, isWhole, summary } = assignment;
  const records = await JobRecords.open(options.kafka, names);
  if (records === null) {
    // A broker that has just started knows no topics yet.
    const gone = await Promise.all([names.data, names.dlq].map((topic) => options.topics.isGone(topic)));
    if (!gone.includes(true)) return { kind: 'kafka', detail: 'a broker does not know the topics of the job yet' };
    throw new Expired('the topics of the job are gone');
  }
  let session: SinkSession | undefined;
  try {
    const checkpoint = assignment.checkpoint ?? (await records.checkpoint());
    session = await options.sink.open(job);
    if (checkpoint !== null) {
      const isReadable = await records.readableTo(
        { data: checkpoint.dataEnd, dlq: checkpoint.dlqEnd },
        READABLE_WITHIN_MS,
      );
      if (!isReadable) return { kind: 'kafka', detail: 'the topics do not hold all that is committed yet' };
      await requireRecords(records, session, checkpoint);
      const isDone = await loadTo(checkpoint, records, session, assignment, options);
      if (!isDone) return { kind: 'left' };
    }
    if (!isWhole) return { kind: 'waiting' };
    await session.writeSummary(summary);
    return { kind: 'loaded' };
  } finally {
    records.close();
    await session?.close();
  }
}

/** What is not in the sink must be in the topics. */
async function requireRecords(records: JobRecords, { position }: SinkSession, checkpoint: Checkpoint): Promise<void> {
  const ends = { data: checkpoint.dataEnd, dlq: checkpoint.dlqEnd };
  for (const which of ['data', 'dlq'] as const) {
    const { start } = await records.bounds(which);
    const isMissing = position[which].next < ends[which] && start > position[which].next;
    // The numbers of all rejected rows are needed for those of the accepted ones.
    const isNumbered = which === 'data' || start === 0 || position.data.next >= ends.data;
    if (isMissing || !isNumbered) {
      throw new Expired(
        `the topic ${which === 'data' ? 'of the rows' : 'of the rejected rows'} begins at ${start} by now`,
      );
    }
  }
}

/** false: it was told to leave. */
async function loadTo(
  checkpoint: Checkpoint,
  records: JobRecords,
  session: SinkSession,
  { job, format, isWhole, lastReject }: SinkAssignment,
  { sink, report, signal }: LoadOptions,
): Promise<boolean> {
  const { data, dlq } = session.position;
  let { rows, rejected } = data;
  const isOverdrawn = (): boolean => rejected > job.maxErrors;
  const refuse = (): never => {
    const message = `${rejected} rows were rejected, more than max_sink_errors (${job.maxErrors})`;
    throw new SinkError('SINK_TOO_MANY_ERRORS', message);
  };
  await report({ table: session.table, rows, rejected, rejects: [] });
  for (let after = lastReject, isMore = rejected > 0; isMore; ) {
    const rejects = await session.readRejects(after, REJECTS_AT_ONCE);
    isMore = rejects.length === REJECTS_AT_ONCE;
    after = rejects.at(-1)?.offset ?? after;
    if (rejects.length > 0) await report({ table: session.table, rows, rejected, rejects });
  }

  const rejectedValues = records.values('dlq', dlq.next, checkpoint.dlqEnd);
  for await (const block of rejectedBlocks(rejectedValues, { from: dlq.next, isWhole })) {
    if (signal.aborted) return false;
    await session.writeRejected(block);
    await report({ table: session.table, rows, rejected, rejects: [] });
  }
  if (isOverdrawn()) refuse();
  if (data.next >= checkpoint.dataEnd) return true;

  const numbers = new RowNumbers(data.lastRow, records.values('dlq', 0, checkpoint.dlqEnd));
  const values = records.values('data', data.next, checkpoint.dataEnd);
  const blocks = dataBlocks(values, { from: data.next, isWhole }, numbers, createRowDecoder(format), sink.limits);
  try {
    for await (const result of writeBlocks(blocks, session, signal)) {
      rows += result.rows;
      rejected += result.rejects.length;
      await report({ table: session.table, rows, rejected, rejects: result.rejects });
      if (isOverdrawn()) refuse();
    }
    return !signal.aborted;
  } finally {
    await numbers.close();
  }
}
