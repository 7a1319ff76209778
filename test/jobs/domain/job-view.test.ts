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
