import type { RecordBatchOutput, Rejection, RowConsumer } from '../formats/index.js';

/**
 * Passes rejections on with the offsets that their rows have in the original of a transcoded text. Readers that could
 * write rejections in place are not offered it, because they would write their own offsets.
 */
export class OffsetMappingConsumer implements RowConsumer {
  constructor(
    readonly consumer: RowConsumer,
    private readonly originOf: (offset: number) => number,
  ) {}

  get hasRoom(): boolean {
    return this.consumer.hasRoom !== false;
  }

  get batches(): RecordBatchOutput | undefined {
    return this.consumer.batches;
  }

  accept(bytes: Uint8Array, start: number, end: number): void {
    this.consumer.accept(bytes, start, end);
  }

  reject(rejection: Rejection): void {
    const { byteOffset } = rejection;
    this.consumer.reject({ ...rejection, byteOffset: byteOffset === null ? null : this.originOf(byteOffset) });
  }
}
