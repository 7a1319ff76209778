import type { CsvDialect } from '../../../src/ingest/csv-dialect.js';
import { type ExpectedRow, type Fixture, readFixtures } from '../fixtures.js';
import { type CreateReader, type Given, optionsFor } from './read-all.js';

interface Expected {
  schema: unknown;
  dialect?: Partial<CsvDialect>;
  nullValues?: string[];
  rows: ExpectedRow[];
}

/** A file of the corpus, and how it is read. */
export function csvCorpus(): { name: string; given: Given & { file: Buffer }; rows: ExpectedRow[] }[] {
  return readFixtures<Expected>('test/fixtures/csv').map(({ name, file, expected }) => {
    const { rows, dialect, ...given } = expected;
    return { name, given: { ...given, ...dialect, dialect, file }, rows };
  });
}

/** The corpus of odd and of broken CSV files, for this reader. */
export function csvFixtures(create: CreateReader): Fixture[] {
  return csvCorpus().map(({ name, given, rows }) => {
    const open: Fixture['open'] = async (position) => create({ ...(await optionsFor(given)), position });
    return { name, file: given.file, rows, lineEnd: /\r\n|\r|\n/, open };
  });
}
