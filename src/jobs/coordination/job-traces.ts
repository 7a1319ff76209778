import type { Span, TraceContext, Tracing } from '../../observability/tracing/index.js';
import type { Outcome } from '../../runner/index.js';
import type { StoredJob } from '../domain/stored-job.js';
import type { CommitDelta } from './job-metrics.js';

/** Names of attributes that OpenTelemetry's conventions (1.45) have not are ours: `batch.…`. */
const KAFKA = { 'messaging.system': 'kafka', 'messaging.operation.name': 'send', 'messaging.operation.type': 'send' };

/** A run of a job: the span of what a runner does, from its assignment on. */
export interface RunTrace {
  /** It has committed this a moment ago; `seconds`: since the first record of the transaction, null: not known. */
  committed(delta: CommitDelta, seconds: number | null): void;
  /** A transaction was given up. */
  aborted(seconds: number): void;
  ended(outcome: Outcome['kind'] | 'lost', code?: string): void;
}

/** Spans of jobs: one that creates the job, one for each run, one for each transaction. Never one for each row. */
export class JobTraces {
  constructor(private readonly tracing: Tracing) {}

  /** A job is being created; its context is what the job's row keeps. */
  creating(job: Pick<StoredJob, 'modelId' | 'filename' | 'sizeBytes' | 'format'>, parent: TraceContext | null): Span {
    return this.tracing.start('create job', {
      kind: 'producer',
      parent,
      attributes: {
        'batch.model.id': job.modelId,
        'batch.job.format': job.format,
        'file.name': job.filename,
        'file.size': job.sizeBytes,
      },
    });
  }

  run(job: Pick<StoredJob, 'jobId' | 'modelId' | 'topicPrefix' | 'attempt' | 'traceContext'>, lease: number): RunTrace {
    const { tracing } = this;
    const run = tracing.start('process file', {
      kind: 'consumer',
      parent: job.traceContext,
      attributes: {
        'batch.job.id': job.jobId,
        'batch.model.id': job.modelId,
        'batch.job.attempt': job.attempt,
        'batch.job.lease': lease,
      },
    });
    // Each job has topics: the name has no bound, the template has one value.
    const template = `${job.topicPrefix}_{job_id}`;
    const transaction = (seconds: number): Span =>
      tracing.start(`send ${template}`, {
        kind: 'producer',
        parent: run.context,
        attributes: { ...KAFKA, 'messaging.destination.template': template, 'batch.job.id': job.jobId },
        startedAt: Date.now() - seconds * 1000,
      });
    return {
      committed({ ok, errors, bytes }, seconds) {
        if (run.context === null || seconds === null) return;
        const span = transaction(seconds);
        span.set({
          'messaging.batch.message_count': ok + errors,
          'batch.rows.accepted': ok,
          'batch.rows.rejected': errors,
          'batch.file.bytes': bytes,
        });
        span.end();
      },
      aborted(seconds) {
        if (run.context !== null) transaction(seconds).end('aborted');
      },
      ended(outcome, code) {
        run.set({ 'batch.run.outcome': outcome });
        run.end(code);
      },
    };
  }
}
