import fc from 'fast-check';
import { encodeRejectedRow, type FieldError } from '../../src/formats/index.js';
import { DEFAULT_OPTIONS } from '../../src/ingest/index.js';
import type { RecordValues } from '../../src/kafka/index.js';
import { dataBlocks, RowNumbers, rejectedBlocks } from '../../src/sinks/blocks.js';
import { createRowDecoder } from '../../src/sinks/row-decoder.js';
import type { BlockLimits, VisitRow } from '../../src/sinks/sink.js';
import { recordValuesOf } from './record-values-of.js';

const JSON_ROWS = createRowDecoder({
  ...{ format: 'csv', columns: [], additionalColumns: true, dialect: null, fileColumns: null },
  options: { ...DEFAULT_OPTIONS, valueFormat: 'json' },
});

interface Logged {
  offset: number;
  value: Buffer;
}

/** Records as they come: some fetches, each with some batches, cut by chance. Markers lie between transactions. */
async function* pieces(records: readonly Logged[], cuts: readonly number[]): AsyncGenerator<RecordValues> {
  const ends = [...new Set(cuts.map((cut) => cut % (records.length + 1))), records.length].sort((a, b) => a - b);
  let begin = 0;
  for (const end of ends) {
    const piece = records.slice(begin, end);
    begin = end;
    if (piece.length === 0) continue;
    const values = recordValuesOf(piece.map(({ value }) => value));
    yield { ...values, offsets: Float64Array.from(piece, ({ offset }) => offset) };
  }
}

function behind(records: readonly Logged[], from: number): Logged[] {
  return records.filter(({ offset }) => offset >= from);
}

interface Seen {
  from: number;
  to: number;
  rows: { offset: number; text: string; number?: number }[];
}

async function dataBlocksOf(
  records: readonly Logged[],
  cuts: readonly number[],
  limits: BlockLimits,
  { from = 0, isWhole = true, lastRow = 0, rejected = [] as readonly number[] } = {},
): Promise<Seen[]> {
  const numbers = new RowNumbers(lastRow, pieces(rejectedRows(rejected), cuts));
  const seen: Seen[] = [];
  const values = pieces(behind(records, from), cuts);
  for await (const block of dataBlocks(values, { from, isWhole }, numbers, JSON_ROWS, limits)) {
    const rows: Seen['rows'] = [];
    const again: Seen['rows'] = [];
    for (const list of [rows, again]) {
      const visit: VisitRow = (bytes, start, end, number, offset) => {
        list.push({ offset, text: bytes.toString('utf8', start, end), number });
      };
      for (const piece of block.pieces) piece.forEach(visit);
    }
    expect(again).toEqual(rows);
    expect(rows).toHaveLength(block.count);
    seen.push({ from: block.from, to: block.to, rows });
  }
  await numbers.close();
  return seen;
}

const ERROR: FieldError = { column: 'id', type: 'Int8', error: 'NOT_AN_INTEGER', observed: 'x', message: 'no' };

/** Records of rejected rows with these numbers. */
function rejectedRows(numbers: readonly number[], errors: readonly number[] = [1]): Logged[] {
  return numbers.map((rowNumber, offset) => {
    const rejection = {
      ...{ rowNumber, line: rowNumber + 1, byteOffset: 10 * rowNumber, errorsTruncated: false, rawTruncated: false },
      errors: Array.from({ length: errors[offset % errors.length] as number }, () => ERROR),
      raw: Buffer.from('x'),
    };
    return { offset, value: encodeRejectedRow('a1b2c3d4', rejection, '2026-11-20T09:15:00.000Z') };
  });
}

/** Values of these sizes; a gap before some, where a marker or an aborted transaction lies. */
const records: fc.Arbitrary<Logged[]> = fc
  .array(fc.tuple(fc.nat({ max: 40 }), fc.oneof({ weight: 5, arbitrary: fc.constant(0) }, fc.nat({ max: 9 }))), {
    maxLength: 60,
  })
  .map((sizes) => {
    let offset = -1;
    return sizes.map(([size, gap], at) => {
      offset += 1 + gap;
      return { offset, value: Buffer.from(`${at}:${'v'.repeat(size)}`) };
    });
  });
const cuts = fc.array(fc.nat(), { maxLength: 12 });
const limits = fc.record({ rows: fc.integer({ min: 1, max: 12 }), bytes: fc.integer({ min: 1, max: 200 }) });

/** The rule, record by record. */
function expectedBlocks(list: readonly Logged[], { rows: maxRows, bytes: maxBytes }: BlockLimits): Logged[][] {
  const blocks: Logged[][] = [];
  let block: Logged[] = [];
  for (const record of list) {
    block.push(record);
    if (block.length < maxRows && block.reduce((sum, { value }) => sum + value.length, 0) < maxBytes) continue;
    blocks.push(block);
    block = [];
  }
  return block.length === 0 ? blocks : [...blocks, block];
}

describe('blocks of accepted rows', () => {
  it('are cut by the records alone, however these arrive', async () => {
    await fc.assert(
      fc.asyncProperty(records, cuts, limits, async (list, at, some) => {
        const seen = await dataBlocksOf(list, at, some);
        const expected = expectedBlocks(list, some);
        expect(seen.map(({ rows }) => rows.map(({ offset, text }) => ({ offset, text })))).toEqual(
          expected.map((block) => block.map(({ offset, value }) => ({ offset, text: value.toString() }))),
        );
        const ends = expected.map((block) => (block.at(-1)?.offset ?? -1) + 1);
        expect(seen.map(({ from, to }) => [from, to])).toEqual(ends.map((end, i) => [ends[i - 1] ?? 0, end]));
      }),
      { numRuns: 300 },
    );
  });

  it('are the same if reading begins again where one of them ends', async () => {
    await fc.assert(
      fc.asyncProperty(records, cuts, cuts, limits, fc.nat(), async (list, at, others, some, which) => {
        const all = await dataBlocksOf(list, at, some);
        fc.pre(all.length > 0);
        const last = which % all.length;
        const { to, rows } = all[last] as Seen;
        const again = { from: to, lastRow: rows.at(-1)?.number };
        expect(await dataBlocksOf(list, others, some, again)).toEqual(all.slice(last + 1));
      }),
      { numRuns: 300 },
    );
  });

  it('are never short while more may come, and go on the same when all has come', async () => {
    await fc.assert(
      fc.asyncProperty(records, cuts, cuts, limits, fc.nat(), async (list, at, others, some, known) => {
        const all = await dataBlocksOf(list, at, some);
        const sofar = list.slice(0, known % (list.length + 1));
        const first = await dataBlocksOf(sofar, at, some, { isWhole: false });
        expect(first).toEqual(all.slice(0, first.length));
        const { to = 0, rows } = first.at(-1) ?? {};
        const rest = await dataBlocksOf(list, others, some, { from: to, lastRow: rows?.at(-1)?.number ?? 0 });
        expect([...first, ...rest]).toEqual(all);
      }),
      { numRuns: 300 },
    );
  });

  it('have pieces of 8,192 rows at most', async () => {
    const limits = { rows: 65_536, bytes: 32 * 1024 ** 2 };
    const numbers = () => new RowNumbers(0, pieces([], []));
    const countsOf = async (size: number, count: number): Promise<number[][]> => {
      const value = Buffer.alloc(size, '1');
      const list = Array.from({ length: count }, (_, offset) => ({ offset, value }));
      const counts: number[][] = [];
      const chunks = pieces(list, [10_000]);
      for await (const block of dataBlocks(chunks, { from: 0, isWhole: true }, numbers(), JSON_ROWS, limits)) {
        counts.push(block.pieces.map((piece) => piece.count));
      }
      return counts;
    };
    expect(await countsOf(1, 20_000)).toEqual([[8192, 1808, 8192, 1808]]);
    expect(await countsOf(1024 ** 2, 33)).toEqual([[4, 28], [1]]);
  });
});

describe('the numbers of accepted rows', () => {
  /** true: the row of this number, from 1, is rejected. */
  const fates = fc.array(fc.oneof({ weight: 2, arbitrary: fc.boolean() }, fc.constantFrom(true, false)), {
    maxLength: 80,
  });
  const runs = fc
    .array(fc.tuple(fc.boolean(), fc.integer({ min: 1, max: 12 })), { maxLength: 10 })
    .map((list) => list.flatMap(([isRejected, length]) => Array.from({ length }, () => isRejected)));

  it('are those that no rejected row has, however they are asked for and wherever that begins', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(fates, runs),
        fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1 }),
        fc.nat(),
        cuts,
        async (rows, counts, begin, at) => {
          const numbersOf = (isRejected: boolean): number[] =>
            rows.flatMap((each, index) => (each === isRejected ? [index + 1] : []));
          const [accepted, rejected] = [numbersOf(false), numbersOf(true)];
          const done = begin % (accepted.length + 1);
          const numbers = new RowNumbers(accepted[done - 1] ?? 0, pieces(rejectedRows(rejected), at));
          const found: number[] = [];
          for (let turn = 0; done + found.length < accepted.length; turn++) {
            const left = accepted.length - done - found.length;
            found.push(...(await numbers.take(Math.min(left, counts[turn % counts.length] as number))));
          }
          expect(found).toEqual(accepted.slice(done));
        },
      ),
      { numRuns: 500 },
    );
  });

  it('are read from rejected rows whose members stand in another order', async () => {
    const value = Buffer.from(JSON.stringify({ timestamp: 'now', errors: [], row_number: 1, job_id: 'a1b2c3d4' }));
    const numbers = new RowNumbers(0, pieces([{ offset: 0, value }], []));
    expect([...(await numbers.take(2))]).toEqual([2, 3]);
  });

  it('read no further in the topic of rejected rows than they need, and end the reading', async () => {
    let [read, isEnded] = [0, false];
    async function* topic(): AsyncGenerator<RecordValues> {
      try {
        for await (const piece of pieces(rejectedRows([2, 4, 6, 8]), [1, 2, 3])) {
          read += 1;
          yield piece;
        }
      } finally {
        isEnded = true;
      }
    }
    const numbers = new RowNumbers(0, topic());
    expect([...(await numbers.take(2))]).toEqual([1, 3]);
    expect(read).toBe(2);
    await numbers.close();
    expect(isEnded).toBe(true);
  });
});

describe('blocks of rejected rows', () => {
  async function blocksOf(list: readonly Logged[], at: readonly number[], some: BlockLimits, isWhole = true, from = 0) {
    const seen: { from: number; to: number; numbers: number[]; errors: number }[] = [];
    for await (const block of rejectedBlocks(pieces(behind(list, from), at), { from, isWhole }, some)) {
      const errors = block.rows.reduce((sum, { row }) => sum + Math.max(1, row.errors.length), 0);
      const numbers = block.rows.map(({ row }) => row.row_number);
      seen.push({ from: block.from, to: block.to, numbers, errors });
    }
    return seen;
  }

  it('are the same however records arrive and wherever reading begins again, cut by their errors', async () => {
    const rows = fc.array(fc.integer({ min: 1, max: 100 }), { minLength: 1, maxLength: 30 });
    const errors = fc.array(fc.oneof(fc.constant(1), fc.integer({ min: 1, max: 100 })), { minLength: 1 });
    await fc.assert(
      fc.asyncProperty(rows, errors, cuts, cuts, fc.nat(), async (numbers, counts, at, others, which) => {
        const some = { rows: 120, bytes: 1024 ** 2 };
        const list = rejectedRows(numbers, counts);
        const all = await blocksOf(list, at, some);
        expect(all.flatMap((block) => block.numbers)).toEqual(numbers);
        for (const [index, block] of all.entries()) {
          const last = counts[(block.to - 1) % counts.length] as number;
          expect(block.errors - last).toBeLessThan(some.rows);
          if (index < all.length - 1) expect(block.errors).toBeGreaterThanOrEqual(some.rows);
        }
        const begin = which % all.length;
        const rest = await blocksOf(list, others, some, true, all[begin]?.to);
        expect(rest).toEqual(all.slice(begin + 1));
        const whole = await blocksOf(list, others, some, false);
        expect(whole).toEqual(all.filter((block) => block.errors >= some.rows));
      }),
      { numRuns: 150 },
    );
  });

  it('count the text of a row once for each of its errors', async () => {
    const list = rejectedRows([1, 2, 3], [10]);
    const bytes = (list[0] as Logged).value.length * 10;
    expect((await blocksOf(list, [], { rows: 1000, bytes })).map(({ numbers }) => numbers)).toEqual([[1], [2], [3]]);
    const [first] = await blocksOf(list, [], { rows: 1000, bytes: bytes + 1 });
    expect(first?.numbers).toEqual([1, 2]);
  });
});
