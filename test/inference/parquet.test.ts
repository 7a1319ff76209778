import { readdirSync, readFileSync } from 'node:fs';
import type { Findings } from '../../src/inference/inferred-schema.js';
import { fixture, readFile } from '../formats/parquet/read-file.js';
import { infer } from './support.js';

function inferFixture(name: string, sampleRows = 100_000): Promise<Findings> {
  return infer(readFileSync(fixture(name)), {
    format: 'parquet',
    wrapping: { fileCompression: 'none', encoding: null },
    sampleRows,
  });
}

/** What a job's reader decides with a schema. */
async function decided(name: string, schema: object): Promise<{ accepted: number; rejected: number }> {
  const { accepted, rejected } = await readFile(fixture(name), schema);
  return { accepted: accepted.length, rejected: rejected.length };
}

const FILES = readdirSync(fixture('')).filter(
  (name) => name.endsWith('.parquet') && !/^(?:bomb-|many|nested|deep|too-deep)/.test(name),
);

it.each(FILES)('a proposed schema accepts every row of %s that has JSON at all', async (name) => {
  const inferred = await inferFixture(name);
  expect(inferred).toMatchObject({ format: 'parquet', null_values: [], truncated: false });
  expect(await decided(name, inferred.schema)).toEqual({
    accepted: inferred.rows_sampled,
    rejected: inferred.rows_rejected,
  });
});

it('takes the types that the file says, and looks for nulls', async () => {
  const numbers = await inferFixture('numbers.parquet');
  expect(numbers.schema).toMatchObject({ bool: 'Nullable(Bool)', uint8: 'Nullable(UInt8)', half: 'Nullable(Float32)' });
  const { evidence } = numbers.columns.find(({ name }) => name === 'uint64')!;
  // Every digit, which a double does not have.
  expect([evidence.min, evidence.max]).toEqual(['0', '18446744073709551615']);
  expect((await inferFixture('decimals.parquet')).schema).toMatchObject({ wide: 'Nullable(Decimal(76,26))' });
  expect((await inferFixture('times.parquet')).schema).toMatchObject({
    date: 'Nullable(Date)',
    time_us: 'Nullable(String)',
    timestamp_ns_zone: 'Nullable(DateTime64(9))',
  });
  expect((await inferFixture('no-row-groups.parquet')).schema).not.toMatchObject({ id: expect.stringMatching('Null') });
});

it('keeps a date that its type has no room for as text, and says so', async () => {
  const { columns } = await inferFixture('rejects.parquet');
  expect(columns.find(({ name }) => name === 'at')).toMatchObject({
    type: 'String',
    reason: "the file says TIMESTAMP(MICROS), but '+010000-01-01T00:00:00.000000' in row 6 is no DateTime64(6)",
    evidence: { rejected: [{ type: 'DateTime64(6)', example: '+010000-01-01T00:00:00.000000', row: 6 }] },
  });
});

it('leaves out what is nested, and refuses a file of nothing else', async () => {
  const { schema, left_out } = await inferFixture('row-groups.parquet');
  expect(Object.keys(schema)).not.toContain('tags');
  expect(left_out).toEqual([{ name: 'tags', reason: expect.stringContaining('the file says LIST') }]);
  await expect(inferFixture('nested.parquet')).rejects.toMatchObject({ code: 'HEADER_MISMATCH' });
});

it('looks at so many rows, and bytes, and no more', async () => {
  expect(await inferFixture('row-groups.parquet', 2)).toMatchObject({ rows_sampled: 2, truncated: true });
  const { rows_sampled, truncated } = await inferFixture('many.parquet', 1_000_000);
  expect(truncated).toBe(true);
  expect(rows_sampled).toBeLessThan(600_000);
});
