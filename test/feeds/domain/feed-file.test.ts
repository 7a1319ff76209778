import { catalogue, type ErrorCode } from '../../../src/errors/index.js';
import { type StoredFeed, toSummary } from '../../../src/feeds/domain/feed.js';
import { type StoredFile, toFeedFile } from '../../../src/feeds/domain/feed-file.js';

describe('a file of a feed', () => {
  const at = '2026-01-01T00:00:00.000Z';
  const stored: StoredFile = {
    ...{ fileKey: 'k', feedId: 'in', uri: 'file:///in/a', version: '1', sizeBytes: 1, modifiedAt: at, tries: 0 },
    ...{ state: 'FAILED', attempt: 1, jobId: null, after: null, afterMessage: null, foundAt: at, updatedAt: at },
    ...{ finishedAt: at, error: null },
  };

  it('is taken again by its feed, whatever was wrong: no hint names a job that there is not', () => {
    for (const code of Object.keys(catalogue) as ErrorCode[]) {
      const { error } = toFeedFile({ ...stored, error: { code, message: 'm' } });
      expect(error?.hint).not.toMatch(/null|jobs\/\{id\}\/resume|feeds\/\{id\}/);
    }
    const { error } = toFeedFile({ ...stored, error: { code: 'SOURCE_FORBIDDEN', message: 'm' } });
    expect(error?.hint).toContain('A failed file can then be taken again with `POST /feeds/in/retry`');
  });

  it('is not what the hints of its feed are about', () => {
    const definition = {
      uri: 'file:///in/',
      modelId: 'orders',
      options: {},
      metadata: {},
      every: 60,
      again: 'changed',
    };
    const kept = { after: 'keep', afterPartial: 'keep', moveTo: null, complete: null, maxFailures: 10 };
    const times = { lookedAt: null, nextLookAt: 0, createdAt: at, updatedAt: at, listedTo: null };
    const feed = {
      id: 'in',
      hidden: false,
      definition: { ...definition, ...kept },
      failures: 0,
      revision: 1,
      ...times,
    };
    for (const code of ['SOURCE_NOT_FOUND', 'SOURCE_FORBIDDEN', 'SOURCE_UNAVAILABLE', 'KAFKA_UNAVAILABLE'] as const) {
      const stored = { ...feed, state: 'ACTIVE', secretHash: null, error: { code, message: 'm' } } as StoredFeed;
      expect(toSummary(stored).error?.hint).toMatch(/^(?!.*resume).*\. The feed goes on by itself\.$/);
    }
  });
});
