import { RecordBatch } from '../kafka/index.js';

/** 16 MB in flight, and one open batch for each of the two topics. */
const HEAP_BATCHES = 18;

/** A fixed number of record batches that go round: taken, filled, sent, and given back when they are acknowledged. */
export class RecordBatchPool {
  readonly #free: RecordBatch[];
  readonly #own: ReadonlySet<RecordBatch>;

  /** Uses the given memory, or allocates it. */
  constructor(buffers?: readonly Buffer[]) {
    const batches = buffers?.map((buffer) => new RecordBatch(buffer));
    this.#free = batches ?? Array.from({ length: HEAP_BATCHES }, () => new RecordBatch());
    this.#own = new Set(this.#free);
  }

  get free(): number {
    return this.#free.length;
  }

  /** An empty batch; null if all are in use. */
  take(): RecordBatch | null {
    return this.#free.pop() ?? null;
  }

  /** Returns a batch whose bytes nobody will read again. */
  giveBack(batch: RecordBatch): void {
    batch.reset();
    if (this.#own.has(batch)) this.#free.push(batch);
  }
}
