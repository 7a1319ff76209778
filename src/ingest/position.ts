/** Where a reader stands: everything before it is decided. A checkpoint stores it, a resumed reader starts from it. */
export interface Position {
  /** Rows decided so far (accepted and rejected); the header is not a row. */
  row: number;
  /** Physical lines consumed so far, the header's included. */
  line: number;
  /** Offset in bytes of the first undecided byte of the file. */
  byte: number;
}
