import { isUtf8 } from 'node:buffer';
import fc from 'fast-check';
import { damagedBy, damages } from '../damage.js';
import { describeFixture } from '../fixtures.js';
import { JSON_VALUE_VECTORS } from '../validation/json-vectors.js';
import { TYPE_VECTORS } from '../validation/vectors.js';
import { csvCorpus, csvFixtures } from './csv-fixtures.js';
import { JSON_VECTORS } from './json-vectors.js';
import { naiveSplit } from './naive-split.js';
import {
  asBytes,
  bytesOf,
  type CreateReader,
  type Decision,
  latin1,
  optionsFor,
  readAll,
  readFrom,
  utf8,
} from './read-all.js';
import { CSV_VECTORS, inShort } from './vectors.js';

const MiB = 1024 ** 2;

/** What every reader of CSV promises; each implementation runs it. */
export function describeCsvReader(name: string, create: CreateReader): void {
  describe(`${name}: the corpus`, () => {
    for (const fixture of csvFixtures(create)) describeFixture(fixture);

    it('decides files that are damaged at random alike however they are cut, and from every position, to their end', async () => {
      const corpus = csvCorpus();
      const cuts = fc.array(fc.nat(), { maxLength: 12 });
      const property = fc.asyncProperty(fc.nat(corpus.length - 1), damages, cuts, async (which, changes, at) => {
        const { given } = corpus[which] as (typeof corpus)[number];
        const file = damagedBy(given.file, changes);
        const options = await optionsFor({ ...given, file }).catch(headerMismatch);
        if (options === null) return;
        const whole = readFrom(create(options), file);
        const { decisions, positions } = readFrom(create(options), file, at);
        expect(decisions).toEqual(whole.decisions);
        expect(positions.at(-1)).toEqual(whole.positions.at(-1));
        expect(positions.at(-1)?.position.byte).toBe(file.length);
        for (const { position, decided } of positions) {
          expect(readFrom(create({ ...options, position }), file).decisions).toEqual(decisions.slice(decided));
        }
      });
      await fc.assert(property, { numRuns: 150, seed: 20_261_122 });
    });
  });

  describe(`${name}: the grammar`, () => {
    it.each(CSV_VECTORS.map((vector) => [vector.name, vector] as const))('%s', async (_name, vector) => {
      expect(inShort((await readAll(create, vector)).decisions)).toEqual(vector.expected);
    });

    it.each(CSV_VECTORS.map((vector) => [vector.name, vector] as const))('byte by byte: %s', async (_name, vector) => {
      const cuts = Array.from(bytesOf(vector), (_, index) => index);
      expect(inShort((await readAll(create, vector, cuts)).decisions)).toEqual(vector.expected);
    });

    it.each(CSV_VECTORS.map((vector) => [vector.name, vector] as const))(
      'ends at the end: %s',
      async (_name, vector) => {
        const { positions, decisions } = await readAll(create, vector);
        const bytes = bytesOf(vector);
        const lines = (latin1(bytes).match(/\r\n|\r|\n|[^\r\n]$/g) ?? []).length;
        expect(positions.at(-1)?.position).toEqual({ row: decisions.length, line: lines, byte: bytes.length });
      },
    );
  });

  describe(`${name}: the values`, () => {
    for (const { type, accepted, rejected } of TYPE_VECTORS) {
      it(`takes what is a ${type}`, async () => {
        const file = `v,rest\n${accepted.map((text) => `${quoted(text)},x\n`).join('')}`;
        const { decisions } = await readAll(create, { file, schema: { v: type } });
        expect(decisions).toEqual(accepted.map((text) => ({ accepted: asBytes(`${quoted(text)},x`) })));
      });

      if (Object.keys(rejected).length === 0) continue;
      it.each(Object.entries(rejected))(`rejects what is not a ${type} with %s`, async (code, texts) => {
        const file = `v,rest\n${texts.map((text) => `${quoted(text)},x\n`).join('')}`;
        const { decisions } = await readAll(create, { file, schema: { v: type } });
        expect(decisions.map((decision) => errorsOf(decision)[0])).toEqual(
          texts.map((text) =>
            expect.objectContaining({ column: 'v', type, error: code, observed: text.slice(0, 256) }),
          ),
        );
      });
    }

    it('says what is wrong with a value in words', async () => {
      const schema = { qty: 'Int32', flag: 'Nullable(Bool)', at: 'UInt8', on: 'Date' };
      const { decisions } = await readAll(create, { file: 'qty,flag,at,on\n3.14,maybe,300,\n', schema });
      expect(errorsOf(decisions[0]).map((each) => each.message)).toEqual([
        "column 'qty': '3.14' is not an Int32",
        "column 'flag': 'maybe' is not a Bool",
        "column 'at': '300' is out of range for UInt8 (0 to 255)",
        "column 'on': '' is null, but a Date is required",
      ]);
    });

    it('keeps at most 256 characters of a value and 512 of a message, never half a character', async () => {
      const column = `c${'é'.repeat(127)}`;
      const value = `1${'😀'.repeat(300)}`;
      const { decisions } = await readAll(create, { file: `${column}\n${value}\n`, schema: { [column]: 'Int8' } });
      const [error] = errorsOf(decisions[0]);
      expect(error?.observed).toBe(`1${'😀'.repeat(127)}`);
      expect(error?.column).toBe(column);
      expect(error?.message.length).toBeLessThanOrEqual(512);
      expect(Buffer.from(error?.message ?? '').toString()).toBe(error?.message);
    });

    it('keeps at most 100 errors of a row and says that there were more', async () => {
      const names = Array.from({ length: 101 }, (_, index) => `c${index}`);
      const schema = Object.fromEntries(names.map((each) => [each, 'Int8']));
      const file = `${names.join()}\n${names.map(() => 'x').join()}\n1,${names
        .slice(1)
        .map(() => 'x')
        .join()}\n`;
      const [first, second] = (await readAll(create, { file, schema })).decisions;
      expect([errorsOf(first).length, errorsOf(second).length]).toEqual([100, 100]);
      expect(errorsOf(first).at(-1)?.column).toBe('c99');
      expect(errorsOf(second).at(-1)?.column).toBe('c100');
      expect([first, second]).toMatchObject([
        { rejected: { errorsTruncated: true } },
        { rejected: { errorsTruncated: false } },
      ]);
    });
  });

  describe(`${name}: rows as JSON`, () => {
    it.each(JSON_VECTORS.map((vector) => [vector.name, vector] as const))('%s', async (_name, vector) => {
      expect(inShort((await readAll(create, vector)).decisions)).toEqual(vector.expected);
      const everyByte = Array.from(bytesOf(vector), (_, index) => index);
      expect(inShort((await readAll(create, vector, everyByte)).decisions)).toEqual(vector.expected);
    });

    it.each(JSON_VALUE_VECTORS.map(({ type, values }) => [type, values] as const))(
      'writes a %s',
      async (type, values) => {
        const rows = Object.keys(values).flatMap((text) => [
          `${quoted(text)},x\n`,
          `"${text.replaceAll('"', '""')}",x\n`,
        ]);
        const given = { file: `v,rest\n${rows.join('')}`, schema: { v: type }, valueFormat: 'json' as const };
        const { decisions } = await readAll(create, given);
        expect(decisions).toEqual(
          Object.values(values).flatMap((json) => Array(2).fill({ accepted: asBytes(`{"v":${json},"rest":"x"}`) })),
        );
      },
    );

    it('shows the original of a value that is normalized', async () => {
      const given = { file: 'n\n X \n', schema: { n: 'Int8' }, valueFormat: 'json' as const };
      const { decisions } = await readAll(create, { ...given, normalize: { n: ['trim', 'lowercase'] } });
      expect(errorsOf(decisions[0])).toMatchObject([{ observed: ' X ', message: "column 'n': ' X ' is not an Int8" }]);
      await expect(readAll(create, { ...given, normalize: { N: ['trim'] } })).rejects.toMatchObject({
        code: 'HEADER_MISMATCH',
        message: 'neither the file nor the model has columns that the job normalizes: "N"',
      });
    });

    it('takes a row whose JSON just fits a record, and no larger one, however small the row', async () => {
      // {"a":"…"} takes 8 bytes around the text, and a quote two.
      for (const [text, expected] of [
        ['x'.repeat(999_981), 'ok'],
        ['x'.repeat(999_982), 'ROW_TOO_LARGE'],
        [`${'\t'.repeat(499_990)}x`, 'ok'],
        [`${'\t'.repeat(499_991)}`, 'ROW_TOO_LARGE'],
      ] as const) {
        const { decisions } = await readAll(create, { file: `a\n${text}\nx\n`, valueFormat: 'json' });
        expect(shortErrors(decisions)).toEqual([expected, 'ok']);
      }
      const zeros = `${'0'.repeat(999_998)}1`;
      const { decisions } = await readAll(create, {
        file: `a\n${zeros}\n`,
        schema: { a: 'Int8' },
        valueFormat: 'json',
      });
      expect(decisions).toEqual([{ accepted: '{"a":1}' }]);
    });

    it('gives back every text that was written, and null if there was none', async () => {
      const text = fc.oneof(
        fc.constantFrom('', 'NULL', '"', '\\', '\r\n'),
        fc.string({ unit: fc.constantFrom(...',"\n\r\t\0\x1f\\/é€'.split(''), '😀'), maxLength: 40 }),
        fc.string({ unit: 'grapheme', maxLength: 40 }),
      );
      const field = fc.record({ text, inQuotes: fc.boolean() });
      await fc.assert(
        fc.asyncProperty(fc.array(fc.tuple(field, field, field), { minLength: 1, maxLength: 12 }), async (rows) => {
          const write = (each: { text: string; inQuotes: boolean }): string =>
            each.inQuotes || /[",\r\n]/.test(each.text) ? `"${each.text.replaceAll('"', '""')}"` : each.text;
          const file = `a,b,c\n${rows.map((row) => `${row.map(write).join()}\n`).join('')}`;
          const schema = { a: 'Nullable(String)', b: 'String' };
          const { decisions } = await readAll(create, { file, schema, nullValues: ['NULL'], valueFormat: 'json' });
          const orNull = (each: { text: string; inQuotes: boolean }): string | null =>
            write(each) === '' || write(each) === 'NULL' ? null : each.text;
          expect(
            decisions.map((each) => ('accepted' in each ? JSON.parse(utf8(each.accepted)) : errorsOf(each)[0]?.error)),
          ).toEqual(
            rows.map(([a, b, c]) => (write(b) === 'NULL' ? 'NULL_VALUE' : { a: orNull(a), b: b.text, c: orNull(c) })),
          );
        }),
        { numRuns: 200 },
      );
    });

    it('decides the same as about the rows themselves, and from every position it had', async () => {
      const schema = { a: 'Nullable(Int16)', b: 'Nullable(String)', c: 'DateTime' };
      await fc.assert(
        fc.asyncProperty(messyFile, async (body) => {
          const raw = { file: Buffer.concat([Buffer.from('a,b,c\n'), body]), schema };
          const json = { ...raw, valueFormat: 'json' as const };
          const { decisions, positions } = await readAll(create, json);
          const expected = await readAll(create, raw);
          expect(positions.at(-1)).toEqual(expected.positions.at(-1));
          expect(decisions.filter((each) => 'rejected' in each)).toEqual(
            expected.decisions.filter((each) => 'rejected' in each),
          );
          for (const each of decisions) {
            if ('accepted' in each) expect(Object.keys(JSON.parse(utf8(each.accepted)))).toEqual(['a', 'b', 'c']);
          }
          const options = await optionsFor(json);
          for (const { position, decided } of positions) {
            const rest = readFrom(create({ ...options, position }), json.file);
            expect(rest.decisions).toEqual(decisions.slice(decided));
          }
        }),
        { numRuns: 100 },
      );
    });
  });

  describe(`${name}: large rows`, () => {
    const long = 'x'.repeat(2 * MiB);
    const cuts = Array.from({ length: 60 }, (_, index) => (index + 1) * 65_521);

    async function both(file: string): Promise<Decision[]> {
      const whole = await readAll(create, { file });
      const inChunks = await readAll(create, { file }, cuts);
      expect(inChunks.decisions).toEqual(whole.decisions);
      expect(whole.positions.at(-1)?.position.byte).toBe(file.length);
      return whole.decisions;
    }

    it('rejects a line of 2 MiB and goes on with the next', async () => {
      const decisions = await both(`a\n1\n${long}\r\n2\n`);
      expect(decisions).toEqual([
        { accepted: '1' },
        {
          rejected: expect.objectContaining({ rowNumber: 2, line: 3, byteOffset: 4, rawTruncated: true }),
          raw: long.slice(0, 65_536),
        },
        { accepted: '2' },
      ]);
      expect(errorsOf(decisions[1])).toMatchObject([
        { error: 'ROW_TOO_LARGE', column: null, type: null, observed: null },
      ]);
    });

    it('calls a quote open after 1,000,000 bytes unterminated, on one line or on many', async () => {
      expect(shortErrors(await both(`a\n"${long}"\n2\n`))).toEqual(['UNTERMINATED_QUOTE', 'ok']);
      const lines = `${'y'.repeat(99_999)}\n`.repeat(20);
      expect(shortErrors(await both(`a\n"${lines}"\n2\n`))).toEqual([
        'UNTERMINATED_QUOTE',
        ...Array(19).fill('ok'),
        'UNTERMINATED_QUOTE',
        'ok',
      ]);
    });

    it('finds a stray quote at the beginning of a line of any length', async () => {
      expect(shortErrors(await both(`a\nx"${long}\n2\n"a"b${long}`))).toEqual(['STRAY_QUOTE', 'ok', 'STRAY_QUOTE']);
    });

    it.each([
      ['\n', 'ok'],
      ['\r\n', 'ok'],
      ['\r', 'ok'],
      ['', 'ok'],
    ])('takes a value of 999,989 bytes, the most that fits a record (line end %j)', async (lineEnd, expected) => {
      expect(shortErrors(await both(`a\n${'x'.repeat(999_989)}${lineEnd}`))).toEqual([expected]);
      expect(shortErrors(await both(`a\n${'x'.repeat(999_990)}${lineEnd}`))).toEqual(['ROW_TOO_LARGE']);
      expect(shortErrors(await both(`a\n"${'x'.repeat(999_987)}"${lineEnd}`))).toEqual([expected]);
    });

    it.each([
      ['LF', '\n', 999_998, 'ROW_TOO_LARGE'],
      ['CRLF', '\r\n', 999_997, 'ROW_TOO_LARGE'],
      ['CR', '\r', 999_998, 'ROW_TOO_LARGE'],
      // Without one it is the closing quote that lies beyond.
      ['no line end', '', 999_999, 'UNTERMINATED_QUOTE'],
    ])('counts the line end (%s) into the 1,000,000 bytes of a record', async (_name, lineEnd, size, code) => {
      // A row that spans two lines: within the limit the whole row is too large for a record, over it the first line.
      const within = `"\n${'x'.repeat(size - 2)}"${lineEnd}`;
      const over = `"\n${'x'.repeat(size - 1)}"${lineEnd}`;
      const [whole, ...none] = await both(`a\n${within}`);
      expect([shortErrors(whole ? [whole] : []), none]).toEqual([['ROW_TOO_LARGE'], []]);
      const [first, second] = await both(`a\n${over}`);
      expect(first).toMatchObject({
        raw: '"',
        rejected: { errors: [{ error: code }], rawTruncated: false },
      });
      expect(second).toMatchObject({ rejected: { line: 3, errors: [{ error: 'STRAY_QUOTE' }] } });
    });

    it('keeps the raw bytes whole up to 65,536', async () => {
      const exact = 'x'.repeat(65_535);
      const decisions = await both(`a\n${exact}"\n${exact}x"\n`);
      expect(decisions).toMatchObject([
        { raw: `${exact}"`, rejected: { rawTruncated: false } },
        { raw: `${exact}x`, rejected: { rawTruncated: true } },
      ]);
    });

    it('decides about a bounded number of rows a step', async () => {
      const { positions } = await readAll(create, { file: `a\n${'x\n'.repeat(2500)}`, schema: { a: 'Int8' } });
      const steps = positions.map(({ decided }, index) => decided - (positions[index - 1]?.decided ?? 0));
      expect(Math.max(...steps)).toBeLessThanOrEqual(1000);
      const bytes = await readAll(create, { file: `a\n${`${'x'.repeat(999)}\n`.repeat(500)}` });
      expect(bytes.positions[0]?.decided).toBeLessThanOrEqual(70);
    });
  });

  describe(`${name}: properties`, () => {
    const schema = { a: 'Nullable(Int16)', b: 'Nullable(String)', c: 'DateTime' };

    it('decides the same however the file is cut', async () => {
      await fc.assert(
        fc.asyncProperty(messyFile, fc.array(fc.nat(), { maxLength: 30 }), async (body, cuts) => {
          const given = { file: Buffer.concat([Buffer.from('a,b,c\n'), body]), schema };
          const whole = await readAll(create, given);
          const cut = await readAll(create, given, cuts);
          expect(cut.decisions).toEqual(whole.decisions);
          expect(cut.positions.at(-1)).toEqual(whole.positions.at(-1));
          const bytewise = await readAll(
            create,
            given,
            Array.from(body, (_, index) => index),
          );
          expect(bytewise.decisions).toEqual(whole.decisions);
        }),
        { numRuns: 150 },
      );
    });

    it('decides the same about what is left from every position it had', async () => {
      await fc.assert(
        fc.asyncProperty(messyFile, fc.array(fc.nat(), { maxLength: 10 }), async (body, cuts) => {
          const given = { file: Buffer.concat([Buffer.from('a,b,c\n'), body]), schema };
          const everyByte = Array.from(body, (_, index) => index);
          const { decisions, positions } = await readAll(create, given, everyByte);
          const options = await optionsFor(given);
          for (const { position, decided } of new Map(positions.map((each) => [each.position.byte, each])).values()) {
            expect(position.row).toBe(decided);
            const rest = readFrom(create({ ...options, position }), given.file, cuts);
            expect(rest.decisions).toEqual(decisions.slice(decided));
          }
        }),
        { numRuns: 40 },
      );
    });

    it('decides the same when columns are renamed to what they are called, and under other names', async () => {
      const other = { a: 'Größe, "x"', b: 'c', c: 'a' };
      const named = { [other.a]: schema.a, [other.b]: schema.b, [other.c]: schema.c };
      await fc.assert(
        fc.asyncProperty(messyFile, fc.constantFrom('raw', 'json'), async (body, valueFormat) => {
          const given = { file: Buffer.concat([Buffer.from('a,b,c\n'), body]), schema, valueFormat } as const;
          const plain = await readAll(create, given);
          expect(await readAll(create, { ...given, renames: { a: 'a', b: 'b', c: 'c' } })).toEqual(plain);
          const renamed = await readAll(create, { ...given, schema: named, renames: other });
          expect(inShort(renamed.decisions).length).toBe(plain.decisions.length);
          for (const [index, decision] of plain.decisions.entries()) {
            const columns = errorsOf(decision).map(({ column }) => column && other[column as 'a']);
            expect(errorsOf(renamed.decisions[index]).map(({ column }) => column)).toEqual(columns);
            if ('accepted' in decision && valueFormat === 'raw') expect(renamed.decisions[index]).toEqual(decision);
          }
        }),
        { numRuns: 60 },
      );
    });

    it('splits as the grammar says and loses no byte', async () => {
      await fc.assert(
        fc.asyncProperty(messyFile, async (body) => {
          const file = Buffer.concat([Buffer.from('a,b,c\n'), body]);
          const { decisions } = await readAll(create, {
            file,
            schema: { a: 'Nullable(String)', b: 'Nullable(String)' },
          });
          const findings = naiveSplit(latin1(file)).slice(1);
          expect(decisions.map((each) => ('accepted' in each ? each.accepted : each.raw))).toEqual(
            findings.map((finding) => finding.raw),
          );
          for (const [index, { byteOffset, line, raw, fields, code }] of findings.entries()) {
            const decision = decisions[index];
            const valid = isUtf8(Buffer.from(raw, 'latin1'));
            const expected = code ?? (valid ? (fields?.length === 3 ? undefined : 'RAGGED_ROW') : 'INVALID_ENCODING');
            expect(errorsOf(decision)[0]?.error).toBe(expected);
            if (expected) expect(decision).toMatchObject({ rejected: { byteOffset, line, rowNumber: index + 1 } });
          }
          const between = latin1(file).slice('a,b,c\n'.length);
          let at = 0;
          for (const { raw } of findings) {
            const start = between.indexOf(raw, at);
            expect(between.slice(at, start)).toMatch(/^[\r\n]*$/);
            at = start + raw.length;
          }
          expect(between.slice(at)).toMatch(/^[\r\n]*$/);
        }),
        { numRuns: 300 },
      );
    });

    it.each(['strict', 'lax', 'none'] as const)(
      'reads fields whose quotes are %s as the grammar says',
      async (quotes) => {
        const schema = { a: 'String', b: 'String', c: 'String' };
        await fc.assert(
          fc.asyncProperty(messyFile, fc.array(fc.nat(), { maxLength: 10 }), async (body, cuts) => {
            const file = Buffer.concat([Buffer.from('a,b,c\n'), body]);
            const given = { file, schema, dialect: { quotes }, valueFormat: 'json' as const };
            const { decisions } = await readAll(create, given, cuts);
            const findings = naiveSplit(latin1(file), quotes).slice(1);
            const expected = findings.map(({ raw, fields, code }) => {
              const isText = isUtf8(Buffer.from(raw, 'latin1'));
              const why = code ?? (isText ? (fields?.length === 3 ? null : 'RAGGED_ROW') : 'INVALID_ENCODING');
              return why ?? fields?.map(utf8);
            });
            const found = decisions.map((each) =>
              'accepted' in each ? Object.values(JSON.parse(utf8(each.accepted)) as object) : errorsOf(each)[0]?.error,
            );
            expect(found).toEqual(expected);
          }),
          { numRuns: 300 },
        );
      },
    );

    it('loses one line, not the file, to each quote that is never closed, and reads no byte for each line anew', async () => {
      const lines = Array.from({ length: 150_000 }, (_, index) => `x${index}","y`);
      const file = `a,b\n${lines.join('\n')}\n1,2\n`;
      const { decisions, positions } = await readAll(
        create,
        { file, dialect: { quotes: 'lax' } },
        [700_000, 1_400_000],
      );
      const found = inShort(decisions);
      expect(found.length).toBe(lines.length + 1);
      expect(found.at(-1)).toBe('1,2');
      // By what is there after 1,000,000 bytes, in quotes or outside.
      const codes = new Set(found.slice(0, -1).map((each) => (typeof each === 'string' ? each : each.errors.join())));
      expect(codes).toEqual(new Set(['UNTERMINATED_QUOTE', 'ROW_TOO_LARGE']));
      expect(positions.at(-1)?.position).toEqual({ row: found.length, line: lines.length + 2, byte: file.length });
    });

    it('sees the fields that were written', async () => {
      const text = fc.string({
        unit: fc.oneof(
          fc.constantFrom(...',;|" \'`\n\r\t\0\x01xq\\=#é'.split('')),
          fc.string({ minLength: 1, maxLength: 1, unit: 'grapheme' }),
        ),
        maxLength: 8,
      });
      const table = fc.array(fc.tuple(text, text, text), { maxLength: 12 });
      const style = fc.record({
        delimiter: fc.constantFrom(',', ';', '\t', ' ', '|', '\u0002', '\u001f', 'x', '\\', '#'),
        quote: fc.constantFrom('"', "'", '`', '\u0001', '\u007f', 'q', '='),
        lineEnd: fc.constantFrom('\n', '\r\n', '\r'),
        always: fc.boolean(),
      });
      await fc.assert(
        fc.asyncProperty(table, style, async (rows, { delimiter, quote, lineEnd, always }) => {
          const write = (value: string): string =>
            always || value === '' || /[\r\n]/.test(value) || value.includes(quote) || value.includes(delimiter)
              ? quote + value.replaceAll(quote, quote + quote) + quote
              : value;
          const lines = rows.map((row) => row.map(write).join(delimiter));
          const file = [['a', 'b', 'c'].join(delimiter), ...lines].join(lineEnd);
          // A type that none of the texts satisfies makes the reader show what it sees.
          const schema = { a: 'UUID', b: 'UUID', c: 'UUID' };
          const { decisions } = await readAll(create, { file, schema, delimiter, quote });
          expect(decisions.map((each) => errorsOf(each).map((error) => error.observed))).toEqual(rows);
          expect(decisions.map((each) => 'raw' in each && each.raw)).toEqual(lines.map(asBytes));
        }),
        { numRuns: 200 },
      );
    });

    it('agrees with a plain reading of typed values', async () => {
      const row = fc.record({
        a: fc.oneof(fc.integer({ min: -40_000, max: 40_000 }).map(String), fc.constantFrom('', 'x', '1.5', '+7')),
        b: fc.string({ unit: fc.constantFrom('b', 'é'), maxLength: 3 }),
        c: fc.oneof(
          fc.date({ noInvalidDate: true, min: new Date(0), max: new Date(4e12) }).map((date) => date.toISOString()),
          fc.constantFrom('', 'soon'),
        ),
      });
      await fc.assert(
        fc.asyncProperty(fc.array(row, { maxLength: 30 }), async (rows) => {
          const file = `a,b,c\n${rows.map(({ a, b, c }) => `${a},${b},${c}\n`).join('')}`;
          const { decisions } = await readAll(create, { file, schema });
          const good = rows.map(
            ({ a, c }) => (a === '' || (/^[+-]?\d+$/.test(a) && Math.abs(Number(a) + 0.5) < 32_768)) && c.length > 4,
          );
          expect(decisions.map((each) => 'accepted' in each)).toEqual(good);
        }),
        { numRuns: 100 },
      );
    });
  });
}

/** Bytes in which everything happens that can happen to a CSV file. */
const messyFile = fc
  .array(
    fc.oneof(
      fc.constantFrom(',', '"', '""', '\n', '\r\n', '\r', '1', '-12', 'x', ' ', '\0', '\ufeff', 'é', '😀'),
      fc.constantFrom('1,b,2023-01-01T00:00:00Z\n', ',"",5\r\n', '"1","a ""b"", c","2023-01-01 00:00:00"\n', '\n"'),
      fc.constantFrom(Buffer.from([0xff]), Buffer.from([0xc3]), Buffer.from([0xe2, 0x82])),
    ),
    { maxLength: 40 },
  )
  .map((parts) => Buffer.concat(parts.map((part) => Buffer.from(part as Buffer))));

function quoted(text: string): string {
  return text === '' || /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

function errorsOf(decision: Decision | undefined) {
  return decision !== undefined && 'rejected' in decision ? decision.rejected.errors : [];
}

function shortErrors(decisions: readonly Decision[]): string[] {
  return decisions.map((decision) => errorsOf(decision)[0]?.error ?? 'ok');
}

/** The one thing that may be said of a header, whatever is in it. */
function headerMismatch(error: unknown): null {
  expect(error).toMatchObject({ code: 'HEADER_MISMATCH' });
  return null;
}
