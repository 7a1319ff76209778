import { loadConfig } from '../../src/config/index.js';

const databaseOf = (url: string) => loadConfig({ DATABASE_URL: url }).database;

describe('DATABASE_URL', () => {
  it('is SQLite unless it is given', () => {
    expect(loadConfig({}).database).toEqual({ kind: 'sqlite' });
    expect(databaseOf(' ')).toEqual({ kind: 'sqlite' });
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
