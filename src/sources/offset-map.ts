import { isAscii } from 'node:buffer';

/** More than any reader holds of what it has not decided. */
const RETAINED_BYTES = 8_000_000;

/** Some of the transcoded text. */
interface Piece {
  length: number;
  /** How many code units of the original it comes from; null: not counted yet. */
  units: number | null;
  /** null: nobody will ask for a place in the middle of it. */
  bytes: Buffer | null;
}

/** Says where in the original a byte of transcoded text comes from, by counting the characters before it. */
export class OffsetMap {
  /** What was transcoded and is not asked for yet, from `#offset` on. */
  readonly #pieces: Piece[] = [];
  #retained = 0;
  #offset: number;
  #origin: number;

  /** Transcoded text and original are both counted from `start` on. */
  constructor(
    start: number,
    private readonly unitBytes: 1 | 2,
  ) {
    this.#offset = start;
    this.#origin = start;
  }

  /** The next transcoded text; it must not change afterwards. */
  append(bytes: Buffer): void {
    this.#pieces.push({ length: bytes.length, units: isAscii(bytes) ? bytes.length : null, bytes });
    this.#retained += bytes.length;
    while (this.#retained > RETAINED_BYTES && this.#pieces.length > 1) this.#forgetOldest();
  }

  /** Where the character that begins at `offset` comes from; `offset` must not decrease from call to call. */
  originOf(offset: number): number {
    if (offset < this.#offset) throw new Error(`offset ${offset} was asked for after ${this.#offset}`);
    while (this.#offset < offset) {
      const piece = this.#pieces[0];
      if (piece === undefined) throw new Error(`nothing was transcoded at offset ${offset}`);
      const length = Math.min(piece.length, offset - this.#offset);
      this.#origin += this.unitBytes * this.#takeUnits(piece, length);
      this.#offset += length;
      if (piece.length === 0) this.#pieces.shift();
    }
    return this.#origin;
  }

  /** Cuts so many bytes off the beginning of a piece; returns their units. */
  #takeUnits(piece: Piece, length: number): number {
    const { bytes } = piece;
    if (bytes !== null) this.#retained -= length;
    const isWhole = length === piece.length;
    if (bytes === null && !isWhole) throw new Error('a place was asked for that is long past');
    const isAllAscii = piece.units === piece.length;
    const units = isAllAscii ? length : isWhole ? this.#unitsOf(piece) : this.#count(bytes as Buffer, length);
    piece.length -= length;
    piece.units = isAllAscii ? piece.length : null;
    piece.bytes = bytes?.subarray(length) ?? null;
    return units;
  }

  /**
   * A line without an end is not held by any reader, and must not be held here. Nobody asks for a place in the middle of
   * it: of the oldest pieces their units are all that is needed.
   */
  #forgetOldest(): void {
    const [first, second] = this.#pieces as [Piece, Piece];
    const forgotten = first.bytes === null ? second : first;
    const units = this.#unitsOf(forgotten);
    this.#retained -= forgotten.length;
    if (forgotten === second) this.#pieces.shift();
    const before = forgotten === second ? first : { length: 0, units: 0 };
    this.#pieces[0] = { length: before.length + forgotten.length, units: (before.units ?? 0) + units, bytes: null };
  }

  #unitsOf({ units, bytes, length }: Piece): number {
    return units ?? this.#count(bytes as Buffer, length);
  }

  #count(bytes: Buffer, length: number): number {
    const extra = this.unitBytes === 2 ? 0xf0 : 0x100;
    let units = 0;
    for (let i = 0; i < length; i++) {
      const byte = bytes[i] as number;
      if ((byte & 0xc0) === 0x80) continue;
      // Four bytes of UTF-8 are two units of UTF-16; 0xFF stands for one.
      units += byte >= extra && byte !== 0xff ? 2 : 1;
    }
    return units;
  }
}
