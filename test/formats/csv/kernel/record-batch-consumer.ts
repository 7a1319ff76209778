import {
  type CsvKernel,
  encodeRejectedRow,
  type RecordBatchOutput,
  type RejectedRowFrame,
  type Rejection,
  type RejectionBatchOutput,
  type RowConsumer,
  type RowErrorCode,
  type RowNumber,
  rejectedRowFrame,
} from '../../../../src/formats/index.js';
import { RecordBatch } from '../../../../src/kafka/record-batch.js';
import { type Decision, latin1 } from '../read-all.js';

const HEADER_BYTES = 61;
const JOB_ID = 'a1b2c3d4';
const TIMESTAMP = '2026-01-02T03:04:05.678Z';

/** Takes rows as batches in the kernel's memory, as the runner does. */
export class RecordBatchConsumer implements RowConsumer {
  readonly batches: Lane;
  readonly rejections: RejectionLane;
  /** The number of batches and rejections that may be taken before there is no room. */
  allowance = Number.POSITIVE_INFINITY;
  /** Rejections that went through `reject`. */
  rejectedHere = 0;
  /** Rows that went through `accept`. */
  acceptedHere = 0;
  readonly #kernel: CsvKernel;
  #used = 0;

  /** `capacity`, `rejectionCapacity`: size in bytes of the data batches and of those of the rejections. */
  constructor(kernel: CsvKernel, capacity: number, rejectionCapacity = 1024 ** 2) {
    this.#kernel = kernel;
    this.batches = new Lane(this, capacity);
    this.rejections = new RejectionLane(this, rejectionCapacity);
  }

  get hasRoom(): boolean {
    return this.allowance > 0;
  }

  takeBuffer(capacity: number): Buffer | null {
    if (this.allowance <= 0) return null;
    this.allowance -= 1;
    const { batchBuffers } = this.#kernel;
    const buffer = batchBuffers[this.#used++ % batchBuffers.length] as Buffer;
    buffer.fill(0xaa, 0, capacity);
    return buffer.subarray(0, capacity);
  }

  accept(bytes: Uint8Array, start: number, end: number): void {
    this.acceptedHere += 1;
    this.batches.append(bytes, start, end);
  }

  reject(rejection: Rejection): void {
    this.allowance -= 1;
    this.rejectedHere += 1;
    const json = encodeRejectedRow(JOB_ID, rejection, TIMESTAMP);
    this.rejections.append(json, 0, json.length);
    this.rejections.written(rejection.errors[0]?.error as RowErrorCode, 1, () => [rejection]);
  }

  get decided(): number {
    return this.batches.count + this.rejections.count;
  }

  end(): void {
    this.batches.close();
    this.rejections.close();
  }
}

class Lane implements RecordBatchOutput {
  readonly values: string[] = [];
  #open: RecordBatch | null = null;

  constructor(
    private readonly consumer: RecordBatchConsumer,
    private readonly capacity: number,
  ) {}

  get count(): number {
    return this.values.length + (this.#open?.count ?? 0);
  }

  open(): RecordBatch | null {
    if (this.#open === null) {
      const buffer = this.consumer.takeBuffer(this.capacity);
      if (buffer !== null) this.#open = new RecordBatch(buffer);
    }
    return this.#open;
  }

  close(): void {
    if (this.#open !== null) this.values.push(...valuesOf(this.#open));
    this.#open = null;
  }

  append(bytes: Uint8Array, start: number, end: number): void {
    while (this.open()?.append(bytes, start, end) !== true) {
      this.close();
      this.consumer.allowance = Math.max(1, this.consumer.allowance);
    }
  }
}

class RejectionLane extends Lane implements RejectionBatchOutput {
  readonly frame: RejectedRowFrame = rejectedRowFrame(JOB_ID, TIMESTAMP);
  readonly byCode: Partial<Record<RowErrorCode, number>> = {};

  /** Rows at whose quotes records break. */
  readonly strays: number[] = [];

  written(code: RowErrorCode, rows: number, first: (most: number) => RowNumber[]): void {
    this.byCode[code] = (this.byCode[code] ?? 0) + rows;
    if (code !== 'STRAY_QUOTE') return;
    const found = first(rows);
    // There are no others.
    expect(found).toHaveLength(rows);
    this.strays.push(...found.map(({ rowNumber }) => rowNumber));
  }
}

/** What a consumer must hold in the end. */
export function expectedOf(decisions: readonly Decision[]): {
  accepted: string[];
  rejected: string[];
  byCode: Partial<Record<RowErrorCode, number>>;
  strays: number[];
} {
  const rejections = decisions.flatMap((each) => ('rejected' in each ? [each] : []));
  const byCode: Partial<Record<RowErrorCode, number>> = {};
  for (const { rejected } of rejections) {
    const [first] = rejected.errors;
    if (first !== undefined) byCode[first.error] = (byCode[first.error] ?? 0) + 1;
  }
  return {
    accepted: decisions.flatMap((each) => ('accepted' in each ? [each.accepted] : [])),
    rejected: rejections.map(({ rejected, raw }) =>
      latin1(encodeRejectedRow(JOB_ID, { ...rejected, raw: Buffer.from(raw, 'latin1') }, TIMESTAMP)),
    ),
    byCode,
    strays: rejections.flatMap(({ rejected: { errors, rowNumber } }) =>
      errors[0]?.error === 'STRAY_QUOTE' ? [rowNumber] : [],
    ),
  };
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
