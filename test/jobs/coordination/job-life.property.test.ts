import fc from 'fast-check';
import type { Job } from '../../../src/jobs/domain/job.js';
import { isTerminal, mayFollow } from '../../../src/jobs/domain/job-state.js';
import type { Checkpoint } from '../../../src/kafka/checkpoint.js';
import type { Outcome } from '../../../src/runner/ipc.js';
import { aCheckpoint, JobsHarness } from '../support/jobs-harness.js';

/** What may happen to a job, in any order; what makes no sense at a moment is left out by the interpreter. */
const event = fc.oneof(
  { weight: 6, arbitrary: fc.constant({ do: 'claim' } as const) },
  {
    weight: 5,
    arbitrary: fc.record({ do: fc.constant('commit' as const), ok: fc.nat(3), errors: fc.nat(2), told: fc.boolean() }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('progress' as const), bytes: fc.nat(1000) }) },
  { weight: 2, arbitrary: fc.constant({ do: 'complete' } as const) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('fail' as const),
      code: fc.constantFrom('KAFKA_REJECTED', 'KAFKA_UNAVAILABLE', 'FILE_CORRUPT', 'CHECKPOINT_LOST'),
      checkpointVerified: fc.boolean(),
    }),
  },
  { weight: 2, arbitrary: fc.constant({ do: 'reconcile' } as const) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('lose' as const), crash: fc.boolean() }) },
  { weight: 1, arbitrary: fc.constant({ do: 'stopped' } as const) },
  { weight: 2, arbitrary: fc.constant({ do: 'stale' } as const) },
  { weight: 2, arbitrary: fc.constant({ do: 'cancel' } as const) },
  { weight: 3, arbitrary: fc.constant({ do: 'resume' } as const) },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.constantFrom(1, 400, 1000, 60_000, 400_000) }),
  },
  { weight: 2, arbitrary: fc.constant({ do: 'restart' } as const) },
  { weight: 1, arbitrary: fc.constant({ do: 'look' } as const) },
  { weight: 1, arbitrary: fc.constant({ do: 'kafka-away' } as const) },
  { weight: 1, arbitrary: fc.constant({ do: 'kafka-back' } as const) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('zombie' as const), rows: fc.nat(50) }) },
) satisfies fc.Arbitrary<{ do: string }>;

type Event = typeof event extends fc.Arbitrary<infer E> ? E : never;

/** One job, and what Kafka really holds of it. */
class Story {
  committed: Checkpoint | null = null;
  highestLease = 0;
  waits: Promise<unknown>[] = [];

  constructor(
    readonly harness: JobsHarness,
    readonly jobId: string,
  ) {}

  async tell(step: Event): Promise<void> {
    const { harness, jobId } = this;
    const assignment = harness.runners.assignments.get(jobId);
    switch (step.do) {
      case 'claim':
        if (assignment === undefined) await this.claim();
        break;
      case 'commit':
        if (assignment?.intent === 'run') this.commit(step.ok, step.errors, false, step.told);
        break;
      case 'progress':
        if (assignment) harness.coordinator.progress(jobId, assignment.lease, step.bytes);
        break;
      case 'complete':
        if (assignment) this.complete();
        break;
      case 'fail':
        if (assignment)
          this.report({
            kind: 'failed',
            error: { code: step.code, detail: 'x' },
            checkpointVerified: step.checkpointVerified,
            checkpoint: step.code === 'CHECKPOINT_LOST' ? null : this.committed,
          });
        break;
      case 'reconcile':
        if (assignment && (assignment.intent === 'reconcile' || harness.runners.cancelled.includes(jobId)))
          this.reconcile();
        break;
      case 'lose':
        if (assignment) harness.runners.lose(jobId, step.crash);
        break;
      case 'stopped':
        if (assignment) this.report({ kind: 'stopped' });
        break;
      case 'stale':
        if (assignment) this.report({ kind: 'stale', detail: 'x', staleMs: assignment.staleMs + 10_000 });
        break;
      case 'cancel':
        this.waits.push(harness.commands.cancel(jobId).catch(conflict));
        break;
      case 'resume':
        await harness.commands.resume(jobId).catch(conflict);
        break;
      case 'wait':
        harness.clock.advance(step.ms);
        break;
      case 'look':
        harness.coordinator.noticeCancels();
        break;
      case 'restart':
        this.waits = []; // nobody waits any more for an answer of the old process
        harness.start();
        await harness.maintenance.rescueInterrupted();
        break;
      case 'kafka-away':
        harness.coordinator.brokerAway();
        break;
      case 'kafka-back':
        await harness.coordinator.brokerAnswers();
        break;
      case 'zombie':
        harness.coordinator.committed(jobId, this.highestLease - 1, aCheckpoint(1000 + step.rows));
        harness.coordinator.finished(jobId, this.highestLease - 1, {
          kind: 'completed',
          checkpoint: aCheckpoint(1000, 0, true),
        });
        break;
    }
    await harness.quiet();
  }

  async claim(): Promise<void> {
    const assignment = await this.harness.runners.next();
    if (assignment === null) return;
    expect(assignment.lease).toBeGreaterThan(this.highestLease);
    expect((await this.harness.record(this.jobId)).lease).toBe(assignment.lease);
    this.highestLease = assignment.lease;
  }

  commit(ok: number, errors: number, eof: boolean, told: boolean): void {
    if (this.committed?.eof) return;
    this.committed = aCheckpoint((this.committed?.ok ?? 0) + ok, (this.committed?.errors ?? 0) + errors, eof);
    if (told) this.harness.coordinator.committed(this.jobId, this.highestLease, this.committed);
  }

  complete(): void {
    if (this.harness.runners.assignments.get(this.jobId)?.intent === 'reconcile') this.reconcile();
    else {
      this.commit(1, 0, true, true);
      this.report({ kind: 'completed', checkpoint: this.committed! });
    }
  }

  reconcile(): void {
    const { committed } = this;
    this.report(
      committed?.eof ? { kind: 'completed', checkpoint: committed } : { kind: 'reconciled', checkpoint: committed },
    );
  }

  /** The job is worked on without mishap until it has ended and is reconciled. */
  async bringToItsEnd(): Promise<void> {
    await this.tell({ do: 'kafka-back' });
    for (let i = 0; i < 10 && !isTerminal((await this.harness.record(this.jobId)).state); i++) {
      await this.tell({ do: 'wait', ms: 60_000 });
      await this.tell({ do: 'claim' });
      await this.tell({ do: 'complete' });
    }
    await Promise.all(this.waits);
    for (let i = 0; i < 2; i++) {
      await this.tell({ do: 'wait', ms: 400_000 });
      await this.tell({ do: 'claim' });
      await this.tell({ do: 'complete' });
    }
  }

  private report(outcome: Outcome): void {
    this.harness.runners.finish(this.jobId, outcome);
  }
}

function conflict(error: { code?: string }): void {
  expect(['JOB_STATE_CONFLICT', 'SPOOL_EXPIRED']).toContain(error.code);
}

function checkEvents(events: readonly Job[]): void {
  for (const [at, job] of events.entries()) {
    const before = events[at - 1];
    const { totals, state } = job;
    expect(totals.rows).toBe(totals.ok + totals.errors);
    expect(job.finished_at !== null).toBe(isTerminal(state));
    expect(job.error !== null).toBe(state === 'FAILED');
    if (!isTerminal(state)) expect(job.end_offsets).toBeNull();
    if (before === undefined) {
      expect(job).toMatchObject({ state: 'PENDING', revision: 1, attempt: 1 });
      continue;
    }
    expect(job.revision).toBe(before.revision + 1);
    expect(state === before.state || mayFollow(before.state, state)).toBe(true);
    if (before.state === 'CANCELLING' && state === 'FAILED') expect(job.error?.code).toBe('CHECKPOINT_LOST');
    expect(totals.ok).toBeGreaterThanOrEqual(before.totals.ok);
    expect(totals.errors).toBeGreaterThanOrEqual(before.totals.errors);
    expect(job.attempt - before.attempt).toBe(isTerminal(before.state) && state === 'PENDING' ? 1 : 0);
    expect(job.timings.waiting_ms).toBeGreaterThanOrEqual(before.timings.waiting_ms);
    expect(job.timings.processing_ms).toBeGreaterThanOrEqual(before.timings.processing_ms);
  }
}

describe('whatever happens to a job', () => {
  let harness: JobsHarness;
  beforeAll(async () => {
    harness = await JobsHarness.open();
  });
  afterAll(() => harness.close());

  it('it follows the state table, counts what is committed and comes to one end', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(event, { maxLength: 40 }), async (events) => {
        const jobId = await harness.accept();
        const story = new Story(harness, jobId);
        for (const step of events) await story.tell(step);
        await story.bringToItsEnd();

        const published = harness.events.filter((job) => job.job_id === jobId);
        checkEvents(published);
        const job = await harness.job(jobId);
        const last = published.at(-1)!;
        expect(last).toEqual(job);
        expect(isTerminal(job.state)).toBe(true);
        expect(job.end_offsets === null).toBe(job.error?.code === 'CHECKPOINT_LOST');
        if (job.end_offsets !== null) {
          const { ok = 0, errors = 0, dataEnd: data = 0, dlqEnd: dlq = 0 } = story.committed ?? {};
          expect(job).toMatchObject({ totals: { ok, errors }, end_offsets: { data, dlq } });
        }
        if (job.state === 'SUCCESS' || job.state === 'PARTIAL_SUCCESS') expect(story.committed?.eof).toBe(true);
        const { spooled } = await harness.record(jobId);
        expect((await harness.files()).includes(jobId)).toBe(spooled);
      }),
      { numRuns: 150 },
    );
  });
});
