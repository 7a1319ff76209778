import { createJsonArrayReader, createNdjsonReader, type RowReader } from '../../../src/formats/index.js';
import { type Position } from '../../../src/ingest/index.js';
import { compileSchema } from '../../../src/models/schema/index.js';
import { type ExpectedRow, type Fixture, readFixtures } from '../fixtures.js';

/** JSON has no header that would have to be waited for. */
export interface JsonFixture extends Fixture {
  open: (position?: Position) => RowReader;
}

/** The corpus of JSON and NDJSON files. */
export function jsonFixtures(): JsonFixture[] {
  return readFixtures<{ schema: unknown; rows: ExpectedRow[] }>('test/fixtures/json').map(({ expected, ...each }) => {
    const create = each.name.endsWith('.ndjson') ? createNdjsonReader : createJsonArrayReader;
    const options = compileSchema(expected.schema);
    return { ...each, rows: expected.rows, lineEnd: /\n/, open: (position) => create({ ...options, position }) };
  });
}
