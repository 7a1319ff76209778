import { globSync, readFileSync } from 'node:fs';
import { ROW_ERROR_CODES } from '../../src/formats/row-error-codes.js';

it('each code of a rejected row is expected by a test of the readers', () => {
  const files = globSync('**/*.ts', { cwd: import.meta.dirname }).filter((path) => !path.includes('row-error-codes'));
  const text = files.map((path) => readFileSync(`${import.meta.dirname}/${path}`, 'utf8')).join('\n');
  const expected = new Set(text.match(/\b[A-Z]+(?:_[A-Z]+)+\b/g));
  expect(ROW_ERROR_CODES.filter((code) => !expected.has(code))).toEqual([]);
});
