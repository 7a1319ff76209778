import type { FetchAnswer } from '../../src/kafka/batch-headers.js';
import { type Compression, compressBatch } from '../../src/kafka/compression.js';
import { RecordBatch, sealBatch } from '../../src/kafka/record-batch.js';

const CONTROL = 0x20;
const TIMESTAMP = 1_700_000_000_000;

export interface LoggedRecord {
  offset: number;
  value: string;
}

/** A partition as a broker keeps it: transactions of several producers one between the other. */
export class TransactionLog {
  readonly batches: { bytes: Buffer; lastOffset: number }[] = [];
  readonly committed: LoggedRecord[] = [];
  /** Records, and first offset, of each producer's open transaction. */
  readonly #open = new Map<number, { firstOffset: number; records: LoggedRecord[] }>();
  readonly #aborted: (FetchAnswer['aborted'][number] & { lastOffset: number })[] = [];
  #end = 0;

  get end(): number {
    return this.#end;
  }

  async append(producer: number, values: readonly string[], compression: Compression = 'none'): Promise<void> {
    const batch = new RecordBatch();
    for (const value of values) {
      const bytes = Buffer.from(value);
      if (!batch.append(bytes, 0, bytes.length)) throw new Error('the batch is full');
    }
    const sealed = (await compressBatch(batch, compression)).seal(stampOf(producer));
    const transaction = this.#open.get(producer) ?? { firstOffset: this.#end, records: [] };
    this.#open.set(producer, transaction);
    transaction.records.push(...values.map((value, i) => ({ offset: this.#end + i, value })));
    this.add(sealed, values.length);
  }

  /** Writes the marker of a producer's transaction. */
  finish(producer: number, isCommitted: boolean): void {
    const { firstOffset, records } = this.#open.get(producer) ?? { firstOffset: this.#end, records: [] };
    this.#open.delete(producer);
    if (isCommitted) this.committed.push(...records);
    else if (records.length > 0) {
      this.#aborted.push({ producerId: BigInt(producer), firstOffset, lastOffset: this.#end });
    }
    const marker = new RecordBatch();
    marker.append(Buffer.from('a marker'), 0, 8);
    const bytes = marker.buffer.subarray(0, marker.size);
    this.add(sealBatch(bytes, 1, CONTROL, stampOf(producer)), 1);
  }

  add(sealed: Buffer, count: number): void {
    const bytes = Buffer.from(sealed);
    bytes.writeBigInt64BE(BigInt(this.#end));
    this.#end += count;
    this.batches.push({ bytes, lastOffset: this.#end - 1 });
  }

  /** What a fetch at read_committed gives from an offset on: whole batches, up to the first one that is `cut` short. */
  fetch(from: number, { batches = Number.POSITIVE_INFINITY, cut = 0 } = {}): Pick<FetchAnswer, 'aborted' | 'records'> {
    const all = this.batches.filter(({ lastOffset }) => lastOffset >= from);
    const whole = all.slice(0, batches);
    const next = all[whole.length]?.bytes.subarray(0, cut) ?? Buffer.alloc(0);
    const last = whole.at(-1)?.lastOffset ?? -1;
    return {
      aborted: this.#aborted
        .filter(({ firstOffset, lastOffset }) => lastOffset >= from && firstOffset <= last)
        .map(({ producerId, firstOffset }) => ({ producerId, firstOffset })),
      records: Buffer.concat([...whole.map(({ bytes }) => bytes), next]),
    };
  }
}

function stampOf(producer: number) {
  return {
    producerId: BigInt(producer),
    producerEpoch: 0,
    baseSequence: 0,
    timestamp: TIMESTAMP,
    transactional: true,
  };
}
