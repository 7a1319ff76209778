import type { BatchSupply, CsvKernel, Rejection, RowSink } from '../../../../src/formats/index.js';
import { RecordBatch } from '../../../../src/kafka/record-batch.js';
import { type Decision, latin1 } from '../read-all.js';

const HEADER_BYTES = 61;

/** Takes accepted rows as batches in the kernel's memory, as the runner does; a batch is `capacity` bytes large. */
export class RingSink implements RowSink, BatchSupply {
  readonly batches: BatchSupply = this;
  readonly accepted: string[] = [];
  readonly rejected: Decision[] = [];
  /** So many batches and rejections may be taken before there is no room any more. */
  allowance = Number.POSITIVE_INFINITY;
  #open: RecordBatch | null = null;
  #used = 0;

  constructor(
    private readonly kernel: CsvKernel,
    private readonly capacity: number,
  ) {}

  get hasRoom(): boolean {
    return this.allowance > 0;
  }

  open(): RecordBatch | null {
    if (this.#open === null && this.allowance > 0) {
      this.allowance -= 1;
      const buffer = this.kernel.batchBuffers[this.#used++ % this.kernel.batchBuffers.length] as Buffer;
      buffer.fill(0xaa);
      this.#open = new RecordBatch(buffer.subarray(0, this.capacity));
    }
    return this.#open;
  }

  close(): void {
    if (this.#open !== null) this.accepted.push(...valuesOf(this.#open));
    this.#open = null;
  }

  accept(bytes: Uint8Array, start: number, end: number): void {
    while (this.open()?.append(bytes, start, end) !== true) {
      this.close();
      this.allowance = Math.max(1, this.allowance);
    }
  }

  reject({ raw, ...rejected }: Rejection): void {
    this.allowance -= 1;
    this.rejected.push({ rejected: structuredClone(rejected), raw: latin1(raw) });
  }

  /** Decided rows, those of the open batch too. */
  get decided(): number {
    return this.accepted.length + (this.#open?.count ?? 0) + this.rejected.length;
  }
}

/** The values of a batch, in the plainest way. */
function valuesOf({ buffer, size, count }: RecordBatch): string[] {
  const values: string[] = [];
  let at = HEADER_BYTES;
  const varint = (): number => {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = buffer[at++] as number;
      value += (byte & 127) * 2 ** shift;
      if (byte < 128) return value % 2 === 1 ? -(value + 1) / 2 : value / 2;
    }
  };
  while (at < size) {
    const end = varint() + at;
    const head = [buffer[at++], varint(), varint(), varint()];
    const length = varint();
    values.push(latin1(buffer.subarray(at, at + length)));
    at += length;
    const tail = [varint(), at];
    // Not by `expect`, which takes its time: there may be many.
    if (`${head} ${tail}` !== `${[0, 0, values.length - 1, -1]} ${[0, end]}`) throw new Error(`bad record at ${at}`);
  }
  expect([at, values.length]).toEqual([size, count]);
  return values;
}
