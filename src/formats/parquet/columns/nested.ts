import type { ArrowArray } from '../arrow-data.js';
import { writeAscii } from './json-bytes.js';
import { ROW_LIMIT_BYTES, ValueReader, view } from './value-reader.js';

const COMMA = 0x2c;
const COLON = 0x3a;

/** The values inside a value as one text is for no check; messages show none. */
abstract class NestedReader extends ValueReader {
  override text(): string {
    return '';
  }
}

export class NullReader extends ValueReader {
  protected override bindValues(): void {
    // There are no values.
  }

  override isNull(): boolean {
    return true;
  }

  override write(_row: number, out: Uint8Array, at: number): number {
    return writeAscii(out, at, 'null');
  }
}

export class ListReader extends NestedReader {
  #offsets = new Int32Array();

  constructor(private readonly element: ValueReader) {
    super();
  }

  protected override bindValues(array: ArrowArray, memory: ArrayBuffer): void {
    this.#offsets = offsetsOf(array, memory);
    this.element.bind(childOf(array, 0), memory);
  }

  /** A row's items are the element's values from here on, up to `to`. */
  from(row: number): number {
    return this.#offsets[row + this.offset] as number;
  }

  to(row: number): number {
    return this.#offsets[row + this.offset + 1] as number;
  }

  override write(row: number, out: Uint8Array, at: number): number {
    const from = this.from(row);
    const to = this.to(row);
    let end = at;
    out[end++] = 0x5b;
    for (let i = from; i < to && end < ROW_LIMIT_BYTES; i++) {
      if (i > from) out[end++] = COMMA;
      end = writeValue(this.element, i, out, end);
    }
    out[end++] = 0x5d;
    return end;
  }
}

export class StructReader extends NestedReader {
  readonly #fields: readonly { key: Buffer; reader: ValueReader }[];

  constructor(fields: readonly { name: string; reader: ValueReader }[]) {
    super();
    this.#fields = fields.map(({ name, reader }, index) => ({ key: memberKey(name, index), reader }));
  }

  protected override bindValues(array: ArrowArray, memory: ArrayBuffer): void {
    for (const [index, { reader }] of this.#fields.entries()) reader.bind(childOf(array, index), memory);
  }

  /** A row's members are the fields' values of this number. */
  indexOf(row: number): number {
    return row + this.offset;
  }

  override write(row: number, out: Uint8Array, at: number): number {
    const index = this.indexOf(row);
    let end = at;
    out[end++] = 0x7b;
    for (const { key, reader } of this.#fields) {
      if (end > ROW_LIMIT_BYTES) break;
      out.set(key, end);
      end = writeValue(reader, index, out, end + key.length);
    }
    out[end++] = 0x7d;
    return end;
  }
}

/** A map is an object; keys that are not strings are written as such. */
export class MapReader extends NestedReader {
  #offsets = new Int32Array();
  /** Index of the first entry, a struct of key and value. */
  #entriesOffset = 0;

  constructor(
    private readonly key: ValueReader,
    private readonly value: ValueReader,
    /** Readers of the values of some keys, in place of `value`. */
    private readonly known: ReadonlyMap<string, ValueReader>,
  ) {
    super();
  }

  protected override bindValues(array: ArrowArray, memory: ArrayBuffer): void {
    this.#offsets = offsetsOf(array, memory);
    const entries = childOf(array, 0);
    this.#entriesOffset = entries.offset;
    this.key.bind(childOf(entries, 0), memory);
    for (const reader of [this.value, ...this.known.values()]) reader.bind(childOf(entries, 1), memory);
  }

  /** A row's entries are the values of key and value from here on, up to `to`. */
  from(row: number): number {
    return (this.#offsets[row + this.offset] as number) + this.#entriesOffset;
  }

  to(row: number): number {
    return (this.#offsets[row + this.offset + 1] as number) + this.#entriesOffset;
  }

  override write(row: number, out: Uint8Array, at: number): number {
    const from = this.from(row);
    const to = this.to(row);
    let end = at;
    out[end++] = 0x7b;
    for (let i = from; i < to && end < ROW_LIMIT_BYTES; i++) {
      if (i > from) out[end++] = COMMA;
      end = this.#writeKey(i, out, end);
      out[end++] = COLON;
      if (end < ROW_LIMIT_BYTES) end = writeValue(this.#readerOf(i), i, out, end);
    }
    out[end++] = 0x7d;
    return end;
  }

  #readerOf(index: number): ValueReader {
    return this.known.size === 0 ? this.value : (this.known.get(this.key.text(index)) ?? this.value);
  }

  #writeKey(index: number, out: Uint8Array, at: number): number {
    const end = this.key.write(index, out, at + 1);
    if (out[at + 1] === 0x22) {
      out.copyWithin(at, at + 1, end);
      return end - 1;
    }
    out[at] = 0x22;
    out[end] = 0x22;
    return end + 1;
  }
}

function writeValue(reader: ValueReader, row: number, out: Uint8Array, at: number): number {
  return reader.isNull(row) ? writeAscii(out, at, 'null') : reader.write(row, out, at);
}

/** `"name":`, with a comma before all but the first. */
export function memberKey(name: string, index: number): Buffer {
  return Buffer.from(`${index === 0 ? '' : ','}${JSON.stringify(name)}:`);
}

function offsetsOf({ offset, length, buffers }: ArrowArray, memory: ArrayBuffer): Int32Array<ArrayBuffer> {
  return length === 0 ? new Int32Array(offset + 1) : view(Int32Array, memory, buffers[1] ?? 0, offset + length + 1);
}

function childOf(array: ArrowArray, index: number): ArrowArray {
  const child = array.children[index];
  if (child === undefined) throw new RangeError('the decoder gave fewer columns than the schema names');
  return child;
}
