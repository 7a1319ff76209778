import {
  encodeRejectedRow,
  type RecordBatchOutput,
  type RejectedRowFrame,
  type Rejection,
  type RejectionBatchOutput,
  type RowConsumer,
  type RowErrorCode,
  type RowNumber,
  rejectedRowFrame,
} from '../formats/index.js';
import { type Position } from '../ingest/index.js';
import {
  type Checkpoint,
  type Compression,
  compressBatch,
  RecordBatch,
  type TransactionalSession,
} from '../kafka/index.js';
import type { BrokenRecords } from './broken-records.js';
import type { RecordBatchPool } from './record-batch-pool.js';
import type { SendWindow } from './send-window.js';

/** One for each topic: what a row may need. */
const MIN_FREE_BATCHES = 2;

/**
 * Collects decided rows into record batches for the two topics and sends each batch as soon as it is full, except
 * between `drain` and `sendOn`, while a transaction is being committed: what is filled then belongs to the next one.
 * Keeps the counts and offsets from which a checkpoint is made. One writer serves one session.
 */
export class RecordBatchWriter implements RowConsumer {
  readonly batches: RecordBatchOutput;
  readonly rejections: RejectionBatchOutput;
  #ok: number;
  #errors: number;
  #dataEnd: number;
  #dlqEnd: number;
  #eof = false;
  #inFlightBytes = 0;
  /** Full batches of the next transaction; null while they go out at once. */
  #held: { topic: string; batch: RecordBatch }[] | null = null;
  #heldBytes = 0;
  #failure: { reason: unknown } | undefined;
  #waiting: (() => void)[] = [];
  #rejectedByCode: Record<string, number> = {};
  #clock = { now: Number.NaN, text: '' };
  #frame: { timestamp: string; pieces: RejectedRowFrame } | undefined;
  readonly #open = new Map<string, RecordBatch>();
  #readTo = 0;
  /** Where in the file the reader was before a batch's first row, for each that is not acknowledged. */
  readonly #beginnings = new Map<RecordBatch, number>();
  /** Per topic: the last batch that was ready, so that they leave in order behind the topic's enlisting. */
  readonly #queue = new Map<string, Promise<unknown>>();

  constructor(
    private readonly session: Pick<TransactionalSession, 'topics' | 'transactionTimeoutMs' | 'enlist' | 'produce'>,
    private readonly jobId: string,
    from: Checkpoint | null,
    private readonly file: Pick<Checkpoint, 'size' | 'version'>,
    private readonly hooks: {
      sent(bytes: number): void;
      /** These rejected rows go into the open transaction. The batch is valid only during the call. */
      rejected(batch: RecordBatch): void;
    },
    private readonly pool: RecordBatchPool,
    private readonly compression: Compression,
    /** Reading waits while more than this is not acknowledged, or held back. */
    private readonly window: SendWindow,
    private readonly broken: BrokenRecords,
  ) {
    this.#ok = from?.ok ?? 0;
    this.#errors = from?.errors ?? 0;
    this.#dataEnd = from?.dataEnd ?? 0;
    this.#dlqEnd = from?.dlqEnd ?? 0;
    this.#readTo = from?.bytesDone ?? 0;
    const { data, dlq } = session.topics;
    const frame = (): RejectedRowFrame => this.#currentFrame();
    this.batches = { open: () => this.#openBatch(data), close: () => this.#send(data) };
    this.rejections = {
      open: () => this.#openBatch(dlq),
      close: () => this.#send(dlq),
      written: (code, rows, first) => this.#count(code, rows, first),
      get frame() {
        return frame();
      },
    };
  }

  get hasRoom(): boolean {
    return this.#inFlightBytes + this.#heldBytes < this.window.bytes && this.pool.free >= MIN_FREE_BATCHES;
  }

  /** Whether what was sent may still be read by the socket: its memory must not be used for anything else. */
  get isInFlight(): boolean {
    return this.#inFlightBytes > 0;
  }

  accept(bytes: Uint8Array, start: number, end: number): void {
    this.#append(this.session.topics.data, bytes, start, end);
  }

  reject(rejection: Rejection): void {
    for (const { error } of rejection.errors.slice(0, 1)) this.#count(error, 1, () => [rejection]);
    const record = encodeRejectedRow(this.jobId, rejection, this.#timestamp());
    this.#append(this.session.topics.dlq, record, 0, record.length);
  }

  /** Rows from here on lie behind that many bytes of the file. */
  readTo(bytesDone: number): void {
    this.#readTo = bytesDone;
  }

  /** The bytes of the file before the first row that is not acknowledged. */
  get bytesAcknowledged(): number {
    let bytes = this.#readTo;
    for (const [batch, beginning] of this.#beginnings) if (batch.count > 0) bytes = Math.min(bytes, beginning);
    return bytes;
  }

  endOfFile(): void {
    this.#eof = true;
  }

  /** Rows rejected since the last call, by their first error. */
  takeRejectedByCode(): Record<string, number> {
    const taken = this.#rejectedByCode;
    this.#rejectedByCode = {};
    return taken;
  }

  /** Resolves when more may be sent; rejects with the first failure of a send. */
  async room(): Promise<void> {
    await this.#until(() => this.hasRoom);
  }

  /**
   * Sends what is buffered, waits for every acknowledgement, and says what is then in the transaction. `reader` stands
   * behind the last row that the writer was given. Until `sendOn` nothing else is sent.
   */
  async drain(reader: { position: Position; bytesDone: number }): Promise<Checkpoint> {
    for (const topic of this.#open.keys()) this.#send(topic);
    this.#held = [];
    const { position, bytesDone } = reader;
    this.readTo(bytesDone);
    const [ok, errors, eof, { warnings }] = [this.#ok, this.#errors, this.#eof, this.broken];
    await this.#until(() => this.#inFlightBytes === 0);
    const [dataEnd, dlqEnd] = [this.#dataEnd, this.#dlqEnd];
    const rest = { ...this.file, ...(warnings === undefined ? {} : { warnings }) };
    return { position, ok, errors, dataEnd, dlqEnd, eof, bytesDone, ...rest };
  }

  /** The transaction is committed: sends what was filled meanwhile, and every batch from here on. */
  sendOn(): void {
    const held = this.#held ?? [];
    this.#held = null;
    this.#heldBytes = 0;
    for (const { topic, batch } of held) this.#produce(topic, batch);
  }

  /** Nothing will be acknowledged any more: ends every wait. */
  close(): void {
    this.#failure ??= { reason: new Error('the session is closed') };
    this.#wake();
  }

  #openBatch(topic: string): RecordBatch | null {
    const batch = this.#open.get(topic) ?? this.pool.take();
    if (batch !== null) this.#begin(topic, batch);
    return batch;
  }

  #begin(topic: string, batch: RecordBatch): void {
    this.#open.set(topic, batch);
    if (batch.count === 0) this.#beginnings.set(batch, this.#readTo);
  }

  /** Throws what ends the job if it does not go on after a broken record; nothing more can be committed then. */
  #count(code: RowErrorCode, rows: number, first: (most: number) => RowNumber[]): void {
    try {
      this.broken.take(code, rows, first);
    } catch (reason) {
      this.#failure ??= { reason };
      throw reason;
    }
    this.#errors += rows;
    this.#rejectedByCode[code] = (this.#rejectedByCode[code] ?? 0) + rows;
  }

  #currentFrame(): RejectedRowFrame {
    const timestamp = this.#timestamp();
    if (timestamp !== this.#frame?.timestamp) {
      this.#frame = { timestamp, pieces: rejectedRowFrame(this.jobId, timestamp) };
    }
    return this.#frame.pieces;
  }

  /** Now, as text that is made once a millisecond. */
  #timestamp(): string {
    const now = Date.now();
    if (now !== this.#clock.now) this.#clock = { now, text: new Date(now).toISOString() };
    return this.#clock.text;
  }

  #append(topic: string, bytes: Uint8Array, start: number, end: number): void {
    let batch = this.#open.get(topic);
    if (batch?.append(bytes, start, end)) return;
    if (batch !== undefined) this.#send(topic);
    // Readers that do not ask for room get it all the same.
    batch = this.pool.take() ?? new RecordBatch();
    this.#begin(topic, batch);
    if (!batch.append(bytes, start, end)) throw new Error(`a record of ${end - start} bytes does not fit any batch`);
  }

  #send(topic: string): void {
    const batch = this.#open.get(topic);
    if (batch === undefined || batch.count === 0) return;
    this.#open.delete(topic);
    if (topic === this.session.topics.data) this.#ok += batch.count;
    if (this.#held === null) this.#produce(topic, batch);
    else {
      this.#held.push({ topic, batch });
      this.#heldBytes += batch.size;
    }
  }

  #produce(topic: string, batch: RecordBatch): void {
    const { size } = batch;
    this.#inFlightBytes += size;
    if (topic === this.session.topics.dlq) this.hooks.rejected(batch);
    this.hooks.sent(size);
    const packed = compressBatch(batch, this.compression);
    const enlisted = (this.#queue.get(topic) ?? Promise.resolve()).then(() => this.session.enlist(topic));
    const ready = enlisted.then(() => packed);
    let sentAt = 0;
    const acknowledged = ready.then((sealable) => {
      sentAt = performance.now();
      return this.session.produce(topic, sealable);
    });
    this.#queue.set(topic, ready);
    acknowledged.then(
      (end) => {
        if (topic === this.session.topics.data) this.#dataEnd = Math.max(this.#dataEnd, end);
        else this.#dlqEnd = Math.max(this.#dlqEnd, end);
        this.#inFlightBytes -= size;
        const timeoutMs = this.session.transactionTimeoutMs;
        this.window.acknowledged({ bytes: size, sentAt, timeoutMs }, performance.now());
        this.#beginnings.delete(batch);
        this.pool.giveBack(batch);
        this.#wake();
      },
      (reason: unknown) => {
        this.#failure ??= { reason };
        this.#wake();
      },
    );
    // Whatever fails before is reported through `acknowledged`, which depends on it, or by the batch before.
    packed.catch(() => undefined);
    ready.catch(() => undefined);
  }

  async #until(condition: () => boolean): Promise<void> {
    for (;;) {
      if (this.#failure !== undefined) throw this.#failure.reason;
      if (condition()) return;
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }

  #wake(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }
}
