/** How the values of a column are written as ClickHouse's RowBinary has them: little-endian, texts behind their length. */
export interface BinaryColumn {
  kind: 'text' | 'int' | 'float' | 'decimal' | 'bool' | 'date' | 'timestamp' | 'uuid';
  /** Size of a value in bytes, of a text 0. */
  width: number;
  /** Digits after the point of a decimal, digits of a second's fraction of a timestamp; otherwise 0. */
  scale: number;
  /** A byte before each value says whether it is null. */
  nullable: boolean;
}

/** How rows are written: what stands before each, its number and its offset in 8 bytes each, then its columns. */
export interface BinaryLayout {
  /** The same bytes before each row. */
  prefix: Uint8Array;
  /** By the name of the column. A reader writes those that its file has, in the file's order. */
  columns: ReadonlyMap<string, BinaryColumn>;
}

/** Takes rows in binary. What a reader cannot write so is given to `RowConsumer.accept` as JSON, in its place. */
export interface BinaryRowOutput {
  /** Puts number and offset of each of the next `count` rows into `to`, one behind the other. */
  places(to: Float64Array, count: number): void;
  /** The next `rows` rows; the bytes are copied. */
  write(bytes: Uint8Array, rows: number): void;
}
