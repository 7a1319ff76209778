import { catalogue, type ErrorCode } from '../../../src/errors/index.js';
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
});
