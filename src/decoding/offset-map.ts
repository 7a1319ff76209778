import { isAscii } from 'node:buffer';

/** More than any reader holds of what it has not decided. */
const RETAINED_BYTES = 8_000_000;

/** Some of the transcoded text. */
interface Piece {
  length: number;
  /** Number of code units of the original that it comes from; equal to its number of bytes only if all of it is ASCII. */
  units: number | null;
  /** null: not needed, since it is ASCII, or since nobody will ask for a place in the middle of it. */
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
    const { length } = bytes;
    if (isAscii(bytes)) {
      const last = this.#pieces.at(-1);
      if (last !== undefined && isAllAscii(last)) {
        last.length += length;
        last.units = last.length;
      } else this.#pieces.push({ length, units: length, bytes: null });
      return;
    }
    this.#pieces.push({ length, units: null, bytes });
    this.#retained += length;
    if (this.#retained > RETAINED_BYTES) this.#forget();
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

  /** Cuts `length` bytes off the beginning of a piece; returns their units. */
  #takeUnits(piece: Piece, length: number): number {
    const { bytes } = piece;
    if (bytes !== null) this.#retained -= length;
    const isWhole = length === piece.length;
    const isAscii = isAllAscii(piece);
    if (bytes === null && !isAscii && !isWhole) throw new Error('a place was asked for that is long past');
    const units = isAscii ? length : isWhole ? this.#unitsOf(piece) : this.#count(bytes as Buffer, length);
    piece.length -= length;
    piece.units = isAscii ? piece.length : null;
    piece.bytes = bytes?.subarray(length) ?? null;
    return units;
  }

  /**
   * A line without an end is not held by any reader, and must not be held here: of what it goes on with, the units are
   * all that is needed. Its beginning is asked for when it has ended. That is in one of the two oldest pieces, or in the
   * ASCII around them, since nothing but ASCII blanks lies between it and the last place that was asked for.
   */
  #forget(): void {
    const [, second, third] = this.#oldestHeld();
    if (second === undefined || third === undefined) return;
    const forgotten = this.#pieces.slice(second + 1, third + 1);
    for (const { bytes } of forgotten) this.#retained -= bytes?.length ?? 0;
    const length = forgotten.reduce((sum, piece) => sum + piece.length, 0);
    const units = forgotten.reduce((sum, piece) => sum + this.#unitsOf(piece), 0);
    this.#pieces.splice(second + 1, forgotten.length, { length, units, bytes: null });
  }

  /** The indexes of the first three pieces whose bytes are held. */
  #oldestHeld(): number[] {
    const held: number[] = [];
    for (let index = 0; index < this.#pieces.length && held.length < 3; index++) {
      if (this.#pieces[index]?.bytes != null) held.push(index);
    }
    return held;
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

function isAllAscii({ length, units }: Piece): boolean {
  return length === units;
}
