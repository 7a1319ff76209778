import { loadConfig } from '../config/index.js';
import { SINK_NAMES, type SinkName } from '../ingest/index.js';
import { createKafka, serviceTopics, TopicAdmin } from '../kafka/index.js';
import { createLog } from '../observability/index.js';
import type { SinkChecked } from './check-sink.js';
import { ALIVE_MS, type FromSink, type SinkAssignment, type SinkProgress, type ToSink } from './ipc.js';
import { carryOut } from './load.js';
import { openSink } from './open-sink.js';
import { SinkError } from './sink.js';

/**
 * The process of one sink: loads jobs into it as its parent says, and ends when the parent is gone. The parent ends it;
 * signals meant for the service's whole process group are left to the parent. With `check` behind the sink's name it says
 * whether the sink answers, and ends.
 */

const name = process.argv[2] as SinkName;
if (process.send === undefined || !SINK_NAMES.includes(name)) {
  throw new Error('the process of a sink is started by its worker, not by hand');
}
const config = loadConfig(process.env);
const log = createLog(config.logLevel).child({ component: 'sink', sink: name });
const kafka = createKafka(config.kafka);
const topics = new TopicAdmin(kafka, serviceTopics(config.kafka.topicPrefix), config.kafka.replicationFactor);
const url = config.sinks.urls.get(name);
if (url === undefined) throw new Error(`the sink ${name} is not configured`);
const sink = await openSink(name, { url, ddl: config.sinks.ddl, lineage: config.sinks.lineage });

interface Work {
  leave: AbortController;
  /** Resolves when the last report is durable. */
  stored: (() => void) | undefined;
}

const works = new Map<string, Work>();

process.on('SIGINT', () => undefined);
process.on('SIGTERM', () => undefined);
process.on('disconnect', () => process.exit(0));
process.removeAllListeners('warning');
process.on('warning', (warning) => log.warn({ err: warning }, 'process warning'));
process.on('message', (message) => take(message as ToSink));
if (process.argv[3] === 'check') {
  await check();
} else {
  setInterval(() => send({ type: 'alive' }), ALIVE_MS);
  send({ type: 'ready' });
}

async function check(): Promise<void> {
  const failure = await sink.check().then(
    () => null,
    (error: unknown) => {
      if (!(error instanceof SinkError)) throw error;
      return { code: error.code, message: error.message };
    },
  );
  process.send?.({ type: 'checked', failure } satisfies SinkChecked, () => process.exit());
}

function take(message: ToSink): void {
  switch (message.type) {
    case 'assign':
      work(message.assignment).catch((error: unknown) => crash(error, message.assignment.job.jobId));
      break;
    case 'stored':
      works.get(message.id)?.stored?.();
      break;
    case 'leave':
      works.get(message.id)?.leave.abort();
      works.get(message.id)?.stored?.();
      break;
  }
}

async function work(assignment: SinkAssignment): Promise<void> {
  const { id } = assignment;
  const own: Work = { leave: new AbortController(), stored: undefined };
  works.set(id, own);
  const report = async (progress: SinkProgress): Promise<void> => {
    const stored = new Promise<void>((resolve) => {
      own.stored = resolve;
    });
    send({ type: 'progress', id, progress });
    await stored;
  };
  const outcome = await carryOut(assignment, { sink, kafka, topics, report, signal: own.leave.signal });
  works.delete(id);
  send({ type: 'finished', id, outcome });
}

/** The next process finds out what is in the sink. */
function crash(error: unknown, jobId: string): never {
  log.fatal({ err: error, job_id: jobId }, 'a defect in a sink; its process leaves its jobs to another');
  process.exit(1);
}

function send(message: FromSink): void {
  if (process.connected) process.send?.(message, undefined, undefined, () => undefined);
}
