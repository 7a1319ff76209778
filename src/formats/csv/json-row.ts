import type { NullValues, QuotedEmpty, QuotedNulls } from '../../ingest/index.js';
import { type Column, parseColumnType } from '../../models/schema/index.js';
import { type JsonWriter, jsonWriter } from '../validation/json-value.js';
import { type Normalizations, type Normalizer, normalizers } from '../validation/normalization.js';
import { matchHeader } from './header-matching.js';
import { isSpelledNull, type NullSpellings, nullSpellings } from './null-spellings.js';
import type { RowFields } from './row-check.js';

interface JsonRowOptions {
  columns: readonly Column[];
  additionalColumns: boolean;
  header: { columns: readonly string[] };
  nullValues?: NullValues | undefined;
  quotedNulls?: QuotedNulls | undefined;
  quotedEmpty?: QuotedEmpty | undefined;
  normalize?: Normalizations | undefined;
}

interface JsonColumn {
  /** `{"name":` of the first column, `,"name":` of any other. */
  key: string;
  nullable: boolean;
  nulls: NullSpellings | null;
  normalize: Normalizer | undefined;
  write: JsonWriter;
}

/** Writes accepted rows as compact JSON objects: every column of the file, in its order, under its name. */
export class JsonRow {
  readonly #columns: readonly JsonColumn[];
  readonly #isQuotedEmptyNull: boolean;

  constructor(options: JsonRowOptions) {
    const { header, columns, additionalColumns } = options;
    this.#isQuotedEmptyNull = options.quotedEmpty === 'null';
    const normalizes = normalizers(options.normalize);
    const known = new Map(
      matchHeader(header.columns, columns, additionalColumns).map((each) => [each.index, each.column]),
    );
    this.#columns = header.columns.map((name, index) => {
      const column = known.get(index);
      return {
        key: keyOf(name, index),
        // A column that the model does not know is like a Nullable(String).
        nullable: column?.nullable ?? true,
        nulls: nullSpellings(options, name, column === undefined || isText(column)),
        normalize: normalizes.get(name),
        write: column === undefined ? JSON.stringify : writerOf(column),
      };
    });
  }

  /** The JSON of a row that was accepted. */
  encode(row: RowFields): Buffer {
    let json = '';
    for (const [index, { key, nullable, nulls, normalize, write }] of this.#columns.entries()) {
      const field = row.text(index);
      const text = normalize === undefined ? field : normalize(field);
      // Only a String may be empty and not null.
      const isNull =
        nullable &&
        (text === '' ? this.#isQuotedEmptyNull || !row.isQuoted(index) : isSpelledNull(nulls, text, row, index));
      json += key + (isNull ? 'null' : write(text));
    }
    return Buffer.from(`${json}}`);
  }
}

export function keyOf(name: string, index: number): string {
  return `${index === 0 ? '{' : ','}${JSON.stringify(name)}:`;
}

function isText({ type }: Column): boolean {
  const parsed = parseColumnType(type);
  return typeof parsed !== 'string' && parsed.kind === 'string';
}

function writerOf(column: Column): JsonWriter {
  const type = parseColumnType(column.type);
  if (typeof type === 'string') throw new Error(`${column.type}: ${type}`);
  return jsonWriter(type);
}
