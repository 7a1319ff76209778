import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import {
  createCsvReader,
  createJsonArrayReader,
  createNdjsonReader,
  type Normalizations,
} from '../../../src/formats/index.js';
import { compileSchema } from '../../../src/models/schema/index.js';
import { optionsFor, readFrom } from '../csv/read-all.js';
import { fixture, readFile } from '../parquet/read-file.js';
import { NAMES, normalizations, outcomes, SCHEMAS, TIDY, textRow } from './normalize-inputs.js';

const anyNormalize = fc.oneof(fc.constant(TIDY), normalizations);
const anySchema = fc.constantFrom(...SCHEMAS);

async function readCsv(rows: readonly string[][], schema: object, normalize: Normalizations): Promise<unknown[]> {
  // In quotes an empty field is not null.
  const line = (values: readonly string[]): string => values.map((each) => `"${each.replaceAll('"', '""')}"`).join(',');
  const file = Buffer.from(`${[NAMES, ...rows].map(line).join('\n')}\n`);
  const options = await optionsFor({ file, schema, normalize, valueFormat: 'json' });
  return outcomes(readFrom(createCsvReader(options), file).decisions);
}

function readJson(
  create: typeof createNdjsonReader,
  file: string,
  schema: object,
  normalize: Normalizations,
): unknown[] {
  const reader = create({ ...compileSchema(schema), normalize, valueFormat: 'json' });
  return outcomes(readFrom(reader, Buffer.from(file)).decisions);
}

function isAccepted(outcome: unknown): boolean {
  return typeof outcome === 'string';
}

describe('normalizing', () => {
  it('makes the same of texts in JSON as in CSV: the same values, the same errors', async () => {
    const seen = new Set<boolean>();
    await fc.assert(
      fc.asyncProperty(
        anySchema,
        anyNormalize,
        fc.array(textRow, { minLength: 1, maxLength: 8 }),
        async (schema, normalize, rows) => {
          const objects = rows.map((row) =>
            JSON.stringify(Object.fromEntries(row.map((text, index) => [NAMES[index], text]))),
          );
          const expected = await readCsv(rows, schema, normalize);
          expect(readJson(createNdjsonReader, objects.join('\n'), schema, normalize)).toEqual(expected);
          expect(readJson(createJsonArrayReader, `[${objects.join(',')}]`, schema, normalize)).toEqual(expected);
          for (const outcome of expected) seen.add(isAccepted(outcome));
        },
      ),
      { numRuns: 300 },
    );
    expect(seen).toEqual(new Set([true, false]));
  });

  it('makes the same of the texts of Parquet as of those of NDJSON', async () => {
    const lines = readFileSync(fixture('untidy-texts.jsonl'), 'utf8');
    const check = async (schema: object, normalize: Normalizations): Promise<number> => {
      const expected = readJson(createNdjsonReader, lines, schema, normalize);
      const decisions = await readFile(fixture('untidy-texts.parquet'), schema, undefined, { normalize });
      const errors = new Map(decisions.rejected.map((each) => [each.row, each.errors]));
      const accepted = decisions.accepted.values();
      expect(expected.map((_, index) => errors.get(index + 1) ?? accepted.next().value)).toEqual(expected);
      return decisions.accepted.length;
    };
    for (const schema of SCHEMAS) expect(await check(schema, TIDY)).toBeGreaterThan(50);
    await fc.assert(
      fc.asyncProperty(anySchema, normalizations, async (schema, normalize) => {
        await check(schema, normalize);
      }),
      { numRuns: 30 },
    );
  });
});
