import {
  CsvKernel,
  createCsvReader,
  createJsonArrayReader,
  createKernelReader,
  createNdjsonReader,
} from '../../../src/formats/index.js';
import { compileSchema } from '../../../src/models/schema/index.js';
import { type Decision, optionsFor, readFrom } from '../csv/read-all.js';
import { fixture, readFile } from '../parquet/read-file.js';

const RANGE = 'is out of range for DateTime (in epoch seconds -62135596800 to 253402300799)';

/** A number that is not in epoch seconds, and what it is taken for. */
const CASES: readonly [string, string][] = [
  ['1704067200000', 'milliseconds'],
  ['-1704067200000', 'milliseconds'],
  ['+0999999999999', 'milliseconds'],
  ['1704067200000000', 'microseconds'],
  ['999999999999999', 'microseconds'],
  ['1704067200000000000', 'nanoseconds'],
  ['999999999999999999', 'nanoseconds'],
  ['253402300800', 'milliseconds'],
  ['-62135596801', ''],
  ['99999999999999999999999', ''],
];

function expected(text: string, unit: string): unknown {
  const guess = unit === '' ? '' : `; it looks like ${unit}`;
  return {
    column: 'at',
    type: 'DateTime',
    error: 'OUT_OF_RANGE',
    observed: text,
    message: `column 'at': '${text}' ${RANGE}${guess}`,
  };
}

function errorsOf(decisions: readonly Decision[]): unknown[] {
  return decisions.flatMap((each) => ('rejected' in each ? each.rejected.errors : []));
}

describe('a number that is not a DateTime in seconds', () => {
  const kernel = new CsvKernel();
  const all = CASES.map(([text, unit]) => expected(text, unit));

  it.each([
    ['the kernel', (options) => createKernelReader(options, kernel)],
    ['the reference reader', createCsvReader],
  ] as [string, typeof createCsvReader][])('is described by its unit in CSV, by %s', async (_name, create) => {
    for (const quote of ['', '"']) {
      const file = `at,n\n${CASES.map(([text]) => `${quote}${text}${quote},1\n`).join('')}`;
      const options = await optionsFor({ file, schema: { at: 'DateTime', n: 'Int8' } });
      expect(errorsOf(readFrom(create(options), Buffer.from(file)).decisions)).toEqual(all);
    }
  });

  it('is described by its unit even if blanks around it are not counted', async () => {
    const file = 'at\n 1704067200000 \n';
    const normalize = { at: ['trim'] } as const;
    const options = await optionsFor({ file, schema: { at: 'DateTime' }, normalize, valueFormat: 'json' });
    const [error] = errorsOf(readFrom(createCsvReader(options), Buffer.from(file)).decisions);
    expect(error).toMatchObject({ error: 'OUT_OF_RANGE', message: expect.stringMatching(/looks like milliseconds$/) });
  });

  it('is described by its unit in JSON, as a number or a string', () => {
    const options = compileSchema({ at: 'DateTime' });
    for (const [text, unit] of CASES) {
      const literals = /^-?[1-9]/.test(text) ? [text, `"${text}"`] : [`"${text}"`];
      for (const literal of literals) {
        const row = `{"at":${literal}}`;
        for (const [create, file] of [
          [createNdjsonReader, row],
          [createJsonArrayReader, `[${row}]`],
        ] as const) {
          expect(errorsOf(readFrom(create(options), Buffer.from(file)).decisions)).toEqual([expected(text, unit)]);
        }
      }
    }
  });

  it('is described by its unit in Parquet', async () => {
    const { accepted, rejected } = await readFile(fixture('numbers.parquet'), {
      int64: 'Nullable(DateTime)',
      uint32: 'Nullable(DateTime)',
    });
    const large = '9223372036854775807';
    expect(accepted.some((row) => row.includes(large))).toBe(false);
    expect(rejected.flatMap(({ errors }) => errors)).toContainEqual({
      ...(expected(large, 'nanoseconds') as object),
      column: 'int64',
      message: `column 'int64': '${large}' ${RANGE}; it looks like nanoseconds`,
    });
  });
});
