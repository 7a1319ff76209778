/** Types of Thrift's compact protocol that a reader tells apart. */
export const COMPACT = { true: 1, i32: 5, i64: 6, binary: 8, list: 9, struct: 12 } as const;

const FALSE = 2;
const I8 = 3;
const I16 = 4;
const DOUBLE = 7;
const SET = 10;
const MAP = 11;
/** Maximum nesting of structs and lists; Parquet's own metadata stays far below. */
const MAX_DEPTH = 32;
const MAX_VARINT_BYTES = 10;

/** What is read is not Thrift. */
export class CompactError extends Error {
  override readonly name = 'CompactError';
}

/**
 * Reads structs in Thrift's compact protocol (thrift/doc/specs/thrift-compact-protocol.md) out of bytes that may be
 * anything: whatever runs over the end or nests too deep is a CompactError.
 */
export class CompactReader {
  #at: number;
  #depth = 0;

  constructor(
    private readonly bytes: Uint8Array,
    at = 0,
  ) {
    this.#at = at;
  }

  /** Offset of the byte that is read next. */
  get at(): number {
    return this.#at;
  }

  /** Calls `visit` for each field; one that it does not read (it returns false) is skipped. */
  struct(visit: (id: number, type: number) => boolean): void {
    this.#nest(() => {
      for (let id = 0; ; ) {
        const header = this.#byte();
        const type = header & 0x0f;
        if (header === 0) return;
        id = header >> 4 === 0 ? this.integer() : id + (header >> 4);
        if (!visit(id, type)) this.#skip(type);
      }
    });
  }

  /** Calls `read` for each element of a list of this type. */
  list(type: number, read: (index: number) => void): void {
    const header = this.#byte();
    const size = header >> 4 === 15 ? this.#varint() : header >> 4;
    if (size > 0 && (header & 0x0f) !== type) throw new CompactError(`a list of type ${header & 0x0f}, not ${type}`);
    // Every element takes a byte at least, so a size that lies ends at the end of the bytes.
    this.#nest(() => {
      for (let index = 0; index < size; index++) read(index);
    });
  }

  /** An i16, i32 or i64; one beyond 2^53 is not exact. */
  integer(): number {
    const zigzag = this.#varint();
    return zigzag % 2 === 0 ? zigzag / 2 : -(zigzag + 1) / 2;
  }

  binary(): Uint8Array {
    const length = this.#varint();
    const from = this.#at;
    this.#move(length);
    return this.bytes.subarray(from, this.#at);
  }

  #skip(type: number): void {
    switch (type) {
      case COMPACT.true:
      case FALSE:
        return;
      case I8:
        this.#move(1);
        return;
      case I16:
      case COMPACT.i32:
      case COMPACT.i64:
        this.#varint();
        return;
      case DOUBLE:
        this.#move(8);
        return;
      case COMPACT.binary:
        this.#move(this.#varint());
        return;
      case COMPACT.struct:
        this.struct(() => false);
        return;
      case COMPACT.list:
      case SET:
        this.#skipList();
        return;
      case MAP:
        this.#skipMap();
        return;
      default:
        throw new CompactError(`there is no type ${type}`);
    }
  }

  #skipList(): void {
    const header = this.#byte();
    const size = header >> 4 === 15 ? this.#varint() : header >> 4;
    this.#nest(() => {
      for (let i = 0; i < size; i++) this.#skipElement(header & 0x0f);
    });
  }

  #skipMap(): void {
    const size = this.#varint();
    if (size === 0) return;
    const types = this.#byte();
    this.#nest(() => {
      for (let i = 0; i < size; i++) {
        this.#skipElement(types >> 4);
        this.#skipElement(types & 0x0f);
      }
    });
  }

  /** In a collection a boolean takes a byte. */
  #skipElement(type: number): void {
    if (type === COMPACT.true || type === FALSE) this.#move(1);
    else this.#skip(type);
  }

  #nest(read: () => void): void {
    this.#depth += 1;
    if (this.#depth > MAX_DEPTH) throw new CompactError(`more than ${MAX_DEPTH} structs and lists inside each other`);
    read();
    this.#depth -= 1;
  }

  #varint(): number {
    let value = 0;
    for (let i = 0; i < MAX_VARINT_BYTES; i++) {
      const byte = this.#byte();
      value += (byte & 0x7f) * 2 ** (7 * i);
      if (byte < 0x80) return value;
    }
    throw new CompactError('a number of more than 64 bits');
  }

  #byte(): number {
    const byte = this.bytes[this.#at];
    if (byte === undefined) throw new CompactError('it ends too early');
    this.#at += 1;
    return byte;
  }

  #move(bytes: number): void {
    if (bytes > this.bytes.length - this.#at) throw new CompactError('it ends too early');
    this.#at += bytes;
  }
}
