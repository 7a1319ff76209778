import fc from 'fast-check';
import { nullValuesOf, parseJobRequest, readOptions } from '../../../src/ingest/index.js';

const JSON_VALUES = { value_format: 'json' };
const MODEL = { model_id: 'orders' };

function numbered(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index);
}

describe('the options of a job', () => {
  it('have defaults', () => {
    expect(parseJobRequest(MODEL, {})).toEqual({
      modelId: 'orders',
      format: 'auto',
      encoding: 'auto',
      dialect: { delimiter: ',', quote: '"', header: true },
      options: {
        onBroken: 'continue',
        csvReader: 'auto',
        sinks: [],
        sinkWhen: 'success',
        maxSinkErrors: 1000,
        onConflict: 'update',
        expect: {},
        valueFormat: 'raw',
        topicCompression: 'none',
        nullValues: [],
        quotedNulls: 'typed',
        quotedEmpty: 'text',
        headerNames: 'lenient',
        rename: {},
        ignoreHeaderCase: false,
        normalize: {},
      },
      metadata: {},
      given: ['model_id'],
    });
  });

  it('come from the query and from the form alike', () => {
    const options = {
      format: 'csv',
      encoding: 'latin1',
      delimiter: '\t',
      quote: "'",
      header: 'false',
      value_format: 'json',
      compression: 'zstd',
      null_values: 'NULL, N/A,NULL,\\N',
      csv_reader: 'reference',
      'metadata.a.b': '1',
    };
    const expected = {
      ...{ modelId: 'orders', format: 'csv', encoding: 'latin1', metadata: { 'a.b': '1' } },
      dialect: { delimiter: '\t', quote: "'", header: false },
      options: {
        onBroken: 'continue',
        csvReader: 'reference',
        sinks: [],
        sinkWhen: 'success',
        maxSinkErrors: 1000,
        onConflict: 'update',
        expect: {},
        valueFormat: 'json',
        topicCompression: 'zstd',
        nullValues: ['NULL', ' N/A', '\\N'],
        quotedNulls: 'typed',
        quotedEmpty: 'text',
        headerNames: 'lenient',
        rename: {},
        ignoreHeaderCase: false,
        normalize: {},
      },
    };
    const given = ['model_id', ...Object.keys(options).filter((name) => name !== 'metadata.a.b')];
    expect(parseJobRequest({ ...MODEL, ...options }, {})).toEqual({ ...expected, given });
    expect(parseJobRequest(MODEL, options)).toEqual({ ...expected, given });
  });

  it.each<[string, Record<string, unknown>, string]>([
    ['unknown', { charset: 'utf8' }, 'charset: '],
    ['a member of every object', { constructor: 'x' }, 'constructor: '],
    ['repeated', { delimiter: [',', ';'] }, 'delimiter: '],
    ['nested', { delimiter: { a: ',' } }, 'delimiter: '],
    ['of another format', { format: 'xml' }, 'format: '],
    ['without a value', { format: '' }, 'format: '],
    ['two characters', { delimiter: '||' }, 'delimiter: '],
    ['no character', { delimiter: '' }, 'delimiter: '],
    ['not ASCII', { delimiter: '§' }, 'delimiter: '],
    ['a line end', { quote: '\n' }, 'quote: '],
    ['a NUL', { quote: '\0' }, 'quote: '],
    ['the delimiter', { quote: ',' }, 'quote: '],
    ['a quote beside none', { quote: '"', quotes: 'none' }, 'quote: with quotes=none no character is one'],
    ['an escape beside none', { escape: '\\', quotes: 'none' }, 'escape: with quotes=none'],
    ['a blank as lax quote', { quote: ' ', quotes: 'lax', trim: 'true' }, 'quote: must not be a blank'],
    ['another way of quotes', { quotes: 'loose' }, 'quotes: must be strict, lax or none'],
    ['another truth', { header: 'yes' }, 'header: '],
    ['no spelling of null', { null_values: '' }, 'null_values: '],
    ['an empty spelling of null', { null_values: 'NULL,' }, 'null_values: '],
    ['a long spelling of null', { null_values: `NULL,${'é'.repeat(65)}` }, 'null_values: '],
    ['many spellings of null', { null_values: numbered(31).join() }, 'null_values: '],
    ['no object of spellings', { null_values: '{"a":"NULL"}' }, 'null_values: every member must be a list'],
    ['what begins like an object', { null_values: '{,NULL' }, 'null_values: must be a JSON object'],
    ['an empty spelling of a column', { null_values: '{"a":[""]}' }, 'null_values: '],
    ['spellings of no column', { null_values: '{"":["NULL"]}' }, 'null_values: a column name must not be empty'],
    ['another place of quotes', { quoted_nulls: 'none' }, 'quoted_nulls: must be typed or all'],
    ['another value', { value_format: 'JSON' }, 'value_format: '],
    ['another codec', { compression: 'snappy' }, 'compression: '],
    ['no JSON', { rename: 'a=b' }, 'rename: must be a JSON object'],
    ['no object', { rename: '["a"]' }, 'rename: must be a JSON object'],
    ['a name that is none', { rename: '{"a":1}' }, 'rename: every member'],
    ['a name of nothing', { rename: '{"":"a"}' }, 'rename: a column name must not be empty'],
    ['an empty name', { rename: '{"a":""}' }, 'rename: a column name must not be empty'],
    ['an endless name', { rename: `{"a":"${'é'.repeat(129)}"}` }, 'rename: a name is longer than 256 bytes'],
    ['one name for two columns', { rename: '{"a":"c","b":"c"}' }, 'rename: two columns are renamed to "c"'],
    ['endless names', { rename: `{"a":"b"${' '.repeat(8192)}}` }, 'rename: longer than 8192 bytes'],
    ['no truth', { ignore_header_case: 'yes' }, 'ignore_header_case: must be true or false'],
    [
      'case for no header',
      { ignore_header_case: 'true', header: 'false' },
      'ignore_header_case: a file without a header',
    ],
    ['names for no header', { rename: '{"a":"b"}', header: 'false' }, 'rename: a file without a header line'],
    [
      'operations of no column',
      { ...JSON_VALUES, normalize: '{"":["trim"]}' },
      'normalize: a column name must not be empty',
    ],
    ['another operation', { ...JSON_VALUES, normalize: '{"a":["trim","strip"]}' }, 'normalize: every member'],
    ['no operations', { ...JSON_VALUES, normalize: '{"a":[]}' }, 'normalize: every member'],
    ['an operation twice', { ...JSON_VALUES, normalize: '{"a":["trim","trim"]}' }, 'normalize: every member'],
    ['no list of operations', { ...JSON_VALUES, normalize: '{"a":"trim"}' }, 'normalize: every member'],
    ['a change of raw values', { normalize: '{"a":["trim"]}' }, 'normalize: needs value_format=json'],
    ['another reader', { csv_reader: 'fast' }, 'csv_reader: '],
    ['metadata without a key', { 'metadata.': 'x' }, 'metadata.: '],
    ['metadata with a strange key', { 'metadata.a b': 'x' }, 'metadata.a b: '],
    ['metadata with an endless value', { 'metadata.a': 'x'.repeat(1025) }, 'metadata.a: '],
    ['endless metadata', Object.fromEntries(numbered(33).map((at) => [`metadata.${at}`, ''])), 'metadata: '],
  ])('are refused where one is %s', (_what, fields, detail) => {
    const refused = expect.objectContaining({
      code: 'INVALID_OPTION',
      message: expect.stringContaining(detail),
    });
    expect(() => parseJobRequest(MODEL, fields)).toThrow(refused);
    expect(() => parseJobRequest({ ...MODEL, ...fields }, {})).toThrow(refused);
  });

  it('take as many spellings of null, and as long ones, as there may be', () => {
    const spellings = numbered(30).map((index) => `${`${index}`.padEnd(63, 'x')}😀`);
    expect(parseJobRequest(MODEL, { null_values: spellings.join() }).options.nullValues).toEqual(spellings);
  });

  it('have spellings of null of single columns, which may be any texts', () => {
    const null_values = '{"a=b":["NULL","x,y","NULL"],"__proto__":["{"],"c":[]}';
    const { nullValues } = parseJobRequest(MODEL, { null_values }).options;
    expect(nullValuesOf(nullValues, 'a=b')).toEqual(['NULL', 'x,y']);
    expect(nullValuesOf(nullValues, '__proto__')).toEqual(['{']);
    expect([nullValuesOf(nullValues, 'c'), nullValuesOf(nullValues, 'toString')]).toEqual([[], []]);
    expect(readOptions(JSON.stringify({ nullValues })).nullValues).toEqual(nullValues);
  });

  it('of a job that is older than quoted_nulls count spellings of null in quotes everywhere', () => {
    expect(readOptions('{"nullValues":["NULL"]}')).toMatchObject({ nullValues: ['NULL'], quotedNulls: 'all' });
    expect(readOptions('{"nullValues":["NULL"],"quotedNulls":"typed"}').quotedNulls).toBe('typed');
    expect(readOptions('{}')).toMatchObject({ quotedEmpty: 'text', headerNames: 'strict' });
  });

  it('rename columns with any names', () => {
    const rename = '{"Order ID":"id","a,b=c":"x=y","__proto__":"constructor","1":"0"}';
    const parsed = parseJobRequest(MODEL, { rename }).options.rename;
    expect(new Map(Object.entries(parsed))).toEqual(new Map(Object.entries(JSON.parse(rename) as object)));
    expect(readOptions(JSON.stringify({ rename: parsed })).rename).toEqual(parsed);
  });

  it('normalize columns in the order given', () => {
    const normalize = '{"email":["trim","lowercase"],"day":["iso_date"]}';
    const { options } = parseJobRequest(MODEL, { ...JSON_VALUES, normalize });
    expect(options.normalize).toEqual({ email: ['trim', 'lowercase'], day: ['iso_date'] });
  });

  it.each(['', undefined])('need a model (%j)', (model_id) => {
    expect(() => parseJobRequest(model_id === undefined ? {} : { model_id }, {})).toThrow(
      expect.objectContaining({ code: 'MISSING_MODEL_ID' }),
    );
  });

  it('are refused where one comes in both places', () => {
    expect(() => parseJobRequest(MODEL, MODEL)).toThrow(expect.objectContaining({ code: 'INVALID_OPTION' }));
  });

  it('keep any metadata as it came', () => {
    const key = fc.stringMatching(/^[A-Za-z0-9_.-]{1,64}$/);
    const value = fc.string({ maxLength: 200, unit: 'grapheme' });
    fc.assert(
      fc.property(fc.uniqueArray(fc.tuple(key, value), { maxLength: 32, selector: ([name]) => name }), (entries) => {
        const metadata = Object.fromEntries(entries);
        const fields = Object.fromEntries(entries.map(([name, text]) => [`metadata.${name}`, text]));
        expect(JSON.stringify(parseJobRequest(MODEL, fields).metadata)).toBe(JSON.stringify(metadata));
      }),
      { numRuns: 50, examples: [[[['__proto__', 'x']]]] },
    );
  });
});
