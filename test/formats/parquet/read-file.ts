import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ParquetReader, type ParquetReaderOptions } from '../../../src/formats/parquet/parquet-reader.js';
import type { FieldError, Position, Rejection, RowConsumer } from '../../../src/formats/row-reader.js';
import { compileSchema } from '../../../src/models/schema/index.js';

export const ANY_COLUMNS = { type: 'object' };
const MAX_BYTES = 256 * 1024 ** 2;

export function fixture(name: string): string {
  return new URL(`../../fixtures/parquet/${name}`, import.meta.url).pathname;
}

export interface Rejected {
  row: number;
  errors: FieldError[];
  raw: string;
}

/** Every decision about a file, and where the reader stood after each step. */
export class Decisions implements RowConsumer {
  readonly accepted: string[] = [];
  readonly rejected: Rejected[] = [];
  readonly steps: { position: Position; decided: number }[] = [];
  columns: string[] | null = null;

  accept(bytes: Uint8Array, start: number, end: number): void {
    this.accepted.push(Buffer.from(bytes.subarray(start, end)).toString());
  }

  reject({ rowNumber, line, byteOffset, errors, raw }: Rejection): void {
    expect([line, byteOffset]).toEqual([null, null]);
    this.rejected.push({ row: rowNumber, errors, raw: Buffer.from(raw).toString() });
  }
}

/** Reads a file to its end, from a position or its beginning. */
export async function readFile(
  path: string,
  schema: object,
  position?: Position,
  options: Partial<Pick<ParquetReaderOptions, 'renames' | 'normalize' | 'maxBytes'>> = {},
): Promise<Decisions> {
  const file = await open(path);
  try {
    const { size } = await file.stat();
    const model = compileSchema(schema);
    const reader = await ParquetReader.open({ file, size, ...model, maxBytes: MAX_BYTES, ...options, position });
    const decisions = new Decisions();
    decisions.columns = reader.columns;
    try {
      for (let more = true; more; ) {
        more = await reader.advance(decisions);
        const decided = decisions.accepted.length + decisions.rejected.length;
        decisions.steps.push({ position: reader.position, decided });
      }
    } finally {
      reader.close();
    }
    return decisions;
  } finally {
    await file.close();
  }
}

/** The same of bytes. */
export async function readBytes(bytes: Uint8Array, schema: object): Promise<Decisions> {
  const folder = mkdtempSync(join(tmpdir(), 'batch-parquet-'));
  try {
    const path = join(folder, 'file.parquet');
    writeFileSync(path, bytes);
    return await readFile(path, schema);
  } finally {
    rmSync(folder, { recursive: true });
  }
}
