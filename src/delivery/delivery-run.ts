import type { Kafka } from 'kafkajs';
import type { Logger } from 'pino';
import type { CsvKernel } from '../formats/index.js';
import { type Checkpoint, classifyFailure, TransactionalSession, withTimeout } from '../kafka/index.js';
import { openRowSource, type RowSource, type RowSourceLimits, readerName } from '../reading/index.js';
import { type Assignment, type FromRunner, type Outcome, type Transaction } from '../runner/index.js';
import { SourceFile, versionHash } from '../sources/index.js';
import { StoredFile } from '../storage/index.js';
import { BrokenRecords } from './broken-records.js';
import { checkExpectation } from './check-expectation.js';
import { errorsLogLine, omittedLine } from './errors-log-line.js';
import type { JobFiles } from './job-files.js';
import type { KernelCache } from './kernel-cache.js';
import type { JobFile } from './open-job-file.js';
import { OpenRejections } from './open-rejections.js';
import { type Action, type Event, initialState, type Limits, type State, step } from './protocol.js';
import { RecordBatchPool } from './record-batch-pool.js';
import { RecordBatchWriter } from './record-batch-writer.js';
import { SendWindow } from './send-window.js';

/** For the file, while the system does not let it be read. */
const FILE_TIMEOUT_MS = 60_000;
/** For one that lies elsewhere: the job gives its place to others sooner, and comes back later. */
const SOURCE_TIMEOUT_MS = 15_000;
const TICK_MS = 25;
const PROGRESS_MS = 200;
/** For one step of the protocol; kafkajs gives up a request after 30 s. */
const CALL_MS = 45_000;

export interface DeliveryRunDependencies {
  kafka: Kafka;
  log: Logger;
  limits: Limits;
  /** Whether the lease is still ours; false as well if nobody answers in time. */
  askLease(): Promise<boolean>;
  report(message: FromRunner): void;
  /** Whether rejected rows are reported, for ERRORS_LOG. */
  keepsErrorsLog: boolean;
  kernels: KernelCache;
  feedLimits: RowSourceLimits;
  files: JobFiles;
}

/**
 * Works on one job until it ends: drives the delivery protocol with the real clock, file and broker.
 * `run` resolves with the outcome, or null if the lease was lost and the process must exit. It rejects on a bug, and the
 * process must exit, too.
 */
export class DeliveryRun {
  #state: State;
  readonly #file: StoredFile | SourceFile;
  readonly #version: string | undefined;
  /** Ends the pass over the file that comes before its first row. */
  readonly #check = new AbortController();
  #isStarted = false;
  /** What came before the protocol has started. */
  readonly #ends: Event[] = [];
  #rows: RowSource | undefined;
  #session: TransactionalSession | undefined;
  #writer: RecordBatchWriter | undefined;
  readonly #window = new SendWindow();
  readonly #rejections: OpenRejections;
  /** Shared by the row source and the writer; null if the reference reader works. */
  #kernel: CsvKernel | null = null;
  /** Raised by every `close`: answers to calls of an older session are dropped. */
  #generation = 0;
  #timer: NodeJS.Timeout | undefined;
  #lastProgress = 0;
  /** When the transaction that ended last had its first record. */
  #openedAt: number | null = null;
  #startByte = 0;
  /** Reading loops that have not ended, those of closed sessions among them. */
  #pumps = 0;
  readonly #ended = Promise.withResolvers<Outcome | null>();

  constructor(
    private readonly job: Assignment,
    private readonly dependencies: DeliveryRunDependencies,
  ) {
    const { limits, log } = dependencies;
    this.#rejections = new OpenRejections(dependencies.keepsErrorsLog ? (note) => errorsLogLine(job, note) : null);
    this.#version = 'uri' in job.file ? versionHash(job.file) : undefined;
    this.#state = initialState({ ...job, version: this.#version }, performance.now(), limits);
    const open = (file: JobFile) => dependencies.files.open(file);
    const timeoutMs = (most: number): number => Math.min(most, limits.unavailableAfterMs);
    this.#file =
      'uri' in job.file
        ? new SourceFile({
            ...{ source: job.file, open, log },
            timeoutMs: timeoutMs(SOURCE_TIMEOUT_MS),
          })
        : new StoredFile({
            ...{ location: job.file, open, sizeBytes: job.sizeBytes, log },
            timeoutMs: timeoutMs(FILE_TIMEOUT_MS),
          });
  }

  async run(): Promise<Outcome | null> {
    await this.#checkFile();
    const ticker = setInterval(() => this.#dispatch({ type: 'tick' }), TICK_MS);
    try {
      this.#dispatch({ type: 'start' });
      const outcome = await this.#ended.promise;
      // The answer to the last commit may have been lost.
      if (outcome !== null && 'checkpoint' in outcome) this.#tellRejections(outcome.checkpoint);
      return outcome;
    } finally {
      clearInterval(ticker);
      clearTimeout(this.#timer);
      await this.#file.close();
    }
  }

  /** Rows committed so far, and the bytes of the file that this run has decided. */
  get decided(): { rows: number; bytes: number } {
    const rows = this.#state.checkpoint?.position.row ?? 0;
    const end = this.#state.checkpoint?.position.byte ?? 0;
    return { rows, bytes: Math.max(0, end - this.#startByte) };
  }

  /** The job was cancelled: stop sending, find out what is committed, end. */
  reconcile(): void {
    this.#end('reconcile');
  }

  /** The process is shutting down: commit what is open, end. */
  stop(): void {
    this.#end('stop');
  }

  #end(type: 'reconcile' | 'stop'): void {
    this.#check.abort();
    if (this.#isStarted) this.#dispatch({ type });
    else this.#ends.push({ type });
  }

  /** Compares the file with what is expected of it, before its first row; the protocol reports what differs. */
  async #checkFile(): Promise<void> {
    const { job, dependencies } = this;
    const { signal } = this.#check;
    const error =
      job.intent === 'run' && job.checkpoint === null ? await checkExpectation(job, this.#file, signal) : null;
    // The time that it took is not one without an answer of the broker.
    const state = initialState({ ...job, version: this.#version }, performance.now(), dependencies.limits);
    this.#state = error === null ? state : { ...state, pendingError: error };
    this.#isStarted = true;
    for (const event of this.#ends) this.#dispatch(event);
  }

  #dispatch(event: Event): void {
    const { state, actions } = step(this.#state, event, performance.now());
    if (state.phase !== this.#state.phase) {
      this.dependencies.log.trace({ event: event.type, from: this.#state.phase, to: state.phase }, 'protocol');
    }
    if (event.type === 'failed' && event.failure.kind !== 'fatal') {
      const { kind, detail: reason } = event.failure;
      this.dependencies.log.warn({ kind, reason }, 'kafka call failed');
      this.dependencies.report({ type: 'kafka-failure', kind });
      // It may have been too much for the time that the broker allows.
      if (this.#writer !== undefined) this.#window.halve(performance.now());
    }
    const { transaction } = this.#state;
    const hasEnded = transaction !== null && state.transaction === null;
    this.#openedAt = hasEnded ? transaction.openedAt : null;
    if (hasEnded && !actions.some((action) => action.do === 'report-commit'))
      this.dependencies.report({ type: 'aborted', seconds: (performance.now() - transaction.openedAt) / 1000 });
    this.#state = state;
    for (const action of actions) this.#perform(action);
  }

  #perform(action: Action): void {
    switch (action.do) {
      case 'ask-lease':
        this.#call(async () => ({ type: 'lease', current: await this.dependencies.askLease() }));
        break;
      case 'fence':
        this.#ask(action.do, async () => this.#fence());
        break;
      case 'fetch-checkpoint':
        this.#ask(action.do, async () => ({
          type: 'fetched',
          ...(await this.#openSession().fetchCheckpoint()),
        }));
        break;
      case 'inspect':
        this.#call(async () => ({
          type: 'inspected',
          evidence: await this.#openSession().inspect(action.checkpoint),
        }));
        break;
      case 'examine':
        this.#ask(action.do, async () => ({
          type: 'examined',
          open: await this.#openSession().findOpenTransactions(action.checkpoint),
        }));
        break;
      case 'repair':
        this.#ask(action.do, () => this.#repair(action));
        break;
      case 'read-from':
        this.#call(async () => {
          const isOpen = await this.#startReading(action.checkpoint);
          return isOpen ? this.#pump() : undefined;
        });
        break;
      case 'drain':
        this.#ask(action.do, async () => {
          // The reader itself may have filled the batch that made the cut due: let it come to the end of its block.
          await Promise.resolve();
          return { type: 'drained', checkpoint: await this.#openWriter().drain(this.#openRows()) };
        });
        break;
      case 'send-on':
        this.#openWriter().sendOn();
        break;
      case 'commit-offsets':
        this.#ask(action.do, async () => {
          const session = this.#openSession();
          await session.enlistOffsets();
          await session.commitOffsets(action.checkpoint);
          return { type: 'offsets-committed' };
        });
        break;
      case 'end-transaction':
        this.#ask(action.do, async () => {
          const session = this.#openSession();
          await session.endTransaction();
          await session.readable(action.checkpoint);
          return { type: 'transaction-ended' };
        });
        break;
      case 'report-commit':
        this.dependencies.report({
          ...this.#about('committed'),
          checkpoint: action.checkpoint,
          transaction: this.#endTransaction(action.checkpoint),
        });
        break;
      case 'close':
        this.#close();
        break;
      case 'wait':
        clearTimeout(this.#timer);
        this.#timer = setTimeout(() => this.#dispatch({ type: 'woken' }), action.ms);
        break;
      case 'finish':
        this.#ended.resolve(action.outcome);
        break;
      case 'exit':
        this.#ended.resolve(null);
        break;
    }
  }

  /** Makes a call to Kafka, which must answer in time. */
  #ask(what: Action['do'], call: () => Promise<Event | undefined>): void {
    this.#call(() => withTimeout(CALL_MS, what, call()));
  }

  /** Makes a call; its event counts only while the session of its start is the open one. */
  #call(call: () => Promise<Event | undefined>): void {
    const generation = this.#generation;
    const told = call().then(
      (event) => {
        if (event !== undefined && generation === this.#generation) this.#dispatch(event);
      },
      (error: unknown) => {
        if (generation !== this.#generation) return;
        const cause = this.#file.failure ?? error;
        const failure = classifyFailure(cause);
        if (failure === null) throw cause;
        this.#dispatch({ type: 'failed', failure });
      },
    );
    // A defect of ours: what state the job is in is not known any more.
    told.catch((defect: unknown) => this.#ended.reject(defect));
  }

  async #fence(): Promise<Event | undefined> {
    const generation = this.#generation;
    const session = await TransactionalSession.open(this.dependencies.kafka, this.job.names);
    if (generation !== this.#generation) {
      session.close();
      return undefined;
    }
    this.#session = session;
    return { type: 'fenced' };
  }

  async #repair({ abort, commit }: Extract<Action, { do: 'repair' }>): Promise<Event> {
    const session = this.#openSession();
    this.dependencies.log.warn({ abort, commit }, 'a transaction marker was lost; the hanging transaction is ended');
    for (const each of commit) await session.commitHanging(each);
    if (abort.length > 0) await session.abortHanging(abort);
    this.dependencies.report({ type: 'repaired' });
    return { type: 'repaired' };
  }

  #close(): void {
    this.#generation++;
    clearTimeout(this.#timer);
    this.#session?.close();
    this.#session = undefined;
    // Memory that a read, the loop or a socket may still use is not used again.
    const isQuiet = this.#pumps === 0 && this.#rows?.isReading === false && this.#writer?.isInFlight === false;
    if (this.#kernel !== null && isQuiet) this.dependencies.kernels.putBack(this.#kernel);
    this.#rows?.close?.();
    this.#rows = undefined;
    this.#kernel = null;
    this.#writer?.close();
    this.#writer = undefined;
  }

  /** false: the session was closed meanwhile. */
  async #startReading(from: State['checkpoint']): Promise<boolean> {
    const generation = this.#generation;
    this.#startByte = from?.position.byte ?? 0;
    const { feedLimits } = this.dependencies;
    const kernel = readerName(this.job) === 'kernel' ? this.dependencies.kernels.take() : null;
    const rows = await openRowSource(this.#file, this.job, from?.position ?? null, kernel, feedLimits);
    if (generation !== this.#generation) {
      rows.close?.();
      return false;
    }
    this.#kernel = kernel;
    this.#rows = rows;
    // The answer to the last commit may have been lost.
    this.#tellRejections(from);
    if (rows.columns !== null) this.dependencies.report({ ...this.#about('header'), columns: rows.columns });
    this.#writer = new RecordBatchWriter(
      this.#openSession(),
      this.job.jobId,
      from,
      { size: this.job.sizeBytes, ...(this.#version === undefined ? {} : { version: this.#version }) },
      {
        sent: (bytes) => this.#dispatch({ type: 'sent', bytes }),
        rejected: (batch) => this.#rejections.add(batch),
      },
      new RecordBatchPool(kernel?.batchBuffers),
      this.job.options.topicCompression,
      this.#window,
      new BrokenRecords(from?.warnings ?? {}, this.job.options.onBroken === 'stop'),
    );
    if (from !== null) this.dependencies.log.info({ row: from.position.row, byte: from.position.byte }, 'resumed');
    return true;
  }

  /** Reads and decides, across the cuts of transactions, until the file ends or the session is closed. */
  async #pump(): Promise<Event | undefined> {
    const generation = this.#generation;
    const rows = this.#openRows();
    const writer = this.#openWriter();
    this.#pumps += 1;
    try {
      for (;;) {
        await writer.room();
        if (generation !== this.#generation) return undefined;
        writer.readTo(rows.bytesDone);
        this.#reportProgress(rows, writer);
        const more = await rows.advance(writer);
        if (generation !== this.#generation) return undefined;
        if (!more) {
          writer.endOfFile();
          return { type: 'end-of-file' };
        }
      }
    } finally {
      this.#pumps -= 1;
    }
  }

  #reportProgress(rows: RowSource, writer: RecordBatchWriter): void {
    const now = performance.now();
    if (now - this.#lastProgress < PROGRESS_MS) return;
    this.#lastProgress = now;
    const bytes = { bytesDone: writer.bytesAcknowledged, bytesRead: rows.bytesDone };
    this.dependencies.report({ ...this.#about('progress'), ...bytes });
  }

  /** null: the commit was found out, and whose it was is not known. */
  #endTransaction(checkpoint: Checkpoint): Transaction | null {
    const { ok: accepted, errors: rejected, position } = checkpoint;
    const rowErrors = this.#writer?.takeRejectedByCode() ?? {};
    const counts = { row: position.row, accepted, rejected };
    this.dependencies.log.debug({ byte: position.byte, ...counts }, `Checkpoint saved at offset ${position.byte}`);
    this.#tellRejections(checkpoint, rowErrors);
    return this.#openedAt === null ? null : { seconds: (performance.now() - this.#openedAt) / 1000, rowErrors };
  }

  /** Rows for the errors log; and one line for all that a transaction has rejected: a file may be bad from its first row to its last. */
  #tellRejections(committed: Checkpoint | null, byCode: Record<string, number> = {}): void {
    const taken = this.#rejections.take(committed?.position.row ?? 0);
    if (taken === null) return;
    const { rows, first, chunks, omitted } = taken;
    for (const chunk of chunks) this.dependencies.report({ type: 'rejected', ...chunk, omitted: 0 });
    if (omitted > 0) {
      const lines = `${omittedLine(this.job, new Date(), omitted)}\n`;
      this.dependencies.report({ type: 'rejected', lines, rows: 0, omitted });
    }
    const { row, line, byteOffset: byte, codes, columns } = first;
    const more = rows > 1 ? `; ${rows - 1} more in this transaction` : '';
    const column = columns[0] == null ? '' : ` in column '${columns[0]}'`;
    this.dependencies.log.warn(
      { row, line, byte, codes, columns, rejected: rows, by_code: byCode },
      `Failed to parse row ${row}: ${codes[0]}${column}${more}`,
    );
  }

  #about<T extends Extract<FromRunner, { jobId: string }>['type']>(type: T): { type: T; jobId: string; lease: number } {
    return { type, jobId: this.job.jobId, lease: this.job.lease };
  }

  #openSession(): TransactionalSession {
    if (this.#session === undefined) throw new Error('no session is open');
    return this.#session;
  }

  #openWriter(): RecordBatchWriter {
    if (this.#writer === undefined) throw new Error('no writer is open');
    return this.#writer;
  }

  #openRows(): RowSource {
    if (this.#rows === undefined) throw new Error('no reader is open');
    return this.#rows;
  }
}
