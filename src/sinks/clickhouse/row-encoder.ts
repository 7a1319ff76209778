import type { BinaryColumn } from '../../formats/index.js';
import { ABSENT, NULL, type RowFields, STRING, TRUE } from '../row-fields.js';
import type { SinkRowErrorCode } from '../sink.js';
import { type ByteChunks, writeVarint } from './byte-chunks.js';

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
const DAY_MS = 86_400_000;
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
  write(fields: RowFields, bytes: Buffer, place: Uint8Array, out: ByteChunks): Refusal | null {
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
  fields: RowFields,
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
      return writeInteger(to, at, BigInt(textAt(fields, index, bytes)), layout.width);
    case 'float': {
      const value = Number(textAt(fields, index, bytes));
      return layout.width === 4 ? to.writeFloatLE(value, at) : to.writeDoubleLE(value, at);
    }
    case 'decimal':
      return writeInteger(to, at, scaled(textAt(fields, index, bytes), layout.scale), layout.width);
    case 'date': {
      const days = Date.parse(`${textAt(fields, index, bytes)}T00:00:00Z`) / DAY_MS;
      if (days < FIRST_DAY || days > LAST_DAY) return { column, error: 'OUT_OF_RANGE', message: RANGE };
      return to.writeInt32LE(days, at);
    }
    case 'timestamp':
      return writeTimestamp(to, at, column, textAt(fields, index, bytes));
    case 'uuid': {
      const hex = Buffer.from(textAt(fields, index, bytes).replaceAll('-', ''), 'hex');
      to.set(hex.subarray(0, 8).reverse(), at);
      to.set(hex.subarray(8).reverse(), at + 8);
      return at + 16;
    }
  }
}

/** The text of a value that is ASCII: a number, a date, a UUID. */
function textAt(fields: RowFields, index: number, bytes: Buffer): string {
  return fields.escaped[index] === 1
    ? fields.textOf(index)
    : bytes.toString('latin1', fields.starts[index], fields.ends[index]);
}

function writeText(
  to: Buffer,
  start: number,
  column: EncodedColumn,
  fields: RowFields,
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
  const at = writeVarint(to, start, end - from);
  return at + bytes.copy(to, at, from, end);
}

function writeInteger(to: Buffer, at: number, value: bigint, width: number): number {
  switch (width) {
    case 1:
      to[at] = Number(BigInt.asUintN(8, value));
      return at + 1;
    case 2:
      return to.writeUInt16LE(Number(BigInt.asUintN(16, value)), at);
    case 4:
      return to.writeUInt32LE(Number(BigInt.asUintN(32, value)), at);
    default: {
      let rest = value;
      let next = at;
      for (; next < at + width; rest >>= 64n) next = to.writeBigUInt64LE(BigInt.asUintN(64, rest), next);
      return next;
    }
  }
}

/** `-1.5` with two digits: -150n. */
function scaled(text: string, digits: number): bigint {
  const point = text.indexOf('.');
  const whole = point < 0 ? text : text.slice(0, point);
  const fraction = point < 0 ? '' : text.slice(point + 1);
  return BigInt(whole + fraction.padEnd(digits, '0'));
}

const TIMESTAMP = /^(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(?:\.(\d+))?(Z|[+-]\d\d:?\d\d)?$/;

/** A timestamp, in UTC unless it says its zone, or epoch seconds. */
function writeTimestamp(to: Buffer, at: number, column: EncodedColumn, text: string): number | Refusal {
  const { scale } = column.layout;
  const [, day, time, fraction = '', zone = 'Z'] = TIMESTAMP.exec(text) ?? [];
  const offset = zone.length === 5 ? `${zone.slice(0, 3)}:${zone.slice(3)}` : zone;
  const seconds = day === undefined ? Number(text) : Date.parse(`${day}T${time}${offset}`) / 1000;
  if (scale === 9 ? seconds >= LAST_NANOSECOND_SECOND : seconds >= (LAST_DAY + 1) * 86_400) {
    return { column, error: 'OUT_OF_RANGE', message: scale === 9 ? NANOSECOND_RANGE : RANGE };
  }
  if (!(seconds >= FIRST_DAY * 86_400)) return { column, error: 'OUT_OF_RANGE', message: RANGE };
  const beyond = fraction.slice(scale);
  if (/[1-9]/.test(beyond)) {
    const message = `the column has ${scale} digits of a second: use DateTime64(${fraction.length})`;
    return { column, error: 'OUT_OF_RANGE', message };
  }
  const ticks = BigInt(seconds) * 10n ** BigInt(scale) + BigInt(fraction.slice(0, scale).padEnd(scale, '0') || '0');
  return to.writeBigInt64LE(ticks, at);
}

/** The members that the model does not know, as a JSON object; empty if there are none. */
function writeExtra({ extras }: RowFields, bytes: Buffer, out: ByteChunks): void {
  const members = extras.map(({ name, kind, start, end }) => {
    const isText = kind === STRING ? 1 : 0;
    return `${JSON.stringify(name)}:${bytes.toString('utf8', start - isText, end + isText)}`;
  });
  const text = Buffer.from(members.length === 0 ? '' : `{${members.join(',')}}`);
  out.reserve(text.length + MAX_VALUE_BYTES);
  const at = writeVarint(out.buffer, out.at, text.length);
  out.at = at + text.copy(out.buffer, at);
}
