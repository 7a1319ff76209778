import { fitsRecord } from '../limits.js';
import { tooLarge } from '../row-errors.js';
import type { FieldError, RowConsumer, ValueFormat } from '../row-reader.js';
import { CompactWriter } from './compact-writer.js';
import type { ElementScanner } from './element-scanner.js';

/** Hands on the rows that a scanner has found good. */
export class RowOutput {
  readonly #writer: CompactWriter | null;

  constructor(
    private readonly scanner: ElementScanner,
    valueFormat: ValueFormat = 'raw',
  ) {
    this.#writer = valueFormat === 'json' ? new CompactWriter() : null;
  }

  /** The object that was scanned last, from `start` on. Returns what is wrong with it, if it does not fit a record. */
  accept(consumer: RowConsumer, bytes: Buffer, start: number): FieldError[] | null {
    const { row, stop, isCompact } = this.scanner;
    const writer = this.#writer;
    if (writer === null || isCompact) {
      consumer.accept(bytes, start, stop);
      return null;
    }
    writer.write(row, bytes, start, stop);
    if (consumer.takesAnySize !== true && !fitsRecord(writer.length)) return [tooLarge(writer.length, 'json')];
    consumer.accept(writer.bytes, 0, writer.length);
    return null;
  }
}
