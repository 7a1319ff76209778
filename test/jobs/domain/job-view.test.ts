import type { ErrorCode } from '../../../src/errors/index.js';
import { toJob } from '../../../src/jobs/domain/job-view.js';
import { JobStore } from '../../../src/jobs/store/job-store.js';
import { ManualClock } from '../support/manual-clock.js';
import { insertJob, openStore } from '../support/store-fixture.js';

it('shows a job that has failed with an error of a newer release, without a hint', async () => {
  const { db, close } = await openStore();
  const record = await insertJob(new JobStore(db, new ManualClock()));
  const error = { code: 'FROM_A_NEWER_RELEASE' as ErrorCode, message: 'something new' };
  expect(toJob({ ...record, state: 'FAILED', error }, 0).error).toEqual({ ...error, hint: '' });
  await close();
});

it.each([
  [
    undefined,
    1,
    '1 record broke at a quote: the lines that follow may be parts of fields; if the file writes \\" for a quote, use escape=\\',
  ],
  ['\\', 12, '12 records broke at a quote: the lines that follow may be parts of fields; check quote and escape'],
])('says that records broke at a quote (escape %j)', async (own, count, message) => {
  const { db, close } = await openStore();
  const record = await insertJob(new JobStore(db, new ManualClock()));
  const dialect = { delimiter: ',', quote: '"', header: true, escape: own };
  const position = { row: 20, line: 21, byte: 100 };
  const checkpoint = { position, ok: 8, errors: 12, dataEnd: 8, dlqEnd: 12, eof: false, bytesDone: 100, size: 200 };
  expect(toJob({ ...record, dialect, checkpoint }, 0).warnings).toEqual([]);
  const warnings = { BROKEN_QUOTES: { count, firstRows: [3, 5] } };
  expect(toJob({ ...record, dialect, checkpoint: { ...checkpoint, warnings } }, 0).warnings).toEqual([
    { code: 'BROKEN_QUOTES', message, count, first_rows: [3, 5] },
  ]);
  await close();
});
