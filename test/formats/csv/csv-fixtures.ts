import type { CsvDialect } from '../../../src/formats/csv/dialect.js';
import { type ExpectedRow, type Fixture, readFixtures } from '../fixtures.js';
import { type CreateReader, optionsFor } from './read-all.js';

interface Expected {
  schema: unknown;
  dialect?: Partial<CsvDialect>;
  nullValues?: string[];
  rows: ExpectedRow[];
}

/** The corpus of odd and of broken CSV files, for this reader. */
export function csvFixtures(create: CreateReader): Fixture[] {
  return readFixtures<Expected>('test/fixtures/csv').map(({ name, file, expected }) => {
    const { rows, dialect, ...given } = expected;
    const open: Fixture['open'] = async (position) =>
      create({ ...(await optionsFor({ ...given, ...dialect, dialect, file })), position });
    return { name, file, rows, lineEnd: /\r\n|\r|\n/, open };
  });
}
