import { resolve } from 'node:path';
import { loadConfig } from '../../src/config/index.js';

const databaseOf = (url: string) => loadConfig({ DATABASE_URL: url }).database;

describe('DATABASE_URL', () => {
  it('is SQLite unless it is given', () => {
    const inFolder = { kind: 'sqlite', file: resolve('/data/batch.db') };
    expect(loadConfig({ DATA_DIR: '/data' }).database).toEqual(inFolder);
    expect(loadConfig({ DATA_DIR: '/data', DATABASE_URL: ' ' }).database).toEqual(inFolder);
  });

  it('may name a file of SQLite', () => {
    expect(databaseOf('sqlite:/var/lib/jobs.db')).toEqual({ kind: 'sqlite', file: '/var/lib/jobs.db' });
    expect(databaseOf('sqlite:jobs.db')).toEqual({ kind: 'sqlite', file: resolve('jobs.db') });
  });

  it.each(['postgres://batch:secret@db.example:5432/batch?sslmode=verify-full', 'postgresql://localhost/batch'])(
    'may be a PostgreSQL: %s',
    (url) => {
      expect(databaseOf(url)).toEqual({ kind: 'postgres', url, directUrl: url });
    },
  );

  it.each(['mysql://a:secret@b/c', 'postgres://a:secret@b', 'postgres://a:secret@b:x/c', 'secret'])(
    'is refused otherwise, without a word of what it holds: %s',
    (url) => {
      expect(() => databaseOf(url)).toThrow(/DATABASE_URL must be postgres:\/\/(?!.*secret)/);
    },
  );
});
