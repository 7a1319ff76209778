import type { Logger } from 'pino';
import { type ErrorCode, ServiceError } from '../../errors/index.js';
import type { JobAdmission } from '../../jobs/index.js';
import type { FeedDefinition, FeedError } from '../domain/feed.js';
import type { EndedJob, FileOutcome } from '../store/feed-file-store.js';
import { disposeOfFile } from './dispose-file.js';
import type { FeedLease } from './feed-lease.js';
import { type FeedLookOptions, isUnlisted, lookForFiles } from './feed-look.js';
import { type TakeFileOptions, type Taken, takeFile } from './take-file.js';

export interface FeedRoundOptions extends FeedLookOptions, TakeFileOptions {
  admission: JobAdmission;
  /** How long a file is remembered that is not listed any more (FEED_HISTORY_DAYS). */
  historyMs: number;
  log: Logger;
}

/** Jobs of a feed that have not ended: the others of the service are to have their turns, too. */
const MAX_JOBS = 100;
/** Files that are taken side by side. */
const TAKEN_AT_ONCE = 4;
/** Jobs whose end is written in one round. */
const ENDED_AT_ONCE = 500;
/** Files that are moved or deleted in one round. */
const DISPOSED_AT_ONCE = 100;
/** Time in ms until the next look at jobs that are under way. */
const POLL_MS = 250;
/** Time in ms until files are taken again, if none could be. */
const BLOCKED_MS = 5_000;
/** Files that are forgotten in one round. */
const FORGOTTEN_AT_ONCE = 5_000;
const FORGET_EVERY_MS = 3_600_000;
/** What one file meets, or all of a source. */
const SOURCE_TROUBLE: readonly ErrorCode[] = ['SOURCE_FORBIDDEN', 'SOURCE_UNAVAILABLE'];

/** A bounded piece of the work on one feed. */
export class FeedRound {
  readonly #options: FeedRoundOptions;
  readonly #lease: FeedLease;
  readonly #signal: AbortSignal;
  #isBlocked = false;

  constructor(options: FeedRoundOptions, lease: FeedLease, signal: AbortSignal) {
    this.#options = options;
    this.#lease = lease;
    this.#signal = signal;
  }

  /**
   * Sees which jobs have ended, lists the source if that is due, and gives files their jobs. Time in ms until there is
   * something to do again; null: when users ask for it. Throws FeedLeaseLost, STORE_UNAVAILABLE, the signal's reason.
   */
  async run(): Promise<number | null> {
    await this.#lease.refresh();
    await this.#seeEnds();
    if (this.#isActive && this.#lease.feed.untilLookMs <= 0) await this.#look();
    if (this.#takes) await this.#take();
    if (this.#lease.feed.hidden) return this.#forget();
    await this.#disposeOfFiles();
    return this.#untilNext();
  }

  /** What is left to do for a deleted feed. */
  async #forget(): Promise<number | null> {
    const { files, historyMs } = this.#options;
    const { id } = this.#lease.feed;
    const pending = await files.forgetPending(id, FORGOTTEN_AT_ONCE);
    const old = await files.forgetOld(id, historyMs, true, FORGOTTEN_AT_ONCE);
    if (pending === FORGOTTEN_AT_ONCE || old === FORGOTTEN_AT_ONCE) return 0;
    if ((await files.inProgress(id)) > 0) return POLL_MS;
    if (!(await files.isEmpty(id))) return FORGET_EVERY_MS;
    await this.#lease.forget();
    return null;
  }

  get #isActive(): boolean {
    const { state, hidden } = this.#lease.feed;
    return state === 'ACTIVE' && !hidden && !this.#signal.aborted;
  }

  /** A source that cannot be listed is not asked for files: they wait until it can. */
  get #takes(): boolean {
    return this.#isActive && !isUnlisted(this.#lease.feed);
  }

  async #untilNext(): Promise<number | null> {
    const { files } = this.#options;
    const { id, untilLookMs } = this.#lease.feed;
    const polling = (await files.inProgress(id)) > 0 ? POLL_MS : Number.POSITIVE_INFINITY;
    const after = await files.nextAfterMs(id);
    const next = Math.min(polling, after === null ? Number.POSITIVE_INFINITY : Math.max(after, POLL_MS));
    if (!this.#isActive) return Number.isFinite(next) ? next : null;
    const due = this.#takes ? await files.nextDueMs(id) : null;
    const taking = due === null ? Number.POSITIVE_INFINITY : Math.max(due, this.#isBlocked ? BLOCKED_MS : 0);
    // More than MAX_JOBS wait for one of these to end.
    return Math.max(0, Math.min(next, untilLookMs, Number.isFinite(polling) ? Math.max(taking, POLL_MS) : taking));
  }

  async #look(): Promise<void> {
    const { files, historyMs } = this.#options;
    await lookForFiles(this.#options, this.#lease, this.#signal);
    const { id, listedTo, error } = this.#lease.feed;
    if (listedTo === null && error === null) await files.forgetOld(id, historyMs, false, FORGOTTEN_AT_ONCE);
  }

  async #seeEnds(): Promise<void> {
    const ended = await this.#options.files.ended(this.#lease.feed.id, ENDED_AT_ONCE);
    const { definition } = this.#lease.feed;
    const outcomes = ended.map((each) => outcomeOf(each, definition));
    await this.#options.files.end(outcomes);
    await this.#count(outcomes.map(({ error }) => error));
  }

  /** Pauses the feed if too many files have failed in a row. */
  async #count(errors: readonly (FeedError | null)[]): Promise<void> {
    const { feed } = this.#lease;
    const { maxFailures } = feed.definition;
    let { failures } = feed;
    for (const error of errors) {
      if (error === null) failures = 0;
      else if (isFailure(error)) failures += 1;
      if (failures >= maxFailures) break;
    }
    if (failures === feed.failures) return;
    if (failures < maxFailures || !this.#isActive) return this.#lease.write({ failures });
    const error: FeedError = { code: 'FEED_TOO_MANY_FAILURES', message: `${failures} files in a row have failed` };
    await this.#lease.write({ failures, state: 'PAUSED', error });
    this.#options.log.warn({ feed: feed.id, failures }, 'paused a feed: too many of its files have failed in a row');
  }

  async #disposeOfFiles(): Promise<void> {
    const { id, definition } = this.#lease.feed;
    for (const each of await this.#options.files.afterDue(id, DISPOSED_AT_ONCE)) {
      if (this.#signal.aborted) return;
      await disposeOfFile(this.#options, definition, each);
    }
  }

  async #take(): Promise<void> {
    const { files, admission } = this.#options;
    const { id, error: known } = this.#lease.feed;
    const room = MAX_JOBS - (await files.inProgress(id));
    const due = room > 0 ? await files.due(id, room) : [];
    if (due.length === 0) return;
    for (let from = 0; from < due.length && this.#isActive; from += TAKEN_AT_ONCE) {
      try {
        await admission.requireKafka();
        await admission.requireRoom();
      } catch (error) {
        if (!(error instanceof ServiceError) || error.code === 'STORE_UNAVAILABLE') throw error;
        return this.#block(error);
      }
      await this.#lease.refresh();
      if (!this.#isActive) return;
      const { definition } = this.#lease.feed;
      const group = due.slice(from, from + TAKEN_AT_ONCE);
      const taken = await Promise.all(group.map((file) => takeFile(this.#options, definition, file)));
      await this.#count(taken.flatMap((each) => (each.kind === 'failed' ? [each.error] : [])));
      const blocked = taken.find(isBlocked);
      if (blocked !== undefined) return this.#block(blocked.error);
      // It may be all of the source: a listing tells, before the others meet the same.
      if (taken.some((each) => each.kind === 'postponed' && SOURCE_TROUBLE.includes(each.error.code))) {
        await this.#lease.hurry();
      }
    }
    if (known !== null && this.#isActive) await this.#lease.write({ error: null });
  }

  async #block({ code, message }: FeedError): Promise<void> {
    this.#isBlocked = true;
    await this.#lease.write({ error: { code, message } });
  }
}

function isBlocked(taken: Taken): taken is Extract<Taken, { error: FeedError }> {
  return taken.kind === 'blocked';
}

function outcomeOf({ file, job }: EndedJob, { after, afterPartial }: FeedDefinition): FileOutcome {
  const failed = (error: FeedError): FileOutcome => ({ file, error, isDisposed: false });
  switch (job?.state) {
    case 'SUCCESS':
      return { file, error: null, isDisposed: after !== 'keep' };
    case 'PARTIAL_SUCCESS':
      return { file, error: null, isDisposed: afterPartial !== 'keep' };
    case 'CANCELLED':
      return failed({ code: 'JOB_CANCELLED', message: `Job ${file.jobId} was cancelled` });
    case undefined:
      return failed({ code: 'JOB_NOT_FOUND', message: `Job ${file.jobId} was purged before its end was seen` });
    default:
      return failed(job?.error ?? { code: 'INTERNAL_ERROR', message: `Job ${file.jobId} has failed` });
  }
}

/** What users do, and a file that is replaced or removed in between does not count as a failure. */
function isFailure({ code }: FeedError): boolean {
  return !['JOB_CANCELLED', 'JOB_NOT_FOUND', 'SOURCE_CHANGED', 'SOURCE_NOT_FOUND'].includes(code);
}
