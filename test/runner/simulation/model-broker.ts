import type { Checkpoint, TopicsEvidence } from '../../../src/kafka/index.js';

/** What the model broker answers with instead of a result. */
export class Refused extends Error {
  readonly kind: 'fenced' | 'transient' | 'fatal';

  constructor(kind: 'fenced' | 'transient' | 'fatal') {
    super(kind);
    this.kind = kind;
  }
}

interface LogEntry {
  /** null: a transaction marker. */
  row: number | null;
  state: 'open' | 'committed' | 'aborted';
}

const TRANSACTION_TIMEOUT_MS = 30_000;
const STALE_FOR_MS = 300;

/**
 * One transactional id, one topic and one group of a Kafka broker, as far as the delivery protocol depends on them:
 * epochs fence, a transaction is all or nothing, sequences drop repeated batches, a committed offset may be read stale
 * for a moment, and a transaction that is open for too long is aborted.
 */
export class ModelBroker {
  readonly log: LogEntry[] = [];
  #epoch = 0;
  #nextSequence = 0;
  #openedAt: number | null = null;
  #pending: Checkpoint | null = null;
  #offset: Checkpoint | null = null;
  #before: Checkpoint | null = null;
  #committedAt = Number.NEGATIVE_INFINITY;

  /** InitProducerId: aborts what is open and raises the epoch. */
  fence(): number {
    this.#abort();
    this.#epoch++;
    this.#nextSequence = 0;
    return this.#epoch;
  }

  currentEpoch(): number {
    return this.#epoch;
  }

  /** `stale`: where the answer may be the one before the last commit, it is. */
  fetch(now: number, stale: boolean): Checkpoint | null {
    return stale && now - this.#committedAt < STALE_FOR_MS ? this.#before : this.#offset;
  }

  inspect(checkpoint: Checkpoint | null): TopicsEvidence {
    const from = checkpoint?.dataEnd ?? 0;
    const recordsBeyond = this.log.some((entry, at) => at >= from && entry.row !== null && entry.state === 'committed');
    return { data: { start: 0, end: this.log.length }, dlq: { start: 0, end: 0 }, recordsBeyond };
  }

  /** Appends rows; a batch that was appended before is acknowledged again. Returns the end offset. */
  produce(epoch: number, sequence: number, rows: readonly number[], now: number): number {
    this.#guard(epoch, now);
    if (sequence < this.#nextSequence) return this.log.length;
    if (sequence > this.#nextSequence) throw new Refused('transient');
    this.#openedAt ??= now;
    this.#nextSequence += rows.length;
    for (const row of rows) this.log.push({ row, state: 'open' });
    return this.log.length;
  }

  commitOffsets(epoch: number, checkpoint: Checkpoint, now: number): void {
    this.#guard(epoch, now);
    this.#openedAt ??= now;
    this.#pending = checkpoint;
  }

  endTransaction(epoch: number, now: number): void {
    this.#guard(epoch, now);
    if (this.#openedAt === null) return;
    this.#before = this.#offset;
    if (this.#pending !== null) this.#offset = this.#pending;
    this.#committedAt = now;
    this.#close('committed');
  }

  committedRows(): number[] {
    return this.log.flatMap(({ row, state }) => (row !== null && state === 'committed' ? [row] : []));
  }

  #guard(epoch: number, now: number): void {
    if (this.#openedAt !== null && now - this.#openedAt > TRANSACTION_TIMEOUT_MS) {
      this.#abort();
      this.#epoch++;
      this.#nextSequence = 0;
    }
    if (epoch !== this.#epoch) throw new Refused('fenced');
  }

  #abort(): void {
    if (this.#openedAt !== null) this.#close('aborted');
  }

  #close(state: 'committed' | 'aborted'): void {
    for (let at = this.log.length - 1; at >= 0 && this.log[at]?.state === 'open'; at--) {
      (this.log[at] as LogEntry).state = state;
    }
    this.log.push({ row: null, state });
    this.#openedAt = null;
    this.#pending = null;
  }
}
