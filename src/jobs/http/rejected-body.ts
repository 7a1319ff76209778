/** What is handed to the socket at a time. */
const PIECE_BYTES = 64 * 1024;

const OPEN = Buffer.from('[');
const CLOSE = Buffer.from(']');
const COMMA = Buffer.from(',');
const LINE_END = Buffer.from('\n');

/** The length of `jsonArray(rows)` in bytes. */
export function jsonArrayBytes(rows: readonly Buffer[]): number {
  return rows.reduce((sum, row) => sum + row.length, 1 + Math.max(1, rows.length));
}

/**
 * A JSON array of JSON texts, piece by piece. Empties `rows` on the way: a connection that is kept open holds its last
 * response, and so would hold them, and what they were fetched in, for each client.
 */
export function jsonArray(rows: Buffer[]): AsyncGenerator<Buffer> {
  return pieces(
    (function* () {
      yield OPEN;
      for (let row = rows.shift(); row !== undefined; row = rows.shift()) {
        yield row;
        if (rows.length > 0) yield COMMA;
      }
      yield CLOSE;
    })(),
  );
}

/** JSON texts as lines, piece by piece. */
export function ndjson(rows: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  return pieces(
    (async function* () {
      for await (const row of rows) {
        yield row;
        yield LINE_END;
      }
    })(),
  );
}

async function* pieces(parts: Iterable<Buffer> | AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let gathered: Buffer[] = [];
  let size = 0;
  for await (const part of parts) {
    gathered.push(part);
    size += part.length;
    if (size < PIECE_BYTES) continue;
    // Let go of before the reader takes the piece, which it may never do.
    const piece = Buffer.concat(gathered);
    gathered = [];
    size = 0;
    yield piece;
  }
  const last = Buffer.concat(gathered);
  gathered = [];
  if (size > 0) yield last;
}
