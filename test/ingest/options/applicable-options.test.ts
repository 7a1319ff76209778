import { impliedFormat, refuseInapplicable } from '../../../src/ingest/options/applicable-options.js';

const ANY = ['model_id', 'format', 'value_format', 'compression', 'rename', 'normalize'];

describe('the options that were given', () => {
  it.each([
    ['csv', [...ANY, 'encoding', 'delimiter', 'header', 'null_values', 'ignore_header_case', 'csv_reader']],
    ['json', [...ANY, 'encoding']],
    ['ndjson', [...ANY, 'encoding']],
    ['parquet', ANY],
  ] as const)('are taken where they say something about %s', (format, given) => {
    expect(() => refuseInapplicable(given, format)).not.toThrow();
  });

  it.each([
    [
      'json',
      'delimiter',
      'delimiter: applies only to CSV, but the file is JSON; remove it, or send format=csv if the file is CSV',
    ],
    [
      'ndjson',
      'null_values',
      'null_values: applies only to CSV, but the file is NDJSON; remove it, or send format=csv if the file is CSV',
    ],
    ['parquet', 'csv_reader', 'csv_reader: applies only to CSV, but the file is Parquet; remove it'],
    ['parquet', 'encoding', 'encoding: applies only to text, but the file is Parquet; remove it'],
  ] as const)('are refused where %s has no %s', (format, name, message) => {
    const refused = expect.objectContaining({ code: 'INVALID_OPTION', message });
    expect(() => refuseInapplicable([...ANY, name, 'quote'], format)).toThrow(refused);
  });

  it.each([
    [['format', 'rename', 'delimiter'], 'csv'],
    [['encoding', 'quoted_nulls'], 'csv'],
    [['encoding', 'value_format'], null],
    [['model_id'], null],
    [[], null],
  ])('imply a format that alone has them: %j', (given, format) => {
    expect(impliedFormat(given)).toBe(format);
  });
});
