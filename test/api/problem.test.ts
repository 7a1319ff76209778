import { nextPageLink } from '../../src/api/page-link.js';
import { fromFramework } from '../../src/api/problems/framework-error.js';
import { toProblem } from '../../src/api/problems/problem.js';
import { catalogue, type ErrorCode, ServiceError } from '../../src/errors/index.js';

const codes = Object.keys(catalogue) as ErrorCode[];

describe('the problem of an error', () => {
  it.each(codes.filter((code) => catalogue[code].status !== null))('says what the catalogue says of %s', (code) => {
    const problem = toProblem(new ServiceError(code, 'what happened'), '/jobs', 'id-1');
    expect(problem).toEqual({
      type: `/docs/errors#${code}`,
      title: catalogue[code].title,
      status: catalogue[code].status,
      detail: 'what happened',
      instance: '/jobs',
      error: code,
      message: 'what happened',
      hint: catalogue[code].hint,
      request_id: 'id-1',
    });
  });

  it('speaks of requests, not of the command line', () => {
    for (const code of codes) expect(catalogue[code].hint).not.toMatch(/\bbatch (?:job|model|health)\b/);
  });

  it.each([
    ['an Error', new Error('the row said 4711')],
    ['a value', 'the row said 4711'],
    ['a code that only jobs have', new ServiceError('CHECKPOINT_LOST', 'the row said 4711')],
  ])('tells nothing of %s', (_what, error) => {
    const problem = toProblem(error, '/jobs', 'id-1');
    expect(problem).toMatchObject({ status: 500, error: 'INTERNAL_ERROR' });
    expect(JSON.stringify(problem)).not.toContain('4711');
  });

  it('leaves errors of the system to be unforeseen', () => {
    const error = Object.assign(new Error('EIO'), { code: 'EIO' });
    expect(fromFramework(error, { method: 'GET', path: '/jobs' }, ['GET'])).toBe(error);
  });
});

it('links to the next page with the same filter', () => {
  expect(nextPageLink('/jobs?limit=2&cursor=9&state=FAILED', '7')).toBe(
    '</jobs?limit=2&cursor=7&state=FAILED>; rel="next"',
  );
  expect(nextPageLink('/models', '7')).toBe('</models?cursor=7>; rel="next"');
});
