import type { RejectedRow } from '../formats/index.js';
import type { RecordValues } from '../kafka/index.js';
import type { RowDecoder, VisitJson } from './row-decoder.js';
import type { BlockLimits, BlockPiece, DataBlock, RejectedBlock, VisitRow } from './sink.js';

/** For good, as those of the accepted rows. */
const REJECTED_LIMITS: BlockLimits = { rows: 16_384, bytes: 8 * 1024 ** 2 };
/** Rows in a piece: of a wide table, what a piece becomes in a sink may be a thousand times as large as its records. */
const PIECE_ROWS = 8192;

/** Where blocks begin, and whether the records end for good: only then is there a last block below the limits. */
interface BlockRange {
  from: number;
  isWhole: boolean;
}

/** Records of a block, and where they lie. */
interface CutBlock {
  from: number;
  to: number;
  count: number;
  pieces: RecordValues[];
}

/** Counts what records mean for the size of their block; several for each. */
type Measure = (bytes: Buffer, start: number, end: number) => { bytes: number; rows: number };

/**
 * Where a block ends depends on nothing but the committed records from its beginning on: never on time, nor on what has
 * arrived. So a block that is read again is the same one, and a sink that has it knows it by where it begins. What would
 * be a short block is left for later, unless all `isWhole`.
 */
async function* cut(
  values: AsyncIterable<RecordValues>,
  { from, isWhole }: BlockRange,
  measure: Measure,
  limits: BlockLimits,
): AsyncGenerator<CutBlock> {
  let block: CutBlock = { from, to: from, count: 0, pieces: [] };
  let bytes = 0;
  let rows = 0;
  for await (const piece of values) {
    let begin = 0;
    for (let i = 0; i < piece.count; i++) {
      const size = measure(piece.bytes, piece.starts[i] as number, piece.ends[i] as number);
      bytes += size.bytes;
      rows += size.rows;
      if (rows < limits.rows && bytes < limits.bytes) continue;
      add(block, piece, begin, i + 1);
      yield block;
      block = { from: block.to, to: block.to, count: 0, pieces: [] };
      begin = i + 1;
      bytes = 0;
      rows = 0;
    }
    add(block, piece, begin, piece.count);
  }
  if (isWhole && block.count > 0) yield block;
}

function add(block: CutBlock, piece: RecordValues, begin: number, end: number): void {
  if (begin === end) return;
  for (let from = begin; from < end; from += PIECE_ROWS) {
    const to = Math.min(end, from + PIECE_ROWS);
    block.pieces.push({
      bytes: piece.bytes,
      count: to - from,
      offsets: piece.offsets.subarray(from, to),
      starts: piece.starts.subarray(from, to),
      ends: piece.ends.subarray(from, to),
    });
  }
  block.count += end - begin;
  block.to = (piece.offsets[end - 1] as number) + 1;
}

const ofRow: Measure = (_bytes, start, end) => ({ bytes: end - start, rows: 1 });

/**
 * The blocks of the data topic from `from` on. `rowNumbers`: of the accepted rows from there on, in order.
 */
export async function* dataBlocks(
  values: AsyncIterable<RecordValues>,
  range: BlockRange,
  rowNumbers: RowNumbers,
  decoder: RowDecoder,
  limits: BlockLimits,
): AsyncGenerator<DataBlock> {
  for await (const block of cut(values, range, ofRow, limits)) {
    const numbers = await rowNumbers.take(block.count);
    let before = 0;
    const pieces = block.pieces.map((piece): BlockPiece => {
      const ofPiece = numbers.subarray(before, before + piece.count);
      before += piece.count;
      const visitorOf =
        (visit: VisitRow): VisitJson =>
        (bytes, start, end, i) =>
          visit(bytes, start, end, ofPiece[i] as number, piece.offsets[i] as number);
      return {
        count: piece.count,
        forEach: (visit) => decoder.decode(piece, visitorOf(visit)),
        writeBinary: (layout, { write, json }) =>
          decoder.decodeBinary(piece, layout, ofPiece, { write, json: visitorOf(json) }),
      };
    });
    yield { from: block.from, to: block.to, count: block.count, pieces, binaryColumns: decoder.binaryColumns };
  }
}

/** The blocks of the topic of rejected rows, which are all held as objects. */
export async function* rejectedBlocks(
  values: AsyncIterable<RecordValues>,
  range: BlockRange,
  limits: BlockLimits = REJECTED_LIMITS,
): AsyncGenerator<RejectedBlock> {
  const measure: Measure = (bytes, start, end) => {
    // Each of its errors becomes a row that has the row's text.
    const rows = Math.max(1, parse(bytes, start, end).errors.length);
    return { bytes: (end - start) * rows, rows };
  };
  for await (const { pieces, ...block } of cut(values, range, measure, limits)) {
    const rows: { offset: number; row: RejectedRow }[] = [];
    for (const { bytes, count, offsets, starts, ends } of pieces) {
      for (let i = 0; i < count; i++) {
        const row = parse(bytes, starts[i] as number, ends[i] as number);
        rows.push({ offset: offsets[i] as number, row });
      }
    }
    yield { from: block.from, to: block.to, rows };
  }
}

function parse(bytes: Buffer, start: number, end: number): RejectedRow {
  return JSON.parse(bytes.toString('utf8', start, end)) as RejectedRow;
}

/** The numbers of accepted rows: all, but those of the rejected ones. */
export class RowNumbers {
  #last: number;
  readonly #rejected: AsyncIterator<number>;
  /** The next rejected row; undefined: not known yet, or there is none. */
  #next: number | undefined;
  #isDone = false;

  /** `last`: the last number before the first that is asked for. `rejected`: the topic of rejected rows, from its beginning. */
  constructor(last: number, rejected: AsyncIterable<RecordValues>) {
    this.#last = last;
    this.#rejected = numbersOf(rejected)[Symbol.asyncIterator]();
  }

  async take(count: number): Promise<Float64Array> {
    const numbers = new Float64Array(count);
    for (let i = 0; i < count; i++) {
      let number = this.#last + 1;
      while (!this.#isDone && (this.#next === undefined || this.#next <= number)) {
        if (this.#next === number) number++;
        await this.#advance();
      }
      numbers[i] = number;
      this.#last = number;
    }
    return numbers;
  }

  /** Ends the reading of the topic. */
  async close(): Promise<void> {
    await this.#rejected.return?.();
  }

  async #advance(): Promise<void> {
    const { done, value } = await this.#rejected.next();
    this.#isDone = done === true;
    this.#next = done === true ? undefined : value;
  }
}

/** What every record of the topic begins with. */
const BEGINNING = /^\{"job_id":"[^"]*","row_number":(\d+),/;
const BEGINNING_BYTES = 96;

async function* numbersOf(rejected: AsyncIterable<RecordValues>): AsyncGenerator<number> {
  for await (const { bytes, count, starts, ends } of rejected) {
    for (let i = 0; i < count; i++) {
      const start = starts[i] as number;
      const end = ends[i] as number;
      const found = BEGINNING.exec(bytes.toString('latin1', start, Math.min(end, start + BEGINNING_BYTES)));
      yield found === null ? parse(bytes, start, end).row_number : Number(found[1]);
    }
  }
}
