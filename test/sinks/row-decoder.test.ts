import fc from 'fast-check';
import {
  CsvKernel,
  createJsonArrayReader,
  createKernelReader,
  createNdjsonReader,
  type JsonReaderOptions,
  type RowReader,
} from '../../src/formats/index.js';
import { DEFAULT_OPTIONS } from '../../src/ingest/index.js';
import { compileSchema } from '../../src/models/schema/index.js';
import type { RecordFormat } from '../../src/sinks/record-format.js';
import { createRowDecoder } from '../../src/sinks/row-decoder.js';
import { anyCsvFile } from '../formats/csv/any-csv-file.js';
import { csvCorpus } from '../formats/csv/csv-fixtures.js';
import { bytesOf, type Decision, type Given, optionsFor, readFrom, utf8 } from '../formats/csv/read-all.js';
import { damagedBy, damages } from '../formats/damage.js';
import { readFixtures } from '../formats/fixtures.js';
import { recordValuesOf } from './record-values-of.js';

const kernel = new CsvKernel();
/** Records are given to a decoder in pieces of this size. */
const PIECE = 7;

/** The JSON that comes of the raw values that a job has written. */
function decoded(format: RecordFormat, values: readonly Uint8Array[]): string[] {
  const decoder = createRowDecoder(format);
  const rows: string[] = [];
  for (let at = 0; at < values.length; at += PIECE) {
    const seen: number[] = [];
    const piece = recordValuesOf(values.slice(at, at + PIECE), at);
    decoder.decode(piece, (bytes, start, end, record) => {
      seen.push(record);
      rows.push(bytes.toString('utf8', start, end));
    });
    expect(seen).toEqual([...piece.offsets.keys()]);
  }
  return rows;
}

/**
 * What was accepted as raw values is decoded to what the same file has as JSON. Only one that is too large as JSON is not
 * in both.
 */
function expectAlike(format: RecordFormat, raw: readonly Decision[], json: readonly Decision[]): void {
  const kept = raw.flatMap((each, index) => ('accepted' in each ? [{ value: each.accepted, index }] : []));
  const rows = decoded(
    format,
    kept.map(({ value }) => Buffer.from(value, 'latin1')),
  );
  expect(rows).toHaveLength(kept.length);
  kept.forEach(({ index }, at) => {
    const asJson = json[index];
    if (asJson !== undefined && 'accepted' in asJson) expect(rows[at]).toBe(utf8(asJson.accepted));
    else expect(asJson?.rejected.errors.map(({ error }) => error)).toEqual(['ROW_TOO_LARGE']);
  });
}

async function expectCsvAlike(given: Given): Promise<void> {
  const options = await optionsFor(given);
  const read = (valueFormat: 'raw' | 'json'): Decision[] =>
    readFrom(createKernelReader({ ...options, valueFormat }, kernel), bytesOf(given)).decisions;
  const format: RecordFormat = {
    format: 'csv',
    columns: [...options.columns],
    additionalColumns: options.additionalColumns,
    dialect: options.dialect,
    fileColumns: options.header.fileColumns,
    options: {
      valueFormat: 'raw',
      nullValues: given.nullValues ?? [],
      quotedNulls: given.quotedNulls ?? 'typed',
      quotedEmpty: given.quotedEmpty ?? 'text',
      rename: given.renames ?? {},
      ignoreHeaderCase: given.ignoreHeaderCase ?? false,
    },
  };
  expectAlike(format, read('raw'), read('json'));
}

describe('raw rows of a CSV file', () => {
  it('are decoded to the JSON that the file has, whatever its model and dialect', async () => {
    await fc.assert(fc.asyncProperty(anyCsvFile, expectCsvAlike), { numRuns: 400 });
  });

  it.each(csvCorpus())('are decoded so in the file $name', async ({ given }) => {
    await expectCsvAlike(given);
  });

  it.each<[string, Given]>([
    ['renamed columns', { file: 'Order ID,x\n1,2\n', schema: { id: 'Int8' }, renames: { 'Order ID': 'id' } }],
    [
      'a header in other case',
      { file: 'ID,Name\n1,a\n', schema: { id: 'Int8', name: 'String' }, ignoreHeaderCase: true },
    ],
    ['no header', { file: '1,a\n2,b\n', schema: { id: 'Int8', name: 'String' }, header: false }],
    ['lines before the header', { file: '1\n2\nid\n1\n2\n3\n', schema: { id: 'Int8' }, dialect: { skipLines: 2 } }],
    ['columns that the model does not know', { file: 'id,"a ""b""",\\\n1,"x""y",\\\n', schema: { id: 'Int8' } }],
    ['a byte order mark in a value', { file: 'a\n\ufeffx\n\ufeff\n', schema: { a: 'String' } }],
    [
      'a constraint',
      { file: 'a\n3\n9\n', schema: { properties: { a: { type: 'integer', maximum: 5 } }, required: ['a'] } },
    ],
  ])('are decoded so with %s', async (_, given) => {
    await expectCsvAlike(given);
  });

  it('are decoded though they are larger than a record as JSON', async () => {
    // Each becomes six bytes.
    const large = '\u0001'.repeat(400_000);
    await expectCsvAlike({ file: `a,b\n1,x\n2,${large}\n3,y\n`, schema: { a: 'Int8', b: 'String' } });
  });
});

describe('records that a reader takes in several turns', () => {
  it.each<[string, Given]>([
    [
      'longer than a turn',
      { file: `a,b\n1,${'x'.repeat(700_000)}\n2,${'y'.repeat(900_000)}\n3,z\n`, schema: { a: 'Int8', b: 'String' } },
    ],
    [
      'that end where a turn ends',
      { file: `b\n${'x'.repeat(512 * 1024)}\n${'y'.repeat(512 * 1024 - 1)}\nz\n`, schema: { b: 'String' } },
    ],
    ['with quotes', { file: `a,b\n1,"${'x""\n'.repeat(180_000)}"\n2,"y"\n`, schema: { a: 'Int8', b: 'String' } }],
    [
      'that JavaScript reads',
      {
        file: `a,b\n1,${'x'.repeat(700_000)}\n2,y\n`,
        schema: { a: 'Int8', b: 'String' },
        nullValues: ['n'.repeat(70_000)],
      },
    ],
  ])('are decoded if they are %s', async (_, given) => {
    await expectCsvAlike(given);
  });
});

const element = fc
  .tuple(
    fc.dictionary(
      fc.oneof(fc.constantFrom('id', 'at', 'tags', 'in', 'other'), fc.string({ unit: 'grapheme', maxLength: 6 })),
      fc.oneof(fc.jsonValue({ maxDepth: 3 }), fc.constantFrom(1, -2, 'x', null, '2024-01-01', ['a'], { b: 1 })),
      { maxKeys: 5 },
    ),
    fc.nat(3),
  )
  .map(([value, indent]) => JSON.stringify(value, null, indent));

const SCHEMAS = [
  { type: 'object' },
  { id: 'Nullable(Int32)', at: 'Nullable(Date)' },
  {
    type: 'object',
    properties: {
      id: { type: ['integer', 'null'], minimum: -1 },
      tags: { type: 'array', items: { type: 'string', minLength: 1 } },
      in: { type: 'object', properties: { b: { type: 'number' } } },
    },
  },
];

function expectJsonAlike(file: Buffer, schema: unknown, isLines: boolean, renames: Record<string, string> = {}): void {
  const compiled = compileSchema(schema);
  const create: (options: JsonReaderOptions) => RowReader = isLines ? createNdjsonReader : createJsonArrayReader;
  const read = (valueFormat: 'raw' | 'json'): Decision[] =>
    readFrom(create({ ...compiled, renames, valueFormat }), file).decisions;
  const format: RecordFormat = {
    ...compiled,
    format: isLines ? 'ndjson' : 'json',
    dialect: null,
    fileColumns: null,
    options: { ...DEFAULT_OPTIONS, valueFormat: 'raw', rename: renames },
  };
  expectAlike(format, read('raw'), read('json'));
}

describe.each([
  ['a JSON array', false],
  ['an NDJSON file', true],
])('raw rows of %s', (_, isLines) => {
  it('are decoded to the JSON that the file has, whatever its model', () => {
    fc.assert(
      fc.property(
        fc.array(element, { maxLength: 20 }),
        fc.constantFrom(...SCHEMAS),
        fc.constantFrom<Record<string, string>[]>({}, { other: 'id' }, { id: 'other' }, { id: 'at', at: 'id' }),
        damages,
        fc.boolean(),
        (elements, schema, renames, changes, isDamaged) => {
          const texts = isLines ? elements.map((text) => text.replaceAll(/\n */g, ' ')) : elements;
          const file = Buffer.from(isLines ? `${texts.join('\n')}\n` : `[ ${texts.join(' ,\n')} ]`);
          expectJsonAlike(isDamaged ? damagedBy(file, changes) : file, schema, isLines, renames);
        },
      ),
      { numRuns: 1000 },
    );
  });

  it('are decoded though they are larger than a record as JSON', () => {
    const large = JSON.stringify({ id: 1, other: '\u2028'.repeat(300_000) });
    const rows = ['{"id":0}', large, '{"id":2}'];
    const file = isLines ? rows.join('\n') : `[${rows.join()}]`;
    expectJsonAlike(Buffer.from(file), SCHEMAS[0], isLines, {
      id: 'a name that is much longer than the one in the file',
    });
  });
});

it.each(readFixtures<{ schema: unknown }>('test/fixtures/json'))(
  'raw rows of the file $name are decoded to the JSON that the file has',
  ({ name, file, expected }) => {
    expectJsonAlike(file, expected.schema, name.endsWith('.ndjson'));
  },
);

it('rows that are JSON in the topic are given as they are', () => {
  const rows = ['{"id":1}', '{"id":2,"x":"é"}'];
  const values = rows.map((row) => Buffer.from(row));
  const known = { columns: [], additionalColumns: true, dialect: null, fileColumns: null };
  for (const format of ['csv', 'json', 'ndjson', 'parquet'] as const) {
    const options = { ...DEFAULT_OPTIONS, valueFormat: 'json' } as const;
    expect(decoded({ ...known, format, options }, values)).toEqual(rows);
  }
});
