import type { Normalizer } from '../../validation/normalization.js';
import { StringReader } from './bytes.js';
import { writeString } from './json-bytes.js';
import { ROW_LIMIT_BYTES, type RowFlags } from './value-reader.js';

/** Texts that are written normalized; checks, which do the same, and messages are given the text itself. */
export class NormalizedTextReader extends StringReader {
  constructor(
    private readonly normalize: Normalizer,
    notes: RowFlags,
  ) {
    super(notes);
  }

  override write(row: number, out: Uint8Array, at: number): number {
    if (this.isUnusable(row)) return super.write(row, out, at);
    const bytes = Buffer.from(this.normalize(this.text(row)));
    return writeString(out, at, bytes, 0, Math.min(bytes.length, ROW_LIMIT_BYTES));
  }
}
