import { gzipSync } from 'node:zlib';
import { column, infer, rejectedWith } from './support.js';

describe('the evidence', () => {
  it('counts nulls and different values, and has extents and examples', async () => {
    const { evidence } = await column(['10', '9', '', '9', '3']);
    expect(evidence).toEqual({
      rows: 5,
      nulls: 1,
      distinct: 3,
      distinct_capped: false,
      min: '3',
      max: '10',
      min_length: null,
      max_length: null,
      examples: ['10', '9', '3'],
      rejected: [
        { type: 'Bool', reason: 'not true or false', example: '10', row: 1 },
        { type: 'UInt8', reason: 'not 0 or 1', example: '10', row: 1 },
      ],
    });
  });

  it('says of a text how long it is, and what kept it from being more', async () => {
    const { evidence } = await column(['12', 'a\u{1F600}c', '2026-01-01']);
    expect([evidence.min_length, evidence.max_length, evidence.min]).toEqual([2, 10, null]);
    expect(evidence.rejected.map(({ type, row }) => [type, row])).toEqual([
      ['Bool', 1],
      ['Int64', 2],
      ['Float64', 2],
      ['Date', 1],
      ['DateTime', 2],
      ['UUID', 1],
    ]);
  });

  it('compares whole numbers that a double cannot tell apart', async () => {
    const { evidence } = await column(['9007199254740993', '9007199254740992', '9007199254740994']);
    expect([evidence.min, evidence.max]).toEqual(['9007199254740992', '9007199254740994']);
  });

  it('is bounded whatever the file holds', async () => {
    const long = 'x'.repeat(100_000);
    const { evidence } = await column([long, ...Array.from({ length: 2000 }, (_, index) => `v${index}`)]);
    expect([evidence.distinct, evidence.distinct_capped, evidence.examples.length]).toEqual([1000, true, 5]);
    const texts = [...evidence.examples, ...evidence.rejected.map(({ example }) => example ?? '')];
    expect(texts.filter((text) => text.length > 80)).toEqual([]);
  });
});

describe('spellings of null', () => {
  it('are proposed for the columns that they alone keep from their type, which say so', async () => {
    const file = 'id,qty,note,none\n1,N/A,a,N/A\n2,\\N,-,N/A\n3,7,b,N/A\n';
    const inferred = await infer(file);
    const schema = { id: 'Int32', qty: 'Nullable(Int32)', note: 'String', none: 'String' };
    expect(inferred.schema).toEqual(schema);
    expect(inferred.null_values).toEqual({ qty: ['N/A', '\\N'] });
    expect(inferred.columns.map(({ evidence }) => evidence.nulls)).toEqual([0, 2, 0, 0]);
    expect(inferred.columns[1]?.reason).toBe("whole numbers of up to 1 digit; null: 'N/A', '\\N'");
    expect(inferred.columns[2]?.evidence.examples).toEqual(['a', 'b', '-']);
    expect(await rejectedWith(file, inferred)).toEqual([]);
  });

  it('are values of a column of texts: Namibia stays', async () => {
    const file = 'country,visits\nNA,1\nDE,NA\nFR,3\n';
    const inferred = await infer(file);
    expect(inferred.schema).toEqual({ country: 'String', visits: 'Nullable(Int32)' });
    expect(inferred.null_values).toEqual({ visits: ['NA'] });
    expect(inferred.columns[0]?.evidence).toMatchObject({ nulls: 0, examples: ['DE', 'FR', 'NA'] });
    expect(await rejectedWith(file, inferred)).toEqual([]);
  });

  it('are words where a column is text anyway, or nothing else', async () => {
    expect(await infer('a,b\nx,NA\nNA,NA\n')).toMatchObject({ schema: { a: 'String', b: 'String' }, null_values: [] });
  });

  it('that the request names come first, of every column, and are not values', async () => {
    const inferred = await infer('a,b\n?,?\n-,x\n5,y\n', { nullValues: ['?'] });
    expect(inferred).toMatchObject({ schema: { a: 'Nullable(Int32)', b: 'Nullable(String)' } });
    expect(inferred.null_values).toEqual({ a: ['?', '-'], b: ['?'] });
    const ofOne = await infer('a,b\n?,?\n-,x\n5,y\n', { nullValues: { a: ['?'] } });
    expect(ofOne).toMatchObject({ schema: { a: 'Nullable(Int32)', b: 'String' }, null_values: { a: ['?', '-'] } });
  });

  it('that the request names are null in quotes where the column is not text', async () => {
    const file = 'a,b\n"?","?"\n5,y\n';
    const inferred = await infer(file, { nullValues: ['?'] });
    expect(inferred).toMatchObject({ schema: { a: 'Nullable(Int32)', b: 'String' }, null_values: ['?'] });
    expect(await rejectedWith(file, inferred)).toEqual([]);
  });

  it('are not proposed beyond what a job takes', async () => {
    const nullValues = Array.from({ length: 30 }, (_, index) => `null${index}`);
    expect(await infer('a\n-\n5\n', { nullValues })).toMatchObject({
      schema: { a: 'String' },
      null_values: nullValues,
    });
  });

  it('of very many columns are proposed for all, unless one of them has it as a text', async () => {
    const names = Array.from({ length: 900 }, (_, index) => `column${index}`);
    const wide = (text: string): string => `${names.join()},t\n${'1,'.repeat(900)}x\n${'NA,'.repeat(900)}${text}\n`;
    const all = await infer(wide('y'));
    expect([all.null_values, (all.schema as Record<string, string>)['column899']]).toEqual([['NA'], 'Nullable(Int32)']);
    const some = await infer(wide('NA'));
    expect(JSON.stringify(some.null_values).length).toBeLessThanOrEqual(8192);
    expect(some.columns[0]).toMatchObject({ type: 'Int32', nullable: true });
    expect(some.columns[899]).toMatchObject({ type: 'String', reason: expect.stringContaining('null_values') });
    expect(await rejectedWith(wide('NA'), some)).toEqual([]);
  });
});

describe('decimal commas', () => {
  const german = 'a;b;c\n1.000;1,50;x\n2.500;10,25;y\n999;3;z\n';
  const dialect = { delimiter: ';', quote: '"', header: true };

  it.each([
    [german, dialect],
    [german.replaceAll(/(\d+,\d+)/g, '"$1"').replaceAll(';', ','), { ...dialect, delimiter: ',' }],
  ])('put the points of other columns in doubt: %j', async (file, given) => {
    const inferred = await infer(file, { dialect: given });
    expect(inferred.schema).toEqual({ a: 'String', b: 'String', c: 'String' });
    expect(inferred.columns[0]?.reason).toBe(
      "'1.000' in row 1 may be 1000: column 'b' has decimal commas ('1,50' in row 1)",
    );
  });

  it.each([
    ['a;b\n1.0000;1,50\n', 'Float64'],
    ['a;b\n0.125;1,50\n', 'Float64'],
    ['a;b\n1.000;1,500\n', 'Float64'],
    ['a;b\n1.000;1,50\n2.000;x\n', 'Float64'],
    ['a;b\n1.000;2\n', 'Float64'],
    ['a;b\n1.000;1.234,500\n', 'String'],
    ['a;b\n1.000;-1,5\n', 'String'],
    ['a;b\n100;1,50\n', 'Int32'],
    ['a;b\n1.000;1,50\nNA;2\n', 'String'],
  ])('decide if a column has nothing else: of %j is %s', async (file, type) => {
    const inferred = await infer(file, { dialect });
    expect(inferred.columns[0]?.type).toBe(type);
    expect(inferred.null_values).toEqual([]);
  });
});

describe('the sample', () => {
  it('has rows that are broken, which no column is judged by', async () => {
    const inferred = await infer('a,b\n1,2\nx\n"x"y,2\n3,4\n');
    expect(inferred).toMatchObject({ rows_sampled: 2, rows_rejected: 2, truncated: false });
    expect(inferred.schema).toEqual({ a: 'Int32', b: 'Int32' });
  });

  it('ends with the rows that were asked for', async () => {
    const file = 'a\n1\n2\nx\n';
    expect(await infer(file, { sampleRows: 2 })).toMatchObject({
      rows_sampled: 2,
      truncated: true,
      schema: { a: 'Int32' },
    });
    expect(await infer(file, { sampleRows: 3 })).toMatchObject({ rows_sampled: 3, truncated: false });
  });

  it('ends before a row that may go on', async () => {
    for (const file of ['a,b\n1,2\n3,4', 'a,b\n1,2\n3', 'a,b\n1,2\n"x\ny', 'a,b\n1,2\n3,4\r']) {
      expect(await infer(file, { partial: true })).toMatchObject({
        rows_sampled: 1,
        rows_rejected: 0,
        truncated: true,
      });
    }
    expect(await infer('a,b\n1,2\n3,4')).toMatchObject({ rows_sampled: 2, truncated: false });
  });

  it('ends after some 8 MiB', async () => {
    const inferred = await infer(`a,b\n${`1,${'x'.repeat(998)}\n`.repeat(12_000)}`);
    expect(inferred.truncated).toBe(true);
    expect(inferred.rows_sampled).toBeGreaterThan(8000);
    expect(inferred.rows_sampled).toBeLessThan(9000);
  });

  it('ends where a row never does', async () => {
    const inferred = await infer(`a\n1\n${'x'.repeat(20_000_000)}`);
    expect(inferred).toMatchObject({ rows_sampled: 1, rows_rejected: 0, truncated: true });
  });

  it('goes on behind a quote that is never closed', async () => {
    const inferred = await infer(`a\n"1\n${'2\n'.repeat(10)}`);
    expect(inferred).toMatchObject({ rows_sampled: 10, rows_rejected: 1, schema: { a: 'Int32' } });
  });

  it('is decompressed', async () => {
    const sourceEncoding = { fileCompression: 'gzip' as const, encoding: 'utf-8' as const };
    expect(await infer(gzipSync('a\n1\n'), { sourceEncoding })).toMatchObject({
      rows_sampled: 1,
      schema: { a: 'Int32' },
    });
    await expect(infer(gzipSync('a\n1\n').subarray(0, -4), { sourceEncoding })).rejects.toMatchObject({
      code: 'FILE_CORRUPT',
    });
  });
});

describe('the columns', () => {
  it('are texts if there is no row', async () => {
    const inferred = await infer('a,b');
    expect(inferred).toMatchObject({ schema: { a: 'String', b: 'String' }, rows_sampled: 0, truncated: false });
    expect(inferred.columns.map(({ reason }) => reason)).toEqual(['no rows', 'no rows']);
  });

  it('are numbered where no line names them', async () => {
    const dialect = { delimiter: ';', quote: '"', header: false };
    const inferred = await infer('"stray"x\n1;x;2026-01-01\n', { dialect });
    expect(inferred.schema).toEqual({ column_1: 'Int32', column_2: 'String', column_3: 'Date' });
    expect(inferred).toMatchObject({ rows_sampled: 1, rows_rejected: 1 });
    await expect(infer('\n\n', { dialect })).rejects.toMatchObject({ code: 'HEADER_MISMATCH' });
  });

  it('may have any names', async () => {
    const names = ['2', '1', 'constructor', 'a b', 'ä'];
    const inferred = await infer(`${names.join(',')}\n1,x,3,4,5\n`);
    expect(inferred.columns.map(({ name, type }) => [name, type])).toEqual(
      names.map((name) => [name, name === '1' ? 'String' : 'Int32']),
    );
    expect(Object.keys(inferred.schema).toSorted()).toEqual(names.toSorted());
  });

  it('are left out where no model can have them', async () => {
    const inferred = await infer('__proto__,id\nx,1\n');
    expect(inferred.schema).toEqual({ id: 'Int32' });
    expect(inferred.skipped_columns).toEqual([{ name: '__proto__', reason: expect.stringMatching(/rename it/) }]);
    await expect(infer('__proto__\n1\n')).rejects.toMatchObject({ code: 'HEADER_MISMATCH' });
  });

  it('are made of empty and repeated ones', async () => {
    expect((await infer('a,a,\n1,2,x\n2,3,y\n')).schema).toEqual({ a: 'Int32', a_2: 'Int32', column_3: 'String' });
  });

  it.each<[string, string, boolean]>([
    ['too many names', `${Array.from({ length: 10_001 }, (_, index) => `c${index}`).join(',')}\n`, false],
    ['blank lines only', '\n\n', false],
    ['quotes only', '"'.repeat(2_000_001), false],
    ['a header that may go on', 'a,b', true],
  ])('are refused with %s', async (_, file, partial) => {
    await expect(infer(file, { partial })).rejects.toMatchObject({ code: 'HEADER_MISMATCH' });
  });
});
