import { closeSync, openSync, readSync, statSync } from 'node:fs';
import type * as Config from '../../src/config/index.js';
import type * as Broken from '../../src/delivery/broken-records.js';
import type * as Protocol from '../../src/delivery/protocol.js';
import type * as Pool from '../../src/delivery/record-batch-pool.js';
import type * as Writer from '../../src/delivery/record-batch-writer.js';
import type * as Window from '../../src/delivery/send-window.js';
import type * as KafkaModule from '../../src/kafka/index.js';
import type * as RecordBatches from '../../src/kafka/record-batch.js';
import { built } from '../built.js';
import { createTopic } from '../topics.js';

/**
 * Sends batches that are ready through the writer that jobs use, in fenced transactions with checkpoints, cut as a
 * job's are: a job without its parsing. Prints bytes of CSV, seconds and CPU-seconds.
 *
 *     replay-batches.ts BROKERS FILE
 */

const { createKafka, jobNames, TransactionalSession, RecordBatch } = await built<typeof KafkaModule>('kafka/index.js');
const { MAX_BATCH_BYTES } = await built<typeof RecordBatches>('kafka/record-batch.js');
const { BrokenRecords } = await built<typeof Broken>('delivery/broken-records.js');
const { RecordBatchPool } = await built<typeof Pool>('delivery/record-batch-pool.js');
const { RecordBatchWriter } = await built<typeof Writer>('delivery/record-batch-writer.js');
const { DEFAULT_LIMITS } = await built<typeof Protocol>('delivery/protocol.js');
const { SendWindow } = await built<typeof Window>('delivery/send-window.js');
const { loadConfig } = await built<typeof Config>('config/index.js');

const BATCHES = 18;
const QUOTE = 0x22;
const LINE_FEED = 0x0a;

/** What lies ready in a buffer. */
interface Filled {
  size: number;
  count: number;
  /** Bytes of CSV: the values and a line end for each. */
  csvBytes: number;
}

const [brokers = '', path = ''] = process.argv.slice(2);
const { buffers, fills } = fillBatches(path);
const kafka = createKafka(loadConfig({ KAFKA_BROKERS: brokers }).kafka);
const [first, timed] = ['warmup', 'replay'];
for (const id of [first, timed]) {
  const { data, dlq } = names(id);
  for (const topic of [data, dlq]) await createTopic(brokers, topic);
}
// A first, short one compiles what the second runs: a job's runner is warm too.
await replay(first, 16 * MAX_BATCH_BYTES);
const cpu = process.cpuUsage();
const started = performance.now();
const bytes = await replay(timed, statSync(path).size);
const seconds = (performance.now() - started) / 1000;
const { user, system } = process.cpuUsage(cpu);
process.stdout.write(`${JSON.stringify({ bytes, seconds, cpuSeconds: (user + system) / 1e6 })}\n`);

function names(jobId: string): KafkaModule.JobNames {
  return jobNames({ topicPrefix: 'batch', jobId });
}

/** Sends at least `csvBytes` bytes of CSV; returns how many. */
async function replay(jobId: string, csvBytes: number): Promise<number> {
  const session = await TransactionalSession.open(kafka, names(jobId));
  await session.inspect((await session.fetchCheckpoint()).checkpoint);
  const writer = new RecordBatchWriter(
    session,
    jobId,
    null,
    { size: csvBytes },
    { sent: () => undefined, rejected: () => undefined },
    new RecordBatchPool(buffers),
    'none',
    new SendWindow(),
    new BrokenRecords({}, false),
  );
  let sent = 0;
  for (let cutMs = DEFAULT_LIMITS.firstTransactionMs; sent < csvBytes; cutMs *= 2) {
    sent += await replayTransaction(session, writer, Math.min(cutMs, DEFAULT_LIMITS.transactionMs), csvBytes - sent);
  }
  session.close();
  return sent;
}

/** Sends until the transaction is cut, and commits; returns the bytes of CSV that are in it. */
async function replayTransaction(
  session: KafkaModule.TransactionalSession,
  writer: Writer.RecordBatchWriter,
  cutMs: number,
  csvBytes: number,
): Promise<number> {
  const cutAt = performance.now() + cutMs;
  let [csv, sent] = [0, 0];
  while (csv < csvBytes && sent < DEFAULT_LIMITS.transactionBytes && performance.now() < cutAt) {
    await writer.room();
    const batch = writer.batches.open();
    const filled = batch === null ? undefined : fills.get(batch.buffer);
    if (batch === null || filled === undefined) throw new Error('the writer has room, but no batch that is filled');
    batch.extend(filled.size, filled.count);
    writer.batches.close();
    csv += filled.csvBytes;
    sent += filled.size;
  }
  const drained = await writer.drain({ position: { row: 0, line: 0, byte: 0 }, bytesDone: 0 });
  // Nothing is read here: the rows are those that were sent.
  const checkpoint = { ...drained, position: { ...drained.position, row: drained.ok } };
  await session.enlistOffsets();
  await session.commitOffsets(checkpoint);
  await session.endTransaction();
  writer.sendOn();
  if (csv >= csvBytes) await session.readable(checkpoint);
  return csv;
}

/** As many batches as a job has, full of the file's first rows. */
function fillBatches(from: string): { buffers: Buffer[]; fills: Map<Buffer, Filled> } {
  const csv = Buffer.alloc((BATCHES + 1) * MAX_BATCH_BYTES);
  const file = openSync(from, 'r');
  const length = readSync(file, csv);
  closeSync(file);
  const rows = rowsOf(csv.subarray(0, length));
  const fills = new Map<Buffer, Filled>();
  let at = 0;
  for (let i = 0; i < BATCHES; i++) {
    const batch = new RecordBatch();
    for (; ; at++) {
      // A small file has fewer rows than fit: begin again.
      const [start, end] = rows[at % rows.length] ?? [0, 0];
      if (!batch.append(csv, start, end)) break;
      const { csvBytes = 0 } = fills.get(batch.buffer) ?? {};
      fills.set(batch.buffer, { size: batch.size, count: batch.count, csvBytes: csvBytes + end - start + 1 });
    }
  }
  return { buffers: [...fills.keys()], fills };
}

/** Where the whole rows start and end, the header not among them. */
function rowsOf(csv: Buffer): [start: number, end: number][] {
  const rows: [number, number][] = [];
  let isQuoted = false;
  let start = csv.indexOf(LINE_FEED) + 1;
  for (let at = start; at < csv.length; at++) {
    if (csv[at] === QUOTE) isQuoted = !isQuoted;
    if (csv[at] !== LINE_FEED || isQuoted) continue;
    rows.push([start, at]);
    start = at + 1;
  }
  return rows;
}
