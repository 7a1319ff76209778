import { MAX_ERRORS } from '../../../src/formats/limits.js';
import type { FieldError } from '../../../src/formats/row-reader.js';
import { RowErrors } from '../../../src/formats/validation/row-problems.js';

function problem(column: string): FieldError {
  return { column, type: 'Int32', error: 'NOT_AN_INTEGER', observed: 'x', message: 'is not an integer' };
}

describe('what is wrong with a row', () => {
  it('is nothing until something is added, and nothing again when the next row begins', () => {
    const problems = new RowErrors();
    expect(problems.errors).toBeNull();
    problems.add(problem('a'), problem('b'));
    expect(problems.errors).toEqual([problem('a'), problem('b')]);
    problems.addDuplicate(problem('c'));
    problems.clear();
    expect([problems.errors, problems.hasDuplicate, problems.isFull]).toEqual([null, false, false]);
  });

  it('is the first of the names that are there twice, instead of all else', () => {
    const problems = new RowErrors();
    problems.add(problem('a'));
    problems.addDuplicate(problem('b'));
    problems.addDuplicate(problem('c'));
    problems.add(problem('d'));
    expect(problems.errors).toEqual([problem('b')]);
  });

  it('is one error more than a rejection shows, at most', () => {
    const problems = new RowErrors();
    for (let index = 0; index < 3 * MAX_ERRORS; index++) problems.add(problem(`c${index}`));
    expect(problems.isFull).toBe(true);
    expect(problems.errors?.map(({ column }) => column)).toEqual(
      Array.from({ length: MAX_ERRORS + 1 }, (_, index) => `c${index}`),
    );
  });
});
