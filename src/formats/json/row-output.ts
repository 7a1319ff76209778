import type { RowSink, ValueFormat } from '../row-reader.js';
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

  /** The object that was scanned last, from `start` on. */
  accept(sink: RowSink, bytes: Buffer, start: number): void {
    const { row, stop, isCompact } = this.scanner;
    const writer = this.#writer;
    if (writer === null || isCompact) {
      sink.accept(bytes, start, stop);
      return;
    }
    writer.write(row, bytes, start, stop);
    sink.accept(writer.bytes, 0, writer.length);
  }
}
