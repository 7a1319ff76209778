import { DEFAULT_OPTIONS } from '../../../src/ingest/index.js';
import { decideLoss } from '../../../src/jobs/domain/transitions.js';
import type { RunnerLoss } from '../../../src/runner/index.js';

const CRASHED = { crash: true, detail: 'SIGABRT' };
const KILLED = { crash: false, detail: 'SIGKILL' };
const OUT_OF_MEMORY = { crash: true, outOfMemory: true, detail: 'killed' };

describe('the third loss of a runner without a commit', () => {
  it.each<['csv' | 'parquet', string, RunnerLoss, number, string | undefined]>([
    ['csv', 'a crash', CRASHED, 0, 'RUNNER_CRASHED'],
    ['csv', 'a crash above the memory ceiling', OUT_OF_MEMORY, 0, 'RUNNER_CRASHED'],
    ['parquet', 'a crash', CRASHED, 0, 'FILE_CORRUPT'],
    ['parquet', 'a crash above the memory ceiling', OUT_OF_MEMORY, 0, 'FILE_TOO_COMPLEX'],
    ['parquet', 'a kill from outside, after long', KILLED, 300_000, 'RUNNER_CRASHED'],
    ['parquet', 'a kill from outside', KILLED, 0, undefined],
  ])('of a %s file: %s ends the job accordingly', (format, _what, loss, stalledMs, code) => {
    const job = {
      state: 'RUNNING',
      format,
      pendingError: null,
      error: null,
      crashes: 2,
      failures: 0,
      options: DEFAULT_OPTIONS,
      checkpoint: null,
    } as const;
    expect(decideLoss(job, loss, stalledMs, 300_000)).toMatchObject({
      kind: 'again',
      known: code === undefined ? { crashes: 2 } : { pendingError: { code } },
    });
  });
});
