import fc from 'fast-check';
import { catalogue, type ErrorCode } from '../../../src/errors/index.js';
import type { JobState } from '../../../src/jobs/domain/job.js';
import { isJobState, isResumable, isTerminal, JOB_STATES, mayFollow } from '../../../src/jobs/domain/job-state.js';

const state = fc.constantFrom(...JOB_STATES);

describe('the state table', () => {
  it('is the one of the contract', () => {
    const table = Object.fromEntries(JOB_STATES.map((from) => [from, JOB_STATES.filter((to) => mayFollow(from, to))]));
    expect(table).toEqual({
      PENDING: ['RUNNING', 'FAILED', 'CANCELLED'],
      RUNNING: ['CANCELLING', 'SUCCESS', 'PARTIAL_SUCCESS', 'FAILED'],
      CANCELLING: ['SUCCESS', 'PARTIAL_SUCCESS', 'FAILED', 'CANCELLED'],
      SUCCESS: [],
      PARTIAL_SUCCESS: [],
      FAILED: ['PENDING'],
      CANCELLED: ['PENDING'],
    });
  });

  it('leaves an end for PENDING only, and only if a resume may', () => {
    fc.assert(
      fc.property(state, state, (from, to) => {
        if (!isTerminal(from) || !mayFollow(from, to)) return;
        expect(to).toBe('PENDING');
        const errors = Object.keys(catalogue) as ErrorCode[];
        expect([null, ...errors].some((error) => isResumable(from, error))).toBe(true);
      }),
    );
  });

  it('leads from every walk to an end', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(), { minLength: 4, maxLength: 4 }), (choices) => {
        let at: JobState = 'PENDING';
        for (const choice of choices) {
          const next: JobState[] = isTerminal(at) ? [] : JOB_STATES.filter((to) => mayFollow(at, to));
          at = next[choice % Math.max(1, next.length)] ?? at;
        }
        expect(isTerminal(at)).toBe(true);
      }),
    );
  });

  it('resumes what was cancelled and what failed, but for errors that would come again or do harm', () => {
    const ofTheFile = ['FILE_CORRUPT', 'HEADER_MISMATCH', 'ALL_ROWS_REJECTED', 'EXPECTATION_FAILED', 'BROKEN_RECORD'];
    const final = ['CHECKPOINT_LOST', 'SOURCE_CHANGED', 'SOURCE_UNSUPPORTED', ...ofTheFile];
    for (const from of JOB_STATES) {
      expect(isResumable(from, null)).toBe(from === 'CANCELLED');
      for (const code of Object.keys(catalogue) as ErrorCode[]) {
        expect([code, isResumable(from, code)]).toEqual([
          code,
          from === 'CANCELLED' || (from === 'FAILED' && !final.includes(code)),
        ]);
      }
    }
  });

  it('tells a state from other text', () => {
    expect(isJobState('RUNNING')).toBe(true);
    expect(isJobState('running')).toBe(false);
    expect(isJobState('toString')).toBe(false);
  });
});
