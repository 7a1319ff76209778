import { readdirSync, readFileSync } from 'node:fs';
import {
  createJsonArrayReader,
  createNdjsonReader,
  type JsonReaderOptions,
  type RowReader,
} from '../../../src/formats/index.js';
import { compileSchema } from '../../../src/models/schema/index.js';
import type { Decision } from '../csv/read-all.js';

const FOLDER = 'test/fixtures/json';

export type CreateJsonReader = (options: JsonReaderOptions) => RowReader;

/** An accepted row's value, or what is said of a rejected one; `raw: null` where it is not UTF-8. */
export type ExpectedRow = string | { code: string; line: number; raw: string | null; column?: string };

/** A file that was written for this project, and what becomes of its rows. */
export interface Fixture {
  name: string;
  file: Buffer;
  create: CreateJsonReader;
  options: JsonReaderOptions;
  rows: ExpectedRow[];
}

export function fixtures(): Fixture[] {
  return readdirSync(FOLDER)
    .filter((name) => !name.endsWith('.expected.json'))
    .map((name) => {
      const expected = JSON.parse(readFileSync(`${FOLDER}/${name}.expected.json`, 'utf8')) as {
        schema: unknown;
        rows: ExpectedRow[];
      };
      return {
        name,
        file: readFileSync(`${FOLDER}/${name}`),
        create: name.endsWith('.ndjson') ? createNdjsonReader : createJsonArrayReader,
        options: compileSchema(expected.schema),
        rows: expected.rows,
      };
    });
}

/** Decisions in the fixtures' words, with as much detail as the expectation has. */
export function inFixtureWords(decisions: readonly Decision[], expected: readonly ExpectedRow[]): ExpectedRow[] {
  return decisions.map((decision, index) => {
    if ('accepted' in decision) return utf8(decision.accepted);
    const [first] = decision.rejected.errors;
    const like = expected[index];
    return {
      code: first?.error ?? 'none',
      line: decision.rejected.line ?? 0,
      raw: typeof like === 'object' && like.raw === null ? null : utf8(decision.raw),
      ...(first?.column == null ? {} : { column: first.column }),
    };
  });
}

function utf8(latin1: string): string {
  return Buffer.from(latin1, 'latin1').toString('utf8');
}
