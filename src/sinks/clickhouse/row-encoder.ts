import type { BinaryColumn } from '../../formats/index.js';
import { ABSENT, type JsonFields, NULL, STRING, TRUE } from '../json-fields.js';
import type { SinkRowErrorCode } from '../sink.js';
import { type ByteChunks, writeVarint } from './byte-chunks.js';
import { longScaled, shortFloat, shortScaled, writeBigInteger, writeInteger, writeProduct } from './numbers.js';
import { daysAt, readTimestamp, type Timestamp } from './times.js';

/** A column of an insert. */
export interface EncodedColumn {
  name: string;
  /** Its place in the model. */
  index: number;
  layout: BinaryColumn;
}

/** Why a value is not written. */
export interface Refusal {
  column: EncodedColumn;
  error: SinkRowErrorCode;
  message: string;
}

/** What a value takes at most beside its text. */
const MAX_VALUE_BYTES = 48;
const DAY_SECONDS = 86_400;
const HYPHEN = 0x2d;
/** Texts of up to this many bytes are copied byte by byte, which is faster than a call. */
const COPIED_ALONE = 48;
/** 1900-01-01 and 2299-12-31 in days since 1970: what Date32 and DateTime64 hold. */
const FIRST_DAY = -25_567;
const LAST_DAY = 120_529;
/** 2262-04-11T23:47:16, as far as nine digits of a second reach. */
const LAST_NANOSECOND_SECOND = 9_223_372_036;
const RANGE = 'ClickHouse holds the years 1900 to 2299';
const NANOSECOND_RANGE = 'ClickHouse holds 1900-01-01 to 2262-04-11 with nine digits of a second';

/** Writes rows as RowBinary has them, value by value, from where they stand in a row of JSON. */
export class RowEncoder {
  constructor(
    readonly columns: readonly EncodedColumn[],
    /** Members that the model does not know go to a last column. */
    private readonly hasExtra: boolean,
  ) {}

  /** Writes a row behind `place`, which is written first. Gives why it is not written, if so: nothing is then. */
  write(fields: JsonFields, bytes: Buffer, place: Uint8Array, out: ByteChunks): Refusal | null {
    let size = place.length + MAX_VALUE_BYTES * (this.columns.length + 1);
    for (const { index } of this.columns) size += (fields.ends[index] as number) - (fields.starts[index] as number);
    out.reserve(size);
    const { buffer } = out;
    let at = out.at;
    buffer.set(place, at);
    at += place.length;
    for (const column of this.columns) {
      const next = writeField(buffer, at, column, fields, bytes);
      if (typeof next !== 'number') return next;
      at = next;
    }
    out.at = at;
    if (this.hasExtra) writeExtra(fields, bytes, out);
    return null;
  }
}

function writeField(
  to: Buffer,
  start: number,
  column: EncodedColumn,
  fields: JsonFields,
  bytes: Buffer,
): number | Refusal {
  const { layout, index } = column;
  const kind = fields.kinds[index];
  let at = start;
  if (kind === NULL || kind === ABSENT) {
    if (!layout.nullable) return { column, error: 'REFUSED_BY_SINK', message: 'the column cannot be null' };
    to[at] = 1;
    return at + 1;
  }
  if (layout.nullable) to[at++] = 0;
  switch (layout.kind) {
    case 'text':
      return writeText(to, at, column, fields, bytes);
    case 'bool':
      to[at] = kind === TRUE ? 1 : 0;
      return at + 1;
    case 'int':
      return writeScaled(to, at, layout, fields, index, bytes);
    case 'float': {
      const short = shortFloat(bytes, fields.starts[index] as number, fields.ends[index] as number);
      const value = Number.isNaN(short) ? Number(textAt(fields, index, bytes)) : short;
      return layout.width === 4 ? to.writeFloatLE(value, at) : to.writeDoubleLE(value, at);
    }
    case 'decimal':
      return writeScaled(to, at, layout, fields, index, bytes);
    case 'date': {
      const text = plainAt(fields, index, bytes);
      const days = daysAt(text.bytes, text.start);
      if (days < FIRST_DAY || days > LAST_DAY) return { column, error: 'OUT_OF_RANGE', message: RANGE };
      return writeInteger(to, at, days, 4);
    }
    case 'timestamp':
      return writeTimestamp(to, at, column, fields, bytes);
    case 'uuid': {
      const text = plainAt(fields, index, bytes);
      return writeUuid(to, at, text.bytes, text.start);
    }
  }
}

/** Where the characters of a value that is ASCII stand: a date, a UUID. */
function plainAt(fields: JsonFields, index: number, bytes: Buffer): { bytes: Buffer; start: number; end: number } {
  if (fields.escaped[index] === 1) {
    const text = Buffer.from(fields.textOf(index), 'latin1');
    return { bytes: text, start: 0, end: text.length };
  }
  return { bytes, start: fields.starts[index] as number, end: fields.ends[index] as number };
}

/** The text of a value that is ASCII. */
function textAt(fields: JsonFields, index: number, bytes: Buffer): string {
  return fields.escaped[index] === 1
    ? fields.textOf(index)
    : bytes.toString('latin1', fields.starts[index], fields.ends[index]);
}

function writeText(
  to: Buffer,
  start: number,
  column: EncodedColumn,
  fields: JsonFields,
  bytes: Buffer,
): number | Refusal {
  const { index } = column;
  const kind = fields.kinds[index];
  if (kind === STRING && fields.escaped[index] === 1) {
    const text = fields.textOf(index);
    if (!text.isWellFormed()) {
      return { column, error: 'UNSUPPORTED_VALUE', message: 'half of a surrogate pair is not text' };
    }
    const at = writeVarint(to, start, Buffer.byteLength(text));
    return at + to.write(text, at);
  }
  // Anything else than a string is kept as JSON.
  const [from, end] = [fields.starts[index] as number, fields.ends[index] as number];
  let at = writeVarint(to, start, end - from);
  if (end - from > COPIED_ALONE) return at + bytes.copy(to, at, from, end);
  for (let next = from; next < end; next++) to[at++] = bytes[next] as number;
  return at;
}

/** An integer, or a decimal as one. */
function writeScaled(
  to: Buffer,
  at: number,
  { width, scale }: BinaryColumn,
  fields: JsonFields,
  index: number,
  bytes: Buffer,
): number {
  const short = shortScaled(bytes, fields.starts[index] as number, fields.ends[index] as number, scale);
  if (!Number.isNaN(short)) return writeInteger(to, at, short, width);
  return writeBigInteger(to, at, longScaled(textAt(fields, index, bytes), scale), width);
}

const timestamp: Timestamp = { seconds: 0, nanoseconds: 0 };

function writeTimestamp(
  to: Buffer,
  at: number,
  column: EncodedColumn,
  fields: JsonFields,
  bytes: Buffer,
): number | Refusal {
  const { scale } = column.layout;
  const text = plainAt(fields, column.index, bytes);
  const { seconds, nanoseconds } = readTimestamp(text.bytes, text.start, text.end, timestamp);
  if (scale === 9 ? seconds >= LAST_NANOSECOND_SECOND : seconds >= (LAST_DAY + 1) * DAY_SECONDS) {
    return { column, error: 'OUT_OF_RANGE', message: scale === 9 ? NANOSECOND_RANGE : RANGE };
  }
  if (!(seconds >= FIRST_DAY * DAY_SECONDS)) return { column, error: 'OUT_OF_RANGE', message: RANGE };
  const unit = 10 ** (9 - scale);
  if (nanoseconds % unit !== 0) {
    const message = `the column has ${scale} digits of a second: use DateTime64(9)`;
    return { column, error: 'OUT_OF_RANGE', message };
  }
  return writeProduct(to, at, seconds, 10 ** scale, nanoseconds / unit);
}

/** Two numbers of 64 bits, the first digits last. */
function writeUuid(to: Buffer, at: number, text: Uint8Array, start: number): number {
  let from = start;
  for (let i = 0; i < 16; i++) {
    if (text[from] === HYPHEN) from++;
    to[at + (i < 8 ? 7 - i : 23 - i)] = (hexDigit(text[from] as number) << 4) | hexDigit(text[from + 1] as number);
    from += 2;
  }
  return at + 16;
}

function hexDigit(code: number): number {
  return code < 0x3a ? code - 0x30 : (code & 0xdf) - 0x37;
}

/** The members that the model does not know, as a JSON object; empty if there are none. */
function writeExtra({ extras }: JsonFields, bytes: Buffer, out: ByteChunks): void {
  if (extras.length === 0) {
    out.buffer[out.at++] = 0; // `reserve` counted one column more
    return;
  }
  const members = extras.map(({ name, kind, start, end }) => {
    const isText = kind === STRING ? 1 : 0;
    return `${JSON.stringify(name)}:${bytes.toString('utf8', start - isText, end + isText)}`;
  });
  const text = Buffer.from(`{${members.join(',')}}`);
  out.reserve(text.length + MAX_VALUE_BYTES);
  const at = writeVarint(out.buffer, out.at, text.length);
  out.at = at + text.copy(out.buffer, at);
}
