import { loadConfig } from '../../src/config/index.js';

const POSTGRES = { DATABASE_URL: 'postgres://db/batch' };
const queueOf = (url: string) => loadConfig({ ...POSTGRES, QUEUE_URL: url }).queueUrl;

describe('QUEUE_URL', () => {
  it('need not be there', () => {
    expect(loadConfig({}).queueUrl).toBeNull();
    expect(queueOf(' ')).toBeNull();
  });

  it.each(['redis://localhost', 'redis://:secret@redis.example:6379/2', 'rediss://batch:secret@[::1]:6380/'])(
    'may be a Redis: %s',
    (url) => {
      expect(queueOf(` ${url} `)).toBe(url);
    },
  );

  it.each(['localhost:6379', 'http://a:secret@b', 'redis://a:secret@b/jobs', 'redis://', 'redis://a:secret@b:x'])(
    'is refused otherwise, without a word of what it holds: %s',
    (url) => {
      expect(() => queueOf(url)).toThrow(/QUEUE_URL must be redis:\/\/(?!.*secret)/);
    },
  );

  it('is refused with SQLite, which no other process works on', () => {
    expect(() => loadConfig({ QUEUE_URL: 'redis://localhost' })).toThrow(/QUEUE_URL .* DATABASE_URL=postgres:\/\//);
  });
});
