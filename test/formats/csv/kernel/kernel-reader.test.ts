import fc from 'fast-check';
import { TYPE } from '../../../../src/formats/csv/kernel/column-format.js';
import { ROWS_CHECKED, ROWS_LEFT } from '../../../../src/formats/csv/kernel/control-slots.js';
import { COLUMNS } from '../../../../src/formats/csv/kernel/memory-layout.js';
import { CsvKernel, createCsvReader, createKernelReader } from '../../../../src/formats/index.js';
import { expectEqual } from '../../../kit/expect-equal.js';
import { type Given, optionsFor, readAll } from '../read-all.js';
import { describeCsvReader } from '../reader-contract.js';
import { dialectFile, laxFile, structuredFile } from './structured-file.js';

const kernel = new CsvKernel();
const FORMATS = ['raw', 'json'] as const;
const valueFormats = fc.constantFrom(...FORMATS);

describeCsvReader('the kernel', (options) => createKernelReader(options, kernel));

describe('the kernel', () => {
  it('stops at a column whose type nobody has written, and does not take its values unchecked', async () => {
    const given = { file: 'a,b\n1,2\n', schema: { a: 'Int32', b: 'Int32' } };
    const unwritten = new CsvKernel();
    const reader = createKernelReader(await optionsFor(given), unwritten);
    unwritten.memory.writeUInt8(0, COLUMNS + TYPE);
    await expect(readAll(() => reader, given)).rejects.toThrow('unreachable');
  });
});

describe('the kernel and the reference reader', () => {
  const schema = { a: 'Nullable(Int16)', b: 'String', c: 'String' };

  async function expectSame(given: Given, cuts: number[] = []): Promise<void> {
    const expected = await readAll(createCsvReader, given);
    const got = await readAll((options) => createKernelReader(options, kernel), given, cuts);
    expectEqual(got.decisions, expected.decisions);
    expectEqual(got.positions.at(-1), expected.positions.at(-1));
  }

  it('agree on quotes and line ends wherever blocks of 64 bytes begin and end', async () => {
    await fc.assert(
      fc.asyncProperty(structuredFile, valueFormats, fc.array(fc.nat(), { maxLength: 4 }), (file, valueFormat, cuts) =>
        expectSame({ file, schema, valueFormat }, cuts),
      ),
      { numRuns: 1200 },
    );
  });

  it('agree on escapes, comments and blanks wherever blocks of 64 bytes begin and end', async () => {
    const dialect = fc.record(
      { escape: fc.constant('\\'), comment: fc.constant('#'), trim: fc.constant(true) },
      { requiredKeys: [] },
    );
    const nullValues = fc.constantFrom<string[]>([], ['x', '1"', '\\']);
    const cuts = fc.array(fc.nat(), { maxLength: 4 });
    await fc.assert(
      fc.asyncProperty(dialectFile, dialect, valueFormats, nullValues, cuts, (file, given, valueFormat, nulls, ends) =>
        expectSame({ file, schema, valueFormat, dialect: given, nullValues: nulls }, ends),
      ),
      { numRuns: 2000 },
    );
  });

  it.each(['lax', 'none'] as const)(
    'agree on quotes that are %s wherever blocks of 64 bytes begin and end',
    async (quotes) => {
      const dialect = fc.record(
        { escape: fc.constant('\\'), comment: fc.constant('#'), trim: fc.constant(true) },
        { requiredKeys: [] },
      );
      const nullValues = fc.constantFrom<string[]>([], ['x', '1"', '\\', '"x']);
      const cuts = fc.array(fc.nat(), { maxLength: 4 });
      await fc.assert(
        fc.asyncProperty(laxFile, dialect, valueFormats, nullValues, cuts, (file, given, valueFormat, nulls, ends) =>
          expectSame({ file, schema, valueFormat, dialect: { ...given, quotes }, nullValues: nulls }, ends),
        ),
        { numRuns: 1500 },
      );
    },
  );

  it('agree on a lax quote that ends a block of 64 bytes, or begins one', async () => {
    for (let length = 0; length < 64; length++) {
      const before = 'x'.repeat(length);
      const rows = ['"', '""', '"""', '" ', '\\"'].flatMap((mark) => [
        `"",${before}${mark}${'y'.repeat(63)},""`,
        `"","${before}${mark}${'y'.repeat(63)}",""`,
        `"","${before}${mark},"",${'y'.repeat(63)}"`,
        `1,${' '.repeat(length)}"${mark},"${mark}x`,
      ]);
      for (const own of [undefined, '\\']) {
        const dialect = { escape: own, quotes: 'lax', trim: true } as const;
        await expectSame({ file: `a,b,c\n${rows.join('\n')}\n2,"x",""\n`, schema, dialect, valueFormat: 'json' });
      }
    }
  });

  it('agree on an escape that ends a block of 64 bytes, in quotes or not', async () => {
    for (let length = 0; length < 64; length++) {
      const before = 'x'.repeat(length);
      const rows = ['', '\\'].flatMap((more) => [
        `"",${before}\\${more}${'y'.repeat(63)},""`,
        `"",${before}\\${more}"","`,
        `1,"${before}\\${more}","",\\"${'y'.repeat(63)}"`,
        `1,"${before}\\${more}${'y'.repeat(63)}","\\\\"`,
      ]);
      for (const row of rows) {
        await expectSame({
          file: `a,b,c\n${row}\n2,"\\"",""\n`,
          schema,
          dialect: { escape: '\\' },
          valueFormat: 'json',
        });
      }
    }
  });

  it.each(['\n', '\r\n', '\r'])('agree on every length of a row around 64 bytes (line end %j)', async (end) => {
    for (let length = 50; length < 140; length++) {
      const text = 'x'.repeat(length);
      const rows = [
        `1,${text},`,
        `2,"${text}",""`,
        `3,"${text}""${end}","${end}"`,
        `${text},,`,
        `4,${text}"`,
        '5,"",x',
      ];
      for (const valueFormat of FORMATS) {
        await expectSame({ file: `a,b,c${end}${rows.join(end)}${end}`, schema, valueFormat });
        for (const row of rows)
          await expectSame({ file: `a,b,c${end}${row}${end}"6",x,""${end}`, schema, valueFormat });
      }
    }
  });

  it.each([
    ['a quote behind the limit', `${'x'.repeat(1_000_010)}"\n`],
    ['a quote at the limit', `${'x'.repeat(999_999)}"\n`],
    ['a quote behind the limit', `${'x'.repeat(1_000_000)}"\n`],
    ['lines behind a quote that closes beyond the limit', `"${`${'x'.repeat(999)}\n`.repeat(1_010)}"\n`],
    ['many long rows', `${'y'.repeat(300_000)}\n`.repeat(12)],
    ['rows about as long as a chunk', `${'z'.repeat(262_143)}\n${'z'.repeat(262_144)}\n${'z'.repeat(262_145)}\n`],
    ['line ends only', '\n'.repeat(700_000)],
    ['line ends in quotes', `"${'\n'.repeat(700_000)}"\n1\n`],
    ['delimiters only', `${','.repeat(700_000)}\n`],
    ['a quote at every line', '"\n'.repeat(2_000)],
    ['a quote at every second line', '"x\n"x"\n'.repeat(2_000)],
    ['what JSON makes six times as long', `${'\u0001'.repeat(166_663)}\n${'\u0001'.repeat(166_664)}\n`.repeat(4)],
    ['doubled quotes beyond the limit of a value', `"${'""'.repeat(499_998)}"\n`],
    ['a quote that is never closed', `"${`${'x,'.repeat(500)}\n`.repeat(1_300)}`],
  ])('agree on %s', async (_name, body) => {
    const cuts = Array.from({ length: 80 }, (_, index) => (index + 1) * 65_521);
    for (const valueFormat of FORMATS) {
      await expectSame({ file: `a\n1\n${body}2\n`, valueFormat });
      await expectSame({ file: `a\n1\n${body}2\n`, valueFormat }, cuts);
    }
  });

  it.each([
    ['a comment behind the limit', `#${'x'.repeat(1_000_010)}\n`],
    ['comments about as long as a chunk', `#${'x'.repeat(524_287)}\r\n#${'y'.repeat(524_289)}"\r\n`.repeat(3)],
    ['a comment with a quote that nothing closes', `3\n#,"\n${`${'4'.repeat(199)}\n`.repeat(6_000)}`],
    ['comments whose quotes close each other', '#,"\n3\n'.repeat(5_000)],
    ['comments only', '#\n#"\r\n#,"\r'.repeat(100_000)],
    ['rows in comments', `#"1\n2",\n"1\n#2"\n`.repeat(5_000)],
    ['escapes at the end of many blocks', `"${'\\'.repeat(62)}\\""\n`.repeat(2_000)],
    ['runs of escapes of any length', Array.from({ length: 300 }, (_, n) => `"${'\\'.repeat(n)}"\n,"\n`).join('')],
    ['escapes beyond the limit of a value', `"${'\\"'.repeat(499_998)}"\n`],
    ['an escape at the limit', `"${'x'.repeat(999_996)}\\""\n"${'x'.repeat(999_995)}\\""\n`],
    ['lines behind a quote whose end is escaped', `"${`${'x'.repeat(200)},\\"\n`.repeat(6_000)}"\n`],
    ['what JSON makes six times as long', `"${'\\\u0001'.repeat(90_000)}"\n"${'\u0001'.repeat(166_664)}"\n`.repeat(4)],
    ['blanks only', `${' '.repeat(999_989)}\n${'\t'.repeat(999_990)}\n`],
  ])('agree on %s in another dialect', async (_name, body) => {
    const cuts = Array.from({ length: 80 }, (_, index) => (index + 1) * 65_521);
    const dialect = { escape: '\\', comment: '#', trim: true };
    for (const valueFormat of FORMATS) {
      await expectSame({ file: `a\n1\n${body}2\n`, dialect, valueFormat });
      await expectSame({ file: `a\n1\n${body}2\n`, dialect, valueFormat }, cuts);
    }
  });

  it.each([
    ['DateTime', '2024-02-29 12:34:56'],
    ['DateTime', '2024-12-31T23:59:59.123+01:00'],
    ['DateTime64(3)', '2000-10-30T09:08:07.5Z'],
    ['Date', '2023-01-01'],
    ['UUID', '123e4567-e89b-12d3-a456-42661417400F'],
    ['Float64', '-123456.789012345'],
    ['Float32', '1234567.89012e+3'],
    ['Decimal(18,6)', '+123456789012.345678'],
    ['Int64', '-1234567890123456'],
    ['UInt64', '18446744073709551615'],
    ['Bool', 'false'],
  ])('agree on every character anywhere in a value (%s, %s)', async (type, value) => {
    const texts = Array.from(value, (_, at) =>
      Array.from(
        { length: 128 },
        (_each, code) => value.slice(0, at) + String.fromCharCode(code) + value.slice(at + 1),
      ),
    ).flat();
    const rows = texts.map((text) => (/[,\r\n"]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text));
    const file = `a\n${rows.join('\n')}\n"${texts.filter((text) => !/"/.test(text)).join('"\n"')}"\n`;
    await expectSame({ file, schema: { a: type }, valueFormat: 'json' });
  });

  it.each(['Float64', 'Float32', 'Decimal(3,2)', 'Int8', 'DateTime'])(
    'agree on every short text of what numbers are made of (%s)',
    async (type) => {
      let texts = [''];
      let all: string[] = [];
      for (let length = 1; length <= 5; length++) {
        texts = texts.flatMap((text) => ['0', '7', '.', '-', '+', 'e'].map((next) => text + next));
        all = all.concat(texts);
      }
      await expectSame({
        file: `a\n${all.join('\n')}\n"${all.join('"\n"')}"\n`,
        schema: { a: type },
        valueFormat: 'json',
      });
    },
  );

  const characters = Array.from({ length: 128 }, (_, code) => String.fromCharCode(code));

  it('agree on every delimiter and every quote there may be', async () => {
    for (const odd of characters.filter((character) => !'\0\n\r,"'.includes(character))) {
      for (const [delimiter, quote] of [
        [odd, '"'],
        [',', odd],
      ] as const) {
        const cell = (text: string): string => quote + text.replaceAll(quote, quote + quote) + quote;
        const row = (...texts: string[]): string => `${texts.join(delimiter)}\n`;
        const good = cell(`x${quote}${delimiter}\n${odd}"\\`);
        const rows = [row('0', good, '1.5'), row('', good, cell('-7')), row(cell('12'), '', ''), row('z', good, '')];
        const file = row(cell('n'), cell('t'), cell('f')) + rows.join('') + row(`${quote}x${quote}y`) + rows.join('');
        const given = { file, delimiter, quote, schema: { n: 'Nullable(Int8)', f: 'Nullable(Float64)' } };
        for (const valueFormat of FORMATS) await expectSame({ ...given, valueFormat });
      }
    }
  });

  it('agree on every escape and every character of comments there may be', async () => {
    for (const odd of characters.filter((character) => !'\n\r,"'.includes(character))) {
      const cell = (text: string): string => `"${[...text].map((each) => odd + each).join('')}"`;
      const rows = [
        `${cell('12')},${cell(`x",\n${odd}\t`)},1.5`,
        `1,${odd},${odd}`,
        `"1${odd}2","${odd}é",${cell('-7')}`,
        // Values by their bytes, though not by their texts.
        ...['2003-01-01', '2023-12-12 00:00:00', '2023-12-12T10:10:10+01:00'].map((at) => `1,"${at}",2`),
      ];
      const remarks = ['', '"', ',"', ` 1,"\r\n",2`, '"x"'].map((each) => odd + each);
      const body = [...rows, ...remarks, '3,"4"', `${cell('x')},${cell('NULL')},${odd}1`, ...rows].join('\n');
      const given = { file: `n,t,f\n${body}\n` };
      const types = { n: 'Nullable(Int8)', f: 'Nullable(Float64)' };
      for (const dialect of [
        { escape: odd },
        { comment: odd },
        { escape: odd, trim: true },
        { comment: odd, trim: true },
      ]) {
        const header = await optionsFor({ ...given, schema: types, dialect }).catch(() => null);
        // Where the header itself is a comment, or escaped.
        if (header === null) continue;
        for (const valueFormat of FORMATS) {
          for (const t of ['Date', 'DateTime', 'DateTime64(3)']) {
            await expectSame({ ...given, schema: { ...types, t }, dialect, valueFormat });
          }
          await expectSame({
            ...given,
            schema: types,
            dialect,
            valueFormat,
            nullValues: ['12', 'NULL', odd, `1${odd}2`],
          });
        }
      }
    }
  });

  it.each([
    ['Int8', '-128', '127', '+5', '007', '0'],
    ['Int64', '-9223372036854775808', '9223372036854775807', '1234567890123456789'],
    ['UInt64', '18446744073709551615', '0', '+1'],
    ['Float64', '1', '-1.5', '.5', '1.', '1e300', '-12345678901234567890.123', '1E-7'],
    ['Decimal(18,4)', '1', '-12345678901234.5678', '+0.1'],
    ['Bool', 'true', 'FALSE', '1', '0'],
    ['Date', '2024-02-29', '0001-01-01', '9999-12-31'],
    ['DateTime', '2023-01-01 00:00:00', '2023-01-01T23:59:59.123456789Z', '-1', '1672531200'],
    ['DateTime64(6)', '2023-01-01 00:00:00.123456', '2023-01-01T00:00:00+01:00', '2023-01-01T00:00:00-0130'],
    ['UUID', '123e4567-e89b-12d3-a456-42661417400f'],
    ['String', 'x', '"a ""b"""', '""'],
  ])('leaves nothing to JavaScript where a value is plainly a %s', async (type, ...values) => {
    const spelled = values.flatMap((text) => (text.startsWith('"') ? [text] : [text, `"${text}"`]));
    const dialects = [{}, { escape: '\\', comment: '#', trim: true }];
    for (const [dialect, nullValues] of dialects.flatMap((each) =>
      [[], ['NULL', 'none']].map((nulls) => [each, nulls] as const),
    )) {
      const isOwn = 'escape' in dialect;
      // With an escape a quote is not doubled.
      const texts = isOwn
        ? spelled.filter((text) => !/.""./.test(text)).map((text) => (text.startsWith('"') ? text : `\t${text} `))
        : spelled;
      const rows = [...texts.map((text) => `${text},${text}`), `${texts[0]},`];
      if (nullValues.length > 0) rows.push(`${texts[0]},NULL`);
      const given = {
        ...{ file: `a,b\n${rows.join(isOwn ? '\n#\n' : '\n')}\n`, dialect, nullValues },
        schema: { a: type, b: `Nullable(${type})` },
      };
      const { decisions } = await readAll((options) => createKernelReader(options, kernel), given);
      expect(decisions).toEqual(rows.map((accepted) => ({ accepted })));
      const reader = createKernelReader(await optionsFor(given), kernel);
      reader.push(Buffer.from(given.file).subarray(4));
      reader.advance({ accept: () => undefined, reject: () => undefined });
      expect([kernel.get(ROWS_LEFT), kernel.get(ROWS_CHECKED)]).toEqual([0, rows.length]);
    }
  });

  it('agree on rows of the most columns there may be, all of them wrong', async () => {
    const names = Array.from({ length: 10_000 }, (_, index) => `c${index}`);
    const wide = Object.fromEntries(names.map((name) => [name, { type: 'integer', minimum: 1 }]));
    const row = (text: string): string => `${names.map(() => text).join()}\n`;
    const lastIsWrong = row('1').replace(/1\n$/, '0\n');
    const file = `${names.join()}\n${row('x')}${row('1')}${row('0')}${lastIsWrong}`;
    await expectSame({ file, schema: { type: 'object', properties: wide, required: names } });
  });

  it('agree where there are longer names than the kernel has room for as keys', async () => {
    const names = Array.from({ length: 10_000 }, (_, index) => `${index}${'\u0001'.repeat(90)}`);
    const file = `${names.join()}\n${','.repeat(9_999)}\n1\n`;
    await expectSame({ file, valueFormat: 'json' });
    await expectSame({ file: file.replaceAll('\u0001'.repeat(78), 'x'), valueFormat: 'json' });
  });

  it('agree where there are more spellings of null than the kernel has room for', async () => {
    const nullValues = Array.from({ length: 9_000 }, (_, index) => `none${index}`);
    await expectSame({ file: 'a,b,c\nnone7,none8,x\nnone1,x,none0\n1,y,z\n', schema, nullValues });
  });
});
