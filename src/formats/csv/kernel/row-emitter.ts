import type { BinaryRowOutput } from '../../binary-rows.js';
import { fitsRecord } from '../../limits.js';
import { rejectionOf, tooLarge } from '../../row-errors.js';
import type { FieldError, OpenRecordBatch, RecordBatchOutput, RowConsumer, RowNumber } from '../../row-reader.js';
import { broken } from '../row-errors.js';
import {
  BINARY_END,
  CONSTRAINED_COUNT,
  DATA_BATCH,
  DATA_FULL,
  DLQ_BATCH,
  DLQ_FULL,
  KEY_BYTES,
  LEFT_OVER,
  REJECTED,
  ROWS_LEFT,
  STOPPED,
  TEMPLATE_TEXT,
  TOO_LARGE,
} from './control-slots.js';
import type { CsvKernel } from './csv-kernel.js';
import type { InputWindows } from './input-windows.js';
import { BATCH_COUNT, BATCH_STRIDE, BATCHES, MAX_ROWS, PLACES, ROW_TEXT } from './memory-layout.js';
import type { RejectionTemplates } from './rejection-templates.js';
import type { RowJudge } from './row-judge.js';
import type { RowTable } from './row-table.js';

/** All of the batches together: rows in binary go to no batch. */
const BATCHES_END = BATCHES + BATCH_COUNT * BATCH_STRIDE - 128;
/** Slots of a lent batch behind its address: capacity, bytes, records. */
const CAPACITY = 1;
const BYTES = 2;
const RECORDS = 3;

/** Hands the rows of the table to a consumer, in order and as far as it has room. */
export class RowEmitter {
  readonly #places: Float64Array;
  #templates: RejectionTemplates | undefined;

  /** `makeTemplates`: called when rows go to record batches first. */
  constructor(
    private readonly kernel: CsvKernel,
    private readonly table: RowTable,
    private readonly judge: RowJudge,
    private readonly makeTemplates: () => RejectionTemplates,
    private readonly windows: InputWindows,
  ) {
    this.#places = new Float64Array(kernel.memory.buffer, PLACES, 2 * MAX_ROWS);
  }

  /** `rowsBefore`: rows of the file before the table's first. false: the consumer has no room for all of them. */
  emit(consumer: RowConsumer, rowsBefore: number): boolean {
    const { batches, binary } = consumer;
    if (binary !== undefined) {
      this.#writeBinary(consumer, binary, rowsBefore);
      return true;
    }
    return batches === undefined ? this.#give(consumer, rowsBefore) : this.#write(consumer, batches, rowsBefore);
  }

  /** To a consumer that takes row by row. */
  #give(consumer: RowConsumer, rowsBefore: number): boolean {
    const { table } = this;
    for (; table.next < table.count; table.next++) {
      if (consumer.hasRoom === false) return false;
      const row = table.next;
      const errors = (table.isGood(row) ? null : this.#errorsOf(row)) ?? this.#accept(row, consumer);
      if (errors !== null) this.#reject(row, errors, consumer, rowsBefore);
    }
    return true;
  }

  /** Writes a good row; returns its errors if it does not fit a record. */
  #accept(row: number, consumer: RowConsumer): FieldError[] | null {
    const { table, kernel } = this;
    if (kernel.get(KEY_BYTES) === 0) {
      consumer.accept(kernel.memory, table.start(row), table.stop(row));
      return null;
    }
    const size = kernel.calls.writeRow(row);
    if (consumer.takesAnySize !== true && !fitsRecord(size)) return [tooLarge(size, 'json')];
    consumer.accept(kernel.memory, ROW_TEXT, ROW_TEXT + size);
    return null;
  }

  /** To a consumer that takes rows in binary: all of them. */
  #writeBinary(consumer: RowConsumer, binary: BinaryRowOutput, rowsBefore: number): void {
    const { table, kernel, judge } = this;
    const { memory } = kernel;
    binary.places(this.#places.subarray(2 * table.next, 2 * table.count), table.count - table.next);
    while (table.next < table.count) {
      const first = table.next;
      table.next = kernel.calls.emitBinary(first, table.count, BATCHES, BATCHES_END);
      if (table.next > first) binary.write(memory.subarray(BATCHES, kernel.get(BINARY_END)), table.next - first);
      else if (kernel.get(STOPPED) === DATA_FULL) throw new Error('a row in binary is larger than all batches');
      if (kernel.get(STOPPED) !== LEFT_OVER) continue;
      const row = table.next;
      if (!table.isGood(row)) {
        const errors = this.#errorsOf(row);
        if (errors === null) table.markGood(row);
        else this.#reject(row, errors, consumer, rowsBefore);
        table.next = errors === null ? row : row + 1;
        continue;
      }
      const value = judge.valueOf(memory, table.start(row), table.stop(row));
      consumer.accept(value, 0, value.length);
      table.next = row + 1;
    }
  }

  /** To a consumer with batches in the kernel's memory. */
  #write(consumer: RowConsumer, batches: RecordBatchOutput, rowsBefore: number): boolean {
    const { kernel, table } = this;
    const { rejections } = consumer;
    this.#templates ??= this.makeTemplates();
    const templates = this.#templates;
    if (rejections === undefined) kernel.set(TEMPLATE_TEXT, 0);
    else templates.useFrame(rejections.frame);
    if (kernel.get(CONSTRAINED_COUNT) > 0 && kernel.get(ROWS_LEFT) > 0) this.#checkConstraints();
    let data: OpenRecordBatch | null = null;
    let dlq: OpenRecordBatch | null = null;
    while (table.next < table.count) {
      this.#lend(data, DATA_BATCH);
      this.#lend(dlq, DLQ_BATCH);
      const first = table.next;
      table.next = kernel.calls.emitRows(first, table.count, rowsBefore, this.windows.offsetOf(0));
      this.#takeBack(data, DATA_BATCH);
      this.#takeBack(dlq, DLQ_BATCH);
      if (kernel.get(REJECTED) > 0) {
        templates.takeCounts((code, rows) =>
          rejections?.written(code, rows, (most) => this.#strayRows(first, most, rowsBefore)),
        );
      }
      switch (kernel.get(STOPPED)) {
        case DATA_FULL:
          data = next(batches, data);
          if (data === null) return false;
          break;
        case DLQ_FULL:
          dlq = rejections === undefined ? null : next(rejections, dlq);
          if (dlq === null) return false;
          break;
        case LEFT_OVER:
        case TOO_LARGE: {
          const row = table.next;
          const errors = table.isGood(row) ? [tooLarge(kernel.calls.writeRow(row), 'json')] : this.#errorsOf(row);
          if (errors === null) {
            table.markGood(row);
            break;
          }
          if (consumer.hasRoom === false) return false;
          this.#reject(row, errors, consumer, rowsBefore);
          table.next = row + 1;
          // It may have gone to the batch that is lent, or to the one behind it.
          dlq = null;
          break;
        }
      }
    }
    return true;
  }

  /** Those at whose quotes records break, between `first` and the next undecided row. */
  #strayRows(first: number, most: number, rowsBefore: number): RowNumber[] {
    const { table } = this;
    const found: RowNumber[] = [];
    for (let row = first; row < table.next && found.length < most; row++) {
      if (table.isStray(row)) found.push({ rowNumber: rowsBefore + row + 1, line: table.line(row) });
    }
    return found;
  }

  /** Most rows of a model with constraints are good all the same. */
  #checkConstraints(): void {
    const { table } = this;
    for (let row = table.next; row < table.count; row++) {
      if (table.isTyped(row) && this.#errorsOf(row) === null) table.markGood(row);
    }
  }

  #lend(batch: OpenRecordBatch | null, slot: number): void {
    const { kernel } = this;
    if (batch === null) {
      kernel.set(slot, 0);
      return;
    }
    const { buffer, byteOffset, length } = batch.buffer;
    if (buffer !== kernel.memory.buffer) throw new Error('the batch is not in the memory of this kernel');
    kernel.set(slot, byteOffset);
    kernel.set(slot + CAPACITY, length);
    kernel.set(slot + BYTES, batch.size);
    kernel.set(slot + RECORDS, batch.count);
  }

  #takeBack(batch: OpenRecordBatch | null, slot: number): void {
    batch?.extend(this.kernel.get(slot + BYTES), this.kernel.get(slot + RECORDS));
  }

  #errorsOf(row: number): FieldError[] | null {
    const { table, judge } = this;
    if (table.isStray(row)) return [broken('STRAY_QUOTE')];
    return table.isUnknown(row)
      ? judge.errorsOfRow(this.kernel.memory, table.start(row), table.stop(row))
      : judge.errorsOfEntries(table.firstEntry(row), table.entryCount(row));
  }

  #reject(row: number, errors: FieldError[], consumer: RowConsumer, rowsBefore: number): void {
    const { table } = this;
    const start = table.start(row);
    const place = {
      rowNumber: rowsBefore + row + 1,
      line: table.line(row),
      byteOffset: this.windows.offsetOf(start),
    };
    consumer.reject(rejectionOf(place, errors, this.kernel.memory, start, table.stop(row)));
  }
}

/** The batch that is open, or the one that takes the place of a full one; null if there is no room. */
function next(supply: RecordBatchOutput, full: OpenRecordBatch | null): OpenRecordBatch | null {
  if (full?.count === 0) throw new Error('the row does not fit into an empty batch');
  if (full !== null) supply.close();
  return supply.open();
}
