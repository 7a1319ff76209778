import type { RejectedRow } from '../formats/index.js';
import type { RecordValues } from '../kafka/index.js';
import type { RowDecoder } from './row-decoder.js';
import type { DataBlock, RejectedBlock } from './sink.js';

/** A block ends with the record that reaches one of them. */
export interface BlockLimits {
  /** Rows that a block becomes: its records; of rejected rows their errors, each of which is a row in the sink. */
  rows: number;
  bytes: number;
}

/** For good: loads that are under way have blocks that were cut by them. */
const LIMITS: BlockLimits = { rows: 65_536, bytes: 32 * 1024 ** 2 };

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
  block.pieces.push({
    bytes: piece.bytes,
    count: end - begin,
    offsets: piece.offsets.subarray(begin, end),
    starts: piece.starts.subarray(begin, end),
    ends: piece.ends.subarray(begin, end),
  });
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
  limits: BlockLimits = LIMITS,
): AsyncGenerator<DataBlock> {
  for await (const block of cut(values, range, ofRow, limits)) {
    const numbers = await rowNumbers.take(block.count);
    yield {
      from: block.from,
      to: block.to,
      count: block.count,
      forEach(visit) {
        let before = 0;
        for (const piece of block.pieces) {
          decoder.decode(piece, (bytes, start, end, i) =>
            visit(bytes, start, end, numbers[before + i] as number, piece.offsets[i] as number),
          );
          before += piece.count;
        }
      },
      binaryColumns: decoder.binaryColumns,
      writeBinary(layout, { write, json }) {
        let before = 0;
        for (const piece of block.pieces) {
          const ofPiece = numbers.subarray(before, before + piece.count);
          decoder.decodeBinary(piece, layout, ofPiece, {
            write,
            json: (bytes, start, end, i) => json(bytes, start, end, ofPiece[i] as number, piece.offsets[i] as number),
          });
          before += piece.count;
        }
      },
    };
  }
}

/** The blocks of the topic of rejected rows. */
export async function* rejectedBlocks(
  values: AsyncIterable<RecordValues>,
  range: BlockRange,
  limits: BlockLimits = LIMITS,
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
