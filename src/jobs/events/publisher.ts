import type { Logger } from 'pino';
import { failureDetail, isTooLarge } from '../../kafka/index.js';
import type { Metrics } from '../../observability/metrics/index.js';
import { inTime } from '../coordination/in-time.js';
import type { JobEventListener } from '../coordination/job-writer.js';
import type { ConfirmedLeader } from '../coordination/leadership.js';
import type { Clock } from '../domain/clock.js';
import { toJob } from '../domain/job-view.js';
import type { StoredJob } from '../domain/stored-job.js';
import type { JobStore } from '../store/job-store.js';
import { cutBatches, type JobEvent, MAX_BATCH_BYTES, reduced, toJobEvent } from './job-event.js';
import type { JobEventProducer } from './producer.js';
import { JobEventQueue } from './queue.js';

export interface JobEventPublisherOptions {
  store: Pick<JobStore, 'unpublished' | 'bumpRevision' | 'markPublished'>;
  topic: string;
  /** Creates the topic if it is missing, and rejects unless it is ours; called before each connection. */
  ensureTopic: () => Promise<void>;
  connect: () => Promise<JobEventProducer>;
  /** Only the leader publishes. */
  leader: ConfirmedLeader;
  /** Other processes change jobs, too: what they write is looked for every second. */
  othersWrite: boolean;
  clock: Clock;
  log: Logger;
  metrics: Metrics;
}

/** A job event has about 2 kB; one with a wide header up to a thousand. */
const QUEUE_LIMITS = { limit: 1000, maxBytes: 16_000_000 };
const BATCH = 100;
const FIRST_BACKOFF_MS = 250;
const MAX_BACKOFF_MS = 10_000;
/** A connection that is older is not used any more: the next one finds out whether the prefix is still ours. */
const CONNECTION_MS = 600_000;
/** A broker that neither answers nor refuses within this time counts as an error. */
const PUBLISH_TIMEOUT_MS = 20_000;
/** What was acknowledged is written to the store this often: forgetting it costs a repeated event. */
const MARK_EVERY_MS = 1000;
const LOOK_EVERY_MS = 1000;
const REMEMBERED_JOBS = 10_000;
/** A failure of this length is shown in /readyz. */
const STUCK_AFTER_MS = 30_000;
/** What was sent over a connection that broke may still land; a tombstone waits for this time after it. */
const TOMBSTONE_AFTER_FAILURE_MS = 30_000;

/**
 * Writes the jobs' events to the topic of the jobs (`<prefix>.jobs`), strictly in the order of revisions for each
 * job. After an error it is not known what arrived: over a new connection go what is queued, and every unpublished job
 * as it is by now, under a revision that was never sent.
 */
export class JobEventPublisher implements JobEventListener {
  readonly #queue = new JobEventQueue(QUEUE_LIMITS);
  /** The last revision sent, by job. */
  readonly #sent = new Map<string, number>();
  #acknowledged = new Map<string, number>();
  #marked: Promise<void> = Promise.resolve();
  #connection: JobEventProducer | undefined;
  /** By the monotonic clock. */
  #connectedAt = 0;
  /** The store may hold revisions that are neither published nor queued. */
  #isBehind = true;
  #failures = 0;
  /** By the monotonic clock; null: the last attempt went well. */
  #failingSince: number | null = null;
  /** Why the last attempt failed. */
  #reason = '';
  /** Size limit of a batch of more than one event; halved when the topic refuses one for its size. */
  #maxBytes = MAX_BATCH_BYTES;
  /** Jobs whose last event the topic refused for its size, even reduced. */
  readonly #refused = new Set<string>();
  #lastFailure = Number.NEGATIVE_INFINITY;
  readonly #tombstones: { jobId: string; resolve: () => void; reject: (error: unknown) => void }[] = [];
  #running: Promise<void> | undefined;
  #wake: (() => void) | undefined;
  /** The epoch of the leader in which the queue was filled; null: it never was. */
  #epoch: number | null = null;
  #cancelLook: (() => void) | undefined;
  #cancelMark: (() => void) | undefined;
  #stopping = false;
  /** The time that `stop` gives has passed. */
  #isOver = false;

  constructor(private readonly options: JobEventPublisherOptions) {}

  /** Publishes what a former process left unpublished, and from then on what comes. */
  start(): void {
    this.#run();
    if (this.options.othersWrite) this.#lookLater();
  }

  publish(record: StoredJob): void {
    // Whoever leads then finds it unpublished.
    if (this.#stopping || this.options.leader.epoch === null) return;
    // An earlier leader may have published what others wrote behind this: it is sent as it is once no other can.
    if (this.options.othersWrite) this.#isBehind = true;
    else this.#enqueue(record);
    this.#run();
  }

  /**
   * Resolves when a tombstone of this removed job is acknowledged: no event of it lands behind.
   * Rejects if that is not known, or the topic failed within the last 30 s; call it again then.
   */
  async publishTombstone(jobId: string): Promise<void> {
    if (this.#stopping) throw new Error(`the publisher of ${this.options.topic} is being stopped`);
    if (this.options.leader.epoch === null) throw new Error('another process publishes job events');
    this.#remember(jobId, Number.POSITIVE_INFINITY); // whatever is queued, or comes yet, is not sent
    if (this.options.clock.monotonic() < this.#lastFailure + TOMBSTONE_AFTER_FAILURE_MS) {
      throw new Error(`${this.options.topic} could not be written a moment ago`);
    }
    await new Promise<void>((resolve, reject) => {
      this.#tombstones.push({ jobId, resolve, reject });
      this.#run();
    });
  }

  /** For /readyz: what is wrong with the topic; null: nothing is. */
  trouble(): string | null {
    const failing = this.#failingSince === null ? 0 : this.options.clock.monotonic() - this.#failingSince;
    if (failing >= STUCK_AFTER_MS) {
      return `${this.options.topic} could not be written for ${Math.floor(failing / 1000)} s; jobs go on. ${this.#reason}`;
    }
    const [jobId] = this.#refused;
    if (jobId === undefined) return null;
    return `${this.options.topic} refuses events of ${this.#refused.size} jobs for their size, such as ${jobId}: raise its max.message.bytes`;
  }

  /** Sends what is queued, for at most `ms`, and ends. What stays unsent goes out at the next start. */
  async stop(ms: number): Promise<void> {
    this.#stopping = true;
    this.#cancelLook?.();
    if (this.#failures > 0) this.#wake?.();
    await this.#within(ms, this.#running ?? Promise.resolve());
    this.#isOver = true;
    this.#rejectTombstones(new Error(`the publisher of ${this.options.topic} was stopped`));
    this.#cancelMark?.();
    await this.#mark();
    await this.#within(ms, this.#disconnect());
  }

  #lookLater(): void {
    this.#cancelLook = this.options.clock.schedule(LOOK_EVERY_MS, () => {
      this.#isBehind = true;
      if (this.options.leader.epoch !== null) this.#run();
      this.#lookLater();
    });
  }

  #run(): void {
    this.#running ??= this.#work().finally(() => {
      this.#running = undefined;
      // Something may have come between the last look and the end.
      if (!this.#stopping && this.#hasWork) this.#run();
    });
  }

  get #hasWork(): boolean {
    const isThere = this.#isBehind || this.#queue.size > 0 || this.#tombstones.length > 0;
    return isThere && this.options.leader.epoch !== null;
  }

  async #work(): Promise<void> {
    while (this.#hasWork && !this.#isOver) {
      try {
        await this.#sendNext();
        if (this.#failures > 0) this.options.log.info(`${this.options.topic} is written again`);
        this.#failures = 0;
        this.#failingSince = null;
      } catch (error) {
        if (this.#failures++ === 0)
          this.options.log.warn({ err: error }, `${this.options.topic} cannot be written; trying again`);
        this.#failingSince ??= this.options.clock.monotonic();
        this.#reason = failureDetail(error);
        this.#isBehind = true;
        this.#lastFailure = this.options.clock.monotonic();
        this.#rejectTombstones(error);
        await this.#disconnect();
        if (this.#stopping) return;
        await this.#pause(Math.min(MAX_BACKOFF_MS, FIRST_BACKOFF_MS * 2 ** (this.#failures - 1)));
      }
      if (this.#stopping && this.#failures > 0) return;
    }
    if (this.options.leader.epoch === null) this.#rejectTombstones(new Error('another process publishes job events'));
    if (this.#isOver) await this.#disconnect();
  }

  async #sendNext(): Promise<void> {
    if (this.#epoch !== this.options.leader.epoch) await this.#beginEpoch();
    if (this.options.clock.monotonic() >= this.#connectedAt + CONNECTION_MS) await this.#disconnect();
    this.#connection ??= await this.#connect();
    if (this.#isBehind) await this.#catchUp();
    await this.#sendTombstones(this.#connection);
    const next = this.#queue.take(BATCH).filter(({ job }) => job.revision > (this.#sent.get(job.job_id) ?? 0));
    for (const { job } of next) this.#remember(job.job_id, job.revision);
    await this.#sendInBatches(next);
  }

  /** Another process may have published meanwhile: what is queued may be older than that, and the connection is fenced. */
  async #beginEpoch(): Promise<void> {
    const isFirst = this.#epoch === null;
    this.#epoch = this.options.leader.epoch;
    if (isFirst) return;
    this.#queue.clear();
    this.#isBehind = true;
    await this.#disconnect();
  }

  async #sendInBatches(events: readonly JobEvent[]): Promise<void> {
    for (const batch of cutBatches(events, this.#maxBytes)) {
      if (this.#isOver) return;
      await this.#sendBatch(batch);
    }
  }

  /** A batch that is refused for its size is halved, down to one event; that is reduced, and at last left out. */
  async #sendBatch(batch: readonly JobEvent[]): Promise<void> {
    this.#connection ??= await this.#connect();
    try {
      await this.#withTimeout(this.#connection.send(batch));
    } catch (error) {
      if (!isTooLarge(error) || this.#isOver) throw error;
      // The refused batch took sequence numbers of this producer.
      await this.#disconnect();
      const [only, ...others] = batch;
      if (others.length > 0) {
        this.#maxBytes = Math.floor(batch.reduce((sum, { bytes }) => sum + bytes, 0) / 2);
        return this.#sendInBatches(batch);
      }
      if (only === undefined) return;
      if (only.job.truncated === undefined) return this.#sendBatch([reduced(only)]);
      this.#leaveOut(only, error);
      return;
    }
    this.options.metrics.eventsPublished.inc(batch.length);
    if (this.#isOver) return;
    for (const { job } of batch) {
      this.#refused.delete(job.job_id);
      this.#acknowledge(job.job_id, job.revision);
    }
  }

  /** It counts as published: it would be refused again, and hold up the others. */
  #leaveOut({ job, bytes }: JobEvent, error: unknown): void {
    const { job_id, revision } = job;
    this.options.log.error(
      { err: error, job_id, revision, bytes },
      `${this.options.topic} refuses a job event: it is left out`,
    );
    if (this.#refused.size < REMEMBERED_JOBS) this.#refused.add(job_id);
    this.#acknowledge(job_id, revision);
  }

  #acknowledge(jobId: string, revision: number): void {
    // While the store fails they pile up.
    if (this.#acknowledged.size < REMEMBERED_JOBS) this.#acknowledged.set(jobId, revision);
    this.#cancelMark ??= this.options.clock.schedule(MARK_EVERY_MS, () => void this.#mark());
  }

  async #sendTombstones(connection: JobEventProducer): Promise<void> {
    const waiting = this.#tombstones.slice(0, BATCH);
    if (waiting.length === 0) return;
    await this.#withTimeout(connection.sendTombstones(waiting.map(({ jobId }) => jobId)));
    this.#tombstones.splice(0, waiting.length);
    for (const { resolve } of waiting) resolve();
  }

  /** Whether they arrived is not known: who asked for them asks again. */
  #rejectTombstones(error: unknown): void {
    for (const { reject } of this.#tombstones.splice(0)) reject(error);
  }

  async #connect(): Promise<JobEventProducer> {
    await this.#withTimeout(this.options.ensureTopic());
    this.#connectedAt = this.options.clock.monotonic();
    const opening = this.options.connect();
    try {
      const connection = await this.#withTimeout(opening);
      await this.#confirm();
      return connection;
    } catch (error) {
      // It may still open when nobody waits for it any more.
      opening.then((late) => late.close()).catch(() => undefined);
      throw error;
    }
  }

  /**
   * The new connection has fenced all others, a successor's too, which may have published something newer than what is
   * queued here. Whoever comes after this look fences this connection.
   */
  async #confirm(): Promise<void> {
    const epoch = await this.#withTimeout(this.options.leader.confirm());
    if (epoch === null || epoch !== this.#epoch) throw new Error('another process has published job events meanwhile');
  }

  /**
   * Queues unpublished jobs as they are by now, under new revisions: old ones may have arrived, or may still. A job
   * that has something newer in the queue needs no more.
   */
  async #catchUp(): Promise<void> {
    const { store } = this.options;
    this.#isBehind = false;
    try {
      await this.#mark();
      const ids = await store.unpublished(BATCH);
      this.#isBehind ||= ids.length === BATCH;
      for (const jobId of ids) {
        if (this.#queue.has(jobId)) continue;
        if (this.#queue.isFull) {
          // One more would overflow it, and nothing would ever be sent: first go those that are in it.
          this.#isBehind = true;
          return;
        }
        const record = await store.bumpRevision(jobId);
        if (record !== undefined) this.#enqueue(record);
      }
    } catch (error) {
      this.#isBehind = true;
      throw error;
    }
  }

  /** Where the queue overflows, the store knows what is missing. */
  #enqueue(record: StoredJob): void {
    if (this.#queue.add(toJobEvent(toJob(record, this.options.clock.steady()), record.traceContext))) return;
    this.#queue.clear();
    this.#isBehind = true;
  }

  #remember(jobId: string, revision: number): void {
    this.#sent.delete(jobId);
    this.#sent.set(jobId, revision);
    if (this.#sent.size <= REMEMBERED_JOBS) return;
    for (const oldest of this.#sent.keys()) {
      this.#sent.delete(oldest);
      return;
    }
  }

  /** Resolves when the store knows, or could not be told, what is acknowledged by now. */
  #mark(): Promise<void> {
    this.#cancelMark = undefined;
    this.#marked = this.#marked.then(() => this.#markAcknowledged());
    return this.#marked;
  }

  async #markAcknowledged(): Promise<void> {
    const acknowledged = this.#acknowledged;
    if (acknowledged.size === 0) return;
    this.#acknowledged = new Map();
    try {
      await this.options.store.markPublished(acknowledged);
    } catch (error) {
      this.#acknowledged = new Map([...acknowledged, ...this.#acknowledged]);
      this.options.log.error({ err: error }, 'could not store which events are published');
    }
  }

  async #disconnect(): Promise<void> {
    const connection = this.#connection;
    this.#connection = undefined;
    try {
      await this.#within(PUBLISH_TIMEOUT_MS, connection?.close() ?? Promise.resolve());
    } catch (error) {
      this.options.log.debug({ err: error }, `a connection to ${this.options.topic} did not close well`);
    }
  }

  async #pause(ms: number): Promise<void> {
    await new Promise<void>((resolve) => {
      const cancel = this.options.clock.schedule(ms, resolve);
      this.#wake = () => {
        cancel();
        resolve();
      };
    });
    this.#wake = undefined;
  }

  /** Rejects if the promise does, or does not settle in time. */
  #withTimeout<T>(promise: Promise<T>): Promise<T> {
    return inTime(this.options.clock, PUBLISH_TIMEOUT_MS, promise);
  }

  /** Waits for the promise, but no longer than `ms`. */
  async #within(ms: number, promise: Promise<void>): Promise<void> {
    let cancel: () => void = () => undefined;
    const enough = new Promise<void>((resolve) => {
      cancel = this.options.clock.schedule(ms, resolve);
    });
    try {
      await Promise.race([promise, enough]);
    } finally {
      cancel();
    }
  }
}
