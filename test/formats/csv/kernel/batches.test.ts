import fc from 'fast-check';
import { CsvKernel, createCsvReader, createKernelReader, type RowReader } from '../../../../src/formats/index.js';
import { type Given, optionsFor, readAll } from '../read-all.js';
import { expectedOf, RecordBatchConsumer } from './record-batch-consumer.js';
import { structuredFile } from './structured-file.js';

const kernel = new CsvKernel();
const MiB = 1024 ** 2;
const valueFormats = fc.constantFrom('raw' as const, 'json' as const);

describe("the kernel's batches", () => {
  const schema = { a: 'Nullable(Int16)', b: 'String', c: 'String' };

  it('hold every row, in order, however small they are and whenever there is no room', async () => {
    await fc.assert(
      fc.asyncProperty(
        structuredFile,
        valueFormats,
        fc.integer({ min: 3_000, max: 8_000 }),
        fc.integer({ min: 60_000, max: 200_000 }),
        fc.array(fc.nat({ max: 3 }), { minLength: 1, maxLength: 5 }),
        async (file, valueFormat, capacity, rejectionCapacity, allowances) => {
          const given = { file, schema, valueFormat };
          const expected = expectedOf((await readAll(createCsvReader, given)).decisions);
          const consumer = new RecordBatchConsumer(kernel, capacity, rejectionCapacity);
          const reader = createKernelReader(await optionsFor(given), kernel);
          const positions = pushAll(reader, file.subarray(reader.position.byte), consumer, allowances);
          expect(consumer.batches.values).toEqual(expected.accepted);
          expect(consumer.rejections.values).toEqual(expected.rejected);
          expect(consumer.rejections.byCode).toEqual(expected.byCode);
          expect(consumer.rejections.strays).toEqual(expected.strays);
          for (const { row, decided } of positions) expect(row).toBe(decided);
        },
      ),
      { numRuns: 500 },
    );
  });

  it('take the largest row there is', async () => {
    const largest = `${'x'.repeat(999_989)}`;
    const file = Buffer.from(`a\n1\n${largest}\n${largest}\n2\n`);
    const consumer = new RecordBatchConsumer(kernel, MiB);
    const reader = createKernelReader(await optionsFor({ file }), kernel);
    pushAll(reader, file.subarray(2), consumer, []);
    expect(consumer.batches.values).toEqual(['1', largest, largest, '2']);
  });

  it('take the largest object there is, and what lies behind it', async () => {
    // {"a":"…"} takes 8 bytes around the text.
    const texts = [999_981, 200_000, 848_000, 150_000, 999_980, 1, 999_982, 3].map((length) => 'x'.repeat(length));
    texts.push('\t'.repeat(400_000), '"'.repeat(400_000), 'x', `${'\t'.repeat(499_990)}x`, '\t'.repeat(499_991));
    for (const quote of ['"', "'"]) {
      const rows = texts.map((text) => quote + text.replaceAll(quote, quote + quote) + quote);
      const given: Given = { file: `a\n${rows.join('\n')}\n`, quote, valueFormat: 'json' };
      const consumer = new RecordBatchConsumer(kernel, MiB);
      const reader = createKernelReader(await optionsFor(given), kernel);
      pushAll(reader, Buffer.from(given.file).subarray(2), consumer, []);
      const fitting = texts.map((text) => JSON.stringify({ a: text })).filter((json) => json.length < 999_990);
      expect(consumer.batches.values.length).toBe(texts.length - 2);
      expect(consumer.batches.values.every((value, index) => value === fitting[index])).toBe(true);
      expect(consumer.rejections.byCode).toEqual({ ROW_TOO_LARGE: 2 });
    }
  });

  it('hold rows as JSON that the kernel writes, those as well that JavaScript has judged', async () => {
    const given: Given = {
      file: `n,e,t,u\n${'1,b,"x ""y""\n",\n+02,a,,z\n3,,12345,"\\"\n9,a,x,\n'.repeat(1_000)}`,
      schema: {
        type: 'object',
        properties: {
          n: { type: 'integer', maximum: 5 },
          e: { type: 'string', enum: ['a', 'b'] },
          t: { type: 'string', maxLength: 7 },
        },
        required: ['t'],
      },
      valueFormat: 'json',
    };
    const expected = expectedOf((await readAll(createCsvReader, given)).decisions);
    const consumer = new RecordBatchConsumer(kernel, MiB);
    const reader = createKernelReader(await optionsFor(given), kernel);
    pushAll(reader, Buffer.from(given.file).subarray(reader.position.byte), consumer, []);
    expect(consumer.batches.values).toEqual(expected.accepted);
    expect(consumer.batches.values.length).toBe(3_000);
    expect(consumer.rejections.values).toEqual(expected.rejected);
    expect(consumer.acceptedHere).toBe(0);
  });

  it('hold the rejections that the kernel writes, all kinds of them, and the others', async () => {
    const columns = { 'a "é"': 'Int8', b: 'Float64', c: 'Decimal(4,2)', d: 'DateTime', e: 'String' };
    const model = { file: '', schema: { ...columns } };
    const good = '1,2.5,12.34,2023-01-01 00:00:00,x';
    const written = [
      'x,2.5,12.34,2023-01-01 00:00:00,"y\n\t\\\u0001\u007f é 😀 ""z"""',
      '300,x,123.4,now,',
      ',,,,',
      '"300","x","","",""',
      `1,2.5,12.34,${'t'.repeat(80)},x`,
      '1,2.5',
      '1,2.5,12.34,2023-01-01 00:00:00,x,',
      '1,2.5,12.34,2023-01-01 00:00:00,x"',
      '1,2.5"\\\u0002,é',
      `x,1,1,2023-01-01 00:00:00,${'ü'.repeat(4_000)}`,
    ];
    const given = [
      '1,1e999,1,2023-01-01 00:00:00,x',
      `1,2.5,12.34,${'t'.repeat(81)},x`,
      '1,2.5,12.34,"a""b",x',
      `x,1,1,2023-01-01 00:00:00,${'ü'.repeat(4_100)}`,
      `1,2,3,${'u'.repeat(9_000)}`,
      `${'"u",'.repeat(3_000)}"v"w`,
    ];
    const header = Object.keys(columns)
      .map((name) => `"${name.replaceAll('"', '""')}"`)
      .join();
    model.file = `${header}\n${[...written, ...given].flatMap((row) => [row, good]).join('\n')}\n`;
    const file = Buffer.from(model.file);
    const expected = expectedOf((await readAll(createCsvReader, model)).decisions);
    const consumer = new RecordBatchConsumer(kernel, MiB);
    const reader = createKernelReader(await optionsFor(model), kernel);
    pushAll(reader, file.subarray(reader.position.byte), consumer, []);
    expect(consumer.rejections.values).toEqual(expected.rejected);
    expect(consumer.rejections.byCode).toEqual(expected.byCode);
    expect(consumer.batches.values.length).toBe(written.length + given.length);
    // What is simple never reaches JavaScript.
    expect(consumer.rejectedHere).toBe(given.length);
  });

  it.each([
    { row: 0, line: 1, byte: 2 },
    { row: 8, line: 9, byte: 98 },
    { row: 99_999_998, line: 999_999, byte: 9_999_999_998 },
    { row: 999_999_998, line: 4_294_967_290, byte: 2 ** 32 - 3 },
    { row: 2 ** 52, line: 10_000_000, byte: 2 ** 52 - 3 },
  ])('say of a rejection where it stands, however far into the file (%j)', async (position) => {
    const body = Buffer.from('x\n'.repeat(5));
    const options = { ...(await optionsFor({ file: 'a\n', schema: { a: 'Int8' } })), position };
    const [expected, written] = [new RecordBatchConsumer(kernel, MiB), new RecordBatchConsumer(kernel, MiB)];
    pushAll(createCsvReader(options), body, expected, []);
    pushAll(createKernelReader(options, kernel), body, written, []);
    expect(written.rejections.values).toEqual(expected.rejections.values);
    expect(written.rejectedHere).toBe(0);
    const places: unknown[] = [];
    const reader = createKernelReader(options, kernel);
    reader.push(body);
    while (reader.advance({ accept: () => undefined, reject: ({ line }) => places.push(line) }));
    expect(places).toEqual([1, 2, 3, 4, 5].map((line) => position.line + line));
    expect(reader.position).toEqual({ row: position.row + 5, line: position.line + 5, byte: position.byte + 10 });
  });

  it('refuse rows of another kernel, and rows that fit no batch', async () => {
    const file = Buffer.from('a\n1\n');
    const options = await optionsFor({ file });
    const foreign = new RecordBatchConsumer(new CsvKernel(), MiB);
    expect(() => pushAll(createKernelReader(options, kernel), file.subarray(2), foreign, [])).toThrow('memory');
    const tiny = new RecordBatchConsumer(kernel, 64);
    expect(() => pushAll(createKernelReader(options, kernel), file.subarray(2), tiny, [])).toThrow('empty batch');
  });

  it('are filled through the direct input as well', async () => {
    const rows = Array.from({ length: 40_000 }, (_, index) => `${index % 30_000},${'x'.repeat(index % 23)},"\n"`);
    const file = Buffer.from(`a,b,c\n${rows.join('\r\n')}`);
    const consumer = new RecordBatchConsumer(kernel, MiB);
    const reader = createKernelReader(await optionsFor({ file, schema }), kernel);
    let at = reader.position.byte;
    for (;;) {
      while (reader.advance(consumer)) expect(reader.position.row).toBe(consumer.decided);
      const space = reader.directInput?.space ?? Buffer.alloc(0);
      const bytes = file.copy(space, 0, at);
      if (bytes === 0) break;
      reader.directInput?.commit(bytes);
      // What comes next is read meanwhile, and must not disturb.
      reader.directInput?.space.fill(0x22);
      at += bytes;
    }
    reader.end();
    while (reader.advance(consumer));
    consumer.end();
    expect(consumer.rejections.values).toEqual([]);
    expect(consumer.batches.values).toEqual(rows);
  });

  it('keep a chunk that does not fit apart from the one who pushed it', async () => {
    const file = Buffer.from(`a\n${`${'1'.repeat(99)}\n`.repeat(15_000)}`);
    const { decisions } = await readAll((options) => createKernelReader(options, kernel), { file });
    expect(decisions.length).toBe(15_000);
    const reader = createKernelReader(await optionsFor({ file }), kernel);
    const consumer = new RecordBatchConsumer(kernel, MiB);
    const chunk = Buffer.from(file.subarray(2));
    reader.push(chunk);
    chunk.fill(0x22);
    while (reader.advance(consumer));
    consumer.end();
    expect(consumer.batches.values.length).toBe(15_000);
  });
});

/** Pushes the file, letting the consumer take only so much between two calls of `advance`. */
function pushAll(
  reader: RowReader,
  data: Buffer,
  consumer: RecordBatchConsumer,
  allowances: readonly number[],
): { row: number; decided: number }[] {
  const positions: { row: number; decided: number }[] = [];
  let turn = 0;
  const advance = (): void => {
    for (let more = true; more; ) {
      if (allowances.length > 0) consumer.allowance = allowances[turn++ % allowances.length] as number;
      // Some room comes back, sooner or later.
      if (turn % 3 === 0) consumer.allowance += 3;
      more = reader.advance(consumer);
      positions.push({ row: reader.position.row, decided: consumer.decided });
    }
  };
  reader.push(data);
  advance();
  reader.end();
  advance();
  consumer.end();
  return positions;
}
