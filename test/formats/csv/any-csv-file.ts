import fc from 'fast-check';
import { TYPE_VECTORS } from '../validation/vectors.js';
import type { Given } from './read-all.js';

interface Field {
  text: string;
  /** In quotes, needed or not. */
  quoted: boolean;
  /** Around it if it has no quotes. */
  blanks: readonly [string, string];
  /** Where an escape stands though nobody needs it. */
  escaped: number;
}

/** A column's part of a schema, and texts that are its values or nearly so. */
interface TestColumn {
  spelled: unknown;
  text: fc.Arbitrary<string>;
}

/** Longer than the lengths that the kernel tells apart. */
const longNull = 'no value was given by anybody whom we asked';

const anyText = fc.oneof(
  fc.constantFrom('', '', 'NULL', '\\N', '0', '1', '-1', '12', '1.5', '2023-01-01', 'a@b.c', '\ufffd', longNull),
  fc.string({ unit: fc.constantFrom(...',;"\'\n\r\t01-+.eETZ:é'.split('')), maxLength: 40 }),
  fc.bigInt({ min: -(2n ** 66n), max: 2n ** 66n }).map(String),
  fc.double().map(String),
  fc.date({ noInvalidDate: true, min: new Date(-7e13), max: new Date(2.6e14) }).map((date) => date.toISOString()),
  fc.uuid(),
);

const typedColumn: fc.Arbitrary<TestColumn> = fc
  .tuple(fc.constantFrom(...TYPE_VECTORS), fc.boolean())
  .map(([{ type, accepted, rejected }, nullable]) => {
    const near = [...accepted, ...accepted, ...Object.values(rejected).flat()].filter((text) => text.length < 1000);
    // One character more, less or another: what one byte can decide.
    const vector = fc
      .tuple(fc.constantFrom(...near), fc.nat(), fc.nat({ max: 1 }), fc.constantFrom('', ...'09-+.:eTZ a"'))
      .map(([text, at, remove, insert]) => splice(text, at, remove, insert));
    return {
      spelled: nullable ? `Nullable(${type})` : type,
      text: fc.oneof(
        { weight: 3, arbitrary: fc.constantFrom(...accepted) },
        { weight: 3, arbitrary: vector },
        { weight: 1, arbitrary: anyText },
      ),
    };
  });

const constrainedColumn: fc.Arbitrary<TestColumn> = fc
  .constantFrom(
    { type: 'integer', minimum: -5, maximum: 9007199254740991 },
    { type: 'integer', enum: [1, 2, 12] },
    { type: 'number', exclusiveMinimum: 0 },
    { type: 'string', minLength: 2, maxLength: 4 },
    { type: 'string', pattern: '^[0-9]+$' },
    { type: 'string', enum: ['', 'NULL', '1'] },
    { type: 'boolean' },
    { type: 'string', format: 'date' },
    { type: 'string', format: 'email' },
    { type: 'string' },
  )
  .map((spelled) => ({ spelled, text: anyText }));

const model = fc.oneof(
  fc.array(typedColumn, { minLength: 1, maxLength: 8 }).map((columns) => ({
    schema: named(columns.map(({ spelled }) => spelled)),
    texts: columns.map(({ text }) => text),
  })),
  fc
    .tuple(fc.array(constrainedColumn, { minLength: 1, maxLength: 5 }), fc.subarray([0, 1, 2, 3, 4]))
    .map(([columns, required]) => ({
      schema: {
        type: 'object',
        properties: named(columns.map(({ spelled }) => spelled)),
        required: required.filter((index) => index < columns.length).map(nameOf),
      },
      texts: columns.map(({ text }) => text),
    })),
);

const spellings = fc.subarray(['NULL', '\\N', '0', '-1', '"', "it's", '2023-01-01', '\ud800', '', longNull]);

const dialect = fc
  .record({
    delimiter: fc.constantFrom(',', ';', '\t', '|', '\u001f', '0', '-'),
    quote: fc.constantFrom('"', "'", '\u0001', '1'),
    lineEnd: fc.constantFrom('\n', '\r\n', '\r'),
    header: fc.boolean(),
    nullValues: fc.oneof(spellings, fc.dictionary(fc.constantFrom(...[0, 1, 2, 5].map(nameOf)), spellings)),
    quotedNulls: fc.constantFrom('typed', 'all'),
    quotedEmpty: fc.constantFrom('text', 'null'),
    bom: fc.boolean(),
    valueFormat: fc.constantFrom('raw', 'json'),
    escape: fc.option(fc.constantFrom('\\', '^', '0', ' ', ':'), { nil: undefined }),
    comment: fc.option(fc.constantFrom('#', '2', '-'), { nil: undefined }),
    trim: fc.boolean(),
    quotes: fc.constantFrom('strict' as const, 'strict' as const, 'lax' as const, 'none' as const),
  })
  .filter(
    ({ nullValues, delimiter, quote, escape: own, comment }) =>
      nullValues.length !== 1 && delimiter !== own && !`${delimiter}${quote}${own ?? ''}`.includes(comment ?? '\n'),
  );

/** What happens to files on their way. */
const mutation = fc.record({
  at: fc.nat(),
  remove: fc.nat({ max: 2 }),
  insert: fc.constantFrom(
    ...['', '"', '"', ',"', '",', '\n', '\r', ',', '""', '\r\n\r\n', 'x', '\u00ff', '\u00e2\u0082'],
    ...['\\', '\\"', '\\\\', '\n#', '\n#,"', '#', ' ', '\t'],
  ),
});

const blank = fc.constantFrom('', '', '', ' ', '\t', ' \t ');

/** What a line may hold that is not a record. */
const remark = fc.constantFrom('', ' some words', '"', ',"', ';",', '1,"\n2",', '\\"', '\u00e9');

/** A CSV file of any model in any dialect, good, bad or broken. */
export const anyCsvFile: fc.Arbitrary<Given> = fc
  .tuple(model, dialect)
  .chain(([{ schema, texts }, style]) => {
    const fields = texts.map((text) =>
      fc.record({
        text,
        quoted: fc.boolean(),
        blanks: fc.tuple(blank, blank),
        escaped: fc.nat({ max: 40 }),
      }),
    );
    const row = fc.oneof(
      { weight: 9, arbitrary: fc.tuple(...fields) },
      { weight: 1, arbitrary: fc.array(fc.oneof(...fields), { maxLength: texts.length + 2 }) },
    );
    return fc.record({
      schema: fc.constant(schema),
      style: fc.constant(style),
      rows: fc.array(row, { maxLength: 25 }),
      comments: fc.array(fc.option(remark), { minLength: 26, maxLength: 26 }),
      mutations: fc.oneof(fc.constant([]), fc.array(mutation, { maxLength: 4 })),
      names: fc.constant(texts.map((_, index) => nameOf(index))),
    });
  })
  .map(({ schema, style, rows, comments, mutations, names }): Given => {
    const {
      delimiter,
      quote,
      lineEnd,
      header,
      nullValues: given,
      quotedNulls,
      quotedEmpty,
      bom,
      valueFormat,
      escape: own,
      comment,
      trim,
      quotes,
    } = style;
    // Those of a column that there is not would fail the whole file.
    const nullValues = Array.isArray(given)
      ? given
      : Object.fromEntries(Object.entries(given).filter(([name]) => names.includes(name)));
    const special = [delimiter, quote, '\r', '\n'];
    const inQuotes = (text: string, escaped: number): string =>
      own === undefined
        ? text.replaceAll(quote, quote + quote)
        : Array.from(text, (each, at) => (each === quote || each === own || at === escaped ? own + each : each)).join(
            '',
          );
    const write = ({ text, quoted, blanks: [before, behind], escaped }: Field): string =>
      quoted || special.some((each) => text.includes(each))
        ? quote + inQuotes(text, escaped) + quote
        : trim
          ? before + text + behind
          : text;
    const lineOf = (row: Field[], index: number): string => {
      const line = row.map(write).join(delimiter);
      const said = comment === undefined ? null : (comments[index] ?? null);
      return said === null ? line : `${comment}${said}${lineEnd}${line}`;
    };
    let body = Buffer.from(rows.map(lineOf).join(lineEnd)).toString('latin1');
    for (const { at, remove, insert } of mutations) body = splice(body, at, remove, insert);
    const nameQuote = quotes === 'none' ? '' : quote;
    const first = header ? `${names.map((name) => nameQuote + name + nameQuote).join(delimiter)}${lineEnd}` : '';
    const mark = bom ? '\u00ef\u00bb\u00bf' : '';
    return {
      file: Buffer.from(mark + first + body, 'latin1'),
      schema,
      delimiter,
      quote,
      header,
      nullValues,
      quotedNulls,
      quotedEmpty,
      valueFormat,
      dialect: { escape: own, quotes, comment, trim },
    };
  });

function splice(text: string, at: number, remove: number, insert: string): string {
  const index = at % (text.length + 1);
  return text.slice(0, index) + insert + text.slice(index + remove);
}

function named(values: readonly unknown[]): Record<string, unknown> {
  return Object.fromEntries(values.map((value, index) => [nameOf(index), value]));
}

/** A letter: delimiters and quotes may be digits. */
function nameOf(index: number): string {
  return String.fromCharCode(0x61 + index);
}
