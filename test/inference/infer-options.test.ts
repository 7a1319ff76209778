import { parseInferOptions } from '../../src/inference/infer-options.js';

it('has a default for every option', () => {
  expect(parseInferOptions({})).toEqual({
    format: 'auto',
    encoding: 'auto',
    dialect: {},
    nullValues: [],
    quotedNulls: 'typed',
    quotedEmpty: 'text',
    sampleRows: 100_000,
    partial: false,
    given: [],
  });
});

it('takes options from the query and from the form', () => {
  const fields = { sample_rows: '7', partial: 'true', header: 'false' };
  expect(parseInferOptions({ delimiter: ';', null_values: 'NULL,-' }, fields)).toMatchObject({
    dialect: { delimiter: ';', header: false },
    nullValues: ['NULL', '-'],
    sampleRows: 7,
    partial: true,
    given: ['delimiter', 'null_values', 'header'],
  });
});

it.each<[Record<string, unknown>, Record<string, unknown>, RegExp]>([
  [{ model_id: 'orders' }, {}, /^model_id: there is no such option/],
  [{ 'metadata.a': '1' }, {}, /^metadata\.a: there is no such option/],
  [{ sample_rows: '1' }, { sample_rows: '1' }, /^sample_rows: given more than once/],
  [{ sample_rows: '0' }, {}, /^sample_rows: must be a whole number/],
  [{ sample_rows: '100001' }, {}, /^sample_rows: must be a whole number/],
  [{ partial: 'yes' }, {}, /^partial: must be true or false/],
  [{ delimiter: ';;' }, {}, /^delimiter: must be .*one ASCII character/],
])('refuses %j with %j', (query, fields, message) => {
  expect(() => parseInferOptions(query, fields)).toThrow(
    expect.objectContaining({ code: 'INVALID_OPTION', message: expect.stringMatching(message) }),
  );
});
