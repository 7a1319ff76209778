import type { Checkpoint, MarkedPartition, OpenTransactions, TopicsEvidence } from '../../../src/kafka/index.js';

type Kind = 'fenced' | 'transient' | 'fatal' | 'missing';

/** What the model broker answers with instead of a result. */
export class Refused extends Error {
  readonly kind: Kind;

  constructor(kind: Kind) {
    super(kind);
    this.kind = kind;
  }
}

export type Topic = 'data' | 'dlq';
export const TOPICS = ['data', 'dlq'] as const;

interface LogEntry {
  /** null: a transaction marker. */
  row: number | null;
  state: 'open' | 'committed' | 'aborted';
}

const TRANSACTION_TIMEOUT_MS = 30_000;
const STALE_FOR_MS = 300;
const REPLICATED_AFTER_MS = 2_000;

/** One partition: its records, and the epoch up to which it refuses older producers. */
class ModelPartition {
  readonly log: LogEntry[] = [];
  nextSequence = 0;
  epoch = 0;
  /** What followers hold; the rest is invisible until `#replicatedAt`. */
  #replicated = 0;
  #replicatedAt = Number.NEGATIVE_INFINITY;

  /** What is acknowledged is replicated, and with it all that lies before. */
  append(entries: readonly LogEntry[]): void {
    this.log.push(...entries);
    this.#replicated = this.log.length;
  }

  appendWithoutAcknowledgement(entries: readonly LogEntry[], now: number): void {
    if (now >= this.#replicatedAt) this.#replicated = this.log.length;
    this.#replicatedAt = now + REPLICATED_AFTER_MS;
    this.log.push(...entries);
  }

  /** Whatever is open ends with any marker of the producer, whichever transaction it was begun in. */
  mark(state: 'committed' | 'aborted'): void {
    for (const entry of this.log) if (entry.state === 'open') entry.state = state;
    this.append([{ row: null, state }]);
  }

  /** Offset of the first open record; the end of the log if there is none. */
  get stableEnd(): number {
    const open = this.log.findIndex(({ state }) => state === 'open');
    return open < 0 ? this.log.length : open;
  }

  bounds(now: number): { start: number; end: number; high: number } {
    const high = now < this.#replicatedAt ? this.#replicated : this.log.length;
    return { start: 0, end: Math.min(this.stableEnd, high), high };
  }

  committed(): number[] {
    return this.log.flatMap(({ row, state }) => (row !== null && state === 'committed' ? [row] : []));
  }
}

/**
 * One transactional id, two topics and one group of a Kafka broker, as far as the delivery protocol depends on them:
 * epochs fence, a transaction is all or nothing unless its markers are lost, sequences drop repeated batches, a committed
 * offset may be read stale for a moment or, from a former coordinator, for long, what is not acknowledged may be invisible for another, and a transaction that is open for too long is aborted.
 */
export class ModelBroker {
  readonly partitions: Readonly<Record<Topic, ModelPartition>> = {
    data: new ModelPartition(),
    dlq: new ModelPartition(),
  };
  #epoch = 0;
  readonly #enlisted = new Set<Topic>();
  #openedAt: number | null = null;
  /** The open transaction has offsets. */
  #hasOffsets = false;
  /** What the group would have committed, were the transaction committed; one whose marker is lost stays. */
  #pending: Checkpoint | null = null;
  /** The epoch of the last producer that gave offsets to the group. */
  #groupEpoch = 0;
  #offset: Checkpoint | null = null;
  #before: Checkpoint | null = null;
  #committedAt = Number.NEGATIVE_INFINITY;
  /** What a former coordinator answers, and until when it is asked. */
  #former: { checkpoint: Checkpoint | null; until: number } = { checkpoint: null, until: Number.NEGATIVE_INFINITY };

  /** `losesMarker`: asked for each marker; true: the coordinator takes the partition for a deleted one (KAFKA-20734). */
  constructor(private readonly losesMarker: () => boolean) {}

  /** InitProducerId: aborts what is open and raises the epoch. */
  fence(): number {
    this.#abort();
    this.#epoch++;
    return this.#epoch;
  }

  currentEpoch(): number {
    return this.#epoch;
  }

  /** `stale`: where the answer may be the one before the last commit, it is. */
  fetch(now: number, stale: boolean): { checkpoint: Checkpoint | null; isStable: boolean } {
    if (now < this.#former.until) return { checkpoint: this.#former.checkpoint, isStable: true };
    const isStale = stale && now - this.#committedAt < STALE_FOR_MS;
    return { checkpoint: isStale ? this.#before : this.#offset, isStable: this.#pending === null };
  }

  /** From now on a coordinator is asked that has stopped following: it knows the last commit, or only the one before. */
  askFormerCoordinator(until: number, knowsLast: boolean): void {
    this.#former = { checkpoint: knowsLast ? this.#offset : this.#before, until };
  }

  inspect(checkpoint: Checkpoint | null, now: number): TopicsEvidence {
    const [data, dlq] = TOPICS.map((topic) => this.partitions[topic].bounds(now)) as [
      TopicsEvidence['data'],
      TopicsEvidence['dlq'],
    ];
    const isBeyond = (topic: Topic, from: number, { end }: TopicsEvidence['data']): boolean =>
      this.partitions[topic].log.slice(from, end).some(({ row, state }) => row !== null && state === 'committed');
    const recordsBeyond =
      isBeyond('data', checkpoint?.dataEnd ?? 0, data) || isBeyond('dlq', checkpoint?.dlqEnd ?? 0, dlq);
    return { data, dlq, recordsBeyond: recordsBeyond ? 'ours' : null };
  }

  findOpenTransactions(checkpoint: Checkpoint | null): OpenTransactions {
    const find = (topic: Topic, end: number): OpenTransactions['data'] => {
      const { log, stableEnd: start } = this.partitions[topic];
      if (start === log.length) return null;
      return { start, isOurs: true, reachesBeyond: start < end && log.slice(end).some(({ row }) => row !== null) };
    };
    return { data: find('data', checkpoint?.dataEnd ?? 0), dlq: find('dlq', checkpoint?.dlqEnd ?? 0) };
  }

  /** An empty transaction that is aborted. */
  abortHanging(epoch: number, where: readonly MarkedPartition[], now: number): void {
    for (const each of where) {
      if (each === 'offsets') this.#enlistOffsets(epoch, now);
      else this.enlist(epoch, each, now);
    }
    this.#abort();
  }

  /** WriteTxnMarkers: past the coordinator, but not past a newer epoch in the partition. */
  commitHanging(epoch: number, where: MarkedPartition, now: number): void {
    if (where === 'offsets') {
      if (epoch < this.#groupEpoch) throw new Refused('fenced');
      this.#markOffsets('committed', now);
      return;
    }
    const partition = this.partitions[where];
    if (epoch < partition.epoch) throw new Refused('fenced');
    partition.mark('committed');
  }

  enlist(epoch: number, topic: Topic, now: number): void {
    this.#guard(epoch, now);
    this.#openedAt ??= now;
    this.#enlisted.add(topic);
  }

  /**
   * Appends rows; a batch that was appended before is acknowledged again. Returns the offset of the first. `unreplicated`:
   * too few replicas hold it in time, so that it is there and not acknowledged.
   */
  produce(
    epoch: number,
    topic: Topic,
    sequence: number,
    rows: readonly number[],
    now: number,
    unreplicated: boolean,
  ): number {
    this.#guard(epoch, now);
    const partition = this.partitions[topic];
    if (epoch > partition.epoch) {
      partition.epoch = epoch;
      partition.nextSequence = 0;
    }
    if (sequence < partition.nextSequence) return partition.log.length - rows.length;
    if (sequence > partition.nextSequence) throw new Refused('transient');
    partition.nextSequence += rows.length;
    const offset = partition.log.length;
    const entries = rows.map((row) => ({ row, state: 'open' as const }));
    if (unreplicated) {
      partition.appendWithoutAcknowledgement(entries, now);
      throw new Refused('transient');
    }
    partition.append(entries);
    return offset;
  }

  commitOffsets(epoch: number, checkpoint: Checkpoint, now: number): void {
    this.#enlistOffsets(epoch, now);
    this.#groupEpoch = epoch;
    this.#pending = checkpoint;
  }

  endTransaction(epoch: number, now: number): void {
    this.#guard(epoch, now);
    if (this.#openedAt !== null) this.#close('committed', now);
  }

  /** Whether a read_committed reader gets all that the checkpoint covers, and the group has it. */
  isReadable({ position, dataEnd, dlqEnd }: Checkpoint, now: number): boolean {
    const { checkpoint, isStable } = this.fetch(now, false);
    const isCommitted = isStable && checkpoint?.position.row === position.row;
    return isCommitted && this.partitions.data.stableEnd >= dataEnd && this.partitions.dlq.stableEnd >= dlqEnd;
  }

  #guard(epoch: number, now: number): void {
    if (this.#openedAt !== null && now - this.#openedAt > TRANSACTION_TIMEOUT_MS) {
      this.#abort();
      this.#epoch++;
    }
    if (epoch !== this.#epoch) throw new Refused('fenced');
  }

  #enlistOffsets(epoch: number, now: number): void {
    this.#guard(epoch, now);
    this.#openedAt ??= now;
    this.#hasOffsets = true;
  }

  #abort(): void {
    if (this.#openedAt !== null) this.#close('aborted', 0);
  }

  #close(state: 'committed' | 'aborted', now: number): void {
    for (const topic of this.#enlisted) if (!this.losesMarker()) this.partitions[topic].mark(state);
    if (this.#hasOffsets && !this.losesMarker()) this.#markOffsets(state, now);
    this.#enlisted.clear();
    this.#hasOffsets = false;
    this.#openedAt = null;
  }

  /** As in a partition, whatever is pending ends with any marker of the producer. */
  #markOffsets(state: 'committed' | 'aborted', now: number): void {
    if (state === 'committed' && this.#pending !== null) {
      this.#before = this.#offset;
      this.#offset = this.#pending;
      this.#committedAt = now;
    }
    this.#pending = null;
  }
}
