import { unexpected } from '../../../src/ingest/index.js';
import { parseJobRequest } from '../../../src/ingest/options/job-request.js';
import { parseSourceRequest } from '../../../src/ingest/options/source-request.js';

const source = { uri: 's3://bucket/a.csv' };
const SHA256 = 'a'.repeat(64);

describe('a request for a job from a source', () => {
  it('says what a form says', () => {
    const options = {
      delimiter: ';',
      header: true,
      skip_lines: 2,
      null_values: ['NULL', 'N/A'],
      rename: { 'Order ID': 'id' },
      normalize: { id: ['trim'] },
      value_format: 'json',
      sinks: [],
      expect: { rows: 2, sha256: SHA256.toUpperCase() },
    };
    const form = {
      model_id: 'orders',
      delimiter: ';',
      header: 'true',
      skip_lines: '2',
      null_values: 'NULL,N/A',
      rename: '{"Order ID":"id"}',
      normalize: '{"id":["trim"]}',
      value_format: 'json',
      sinks: 'none',
      expect: `{"rows":2,"sha256":"${SHA256}"}`,
      'metadata.day': '1',
    };
    const asked = parseSourceRequest({}, { model_id: 'orders', source, options, metadata: { day: '1' } });
    expect(asked.uri).toBe(source.uri);
    expect({ ...asked.request, given: asked.request.given.toSorted() }).toEqual({
      ...parseJobRequest({}, form),
      given: parseJobRequest({}, form).given.toSorted(),
    });
  });

  it('may name model and options in the query', () => {
    expect(parseSourceRequest({ model_id: 'orders', trim: 'true' }, { source }).request).toEqual(
      parseJobRequest({ model_id: 'orders', trim: 'true' }, {}),
    );
  });

  it.each<[unknown, string, string]>([
    [undefined, 'INVALID_REQUEST', 'the body must be a JSON object'],
    [[], 'INVALID_REQUEST', 'the body must be a JSON object'],
    [{ model_id: 'a' }, 'INVALID_REQUEST', 'source must be {"uri"'],
    [{ model_id: 'a', source: {} }, 'INVALID_REQUEST', 'source must be {"uri": "…"}'],
    [{ model_id: 'a', source: { ...source, key: 1 } }, 'INVALID_REQUEST', 'source must be {"uri": "…"}'],
    [{ model_id: 1, source }, 'INVALID_REQUEST', 'model_id must be text'],
    [{ model_id: 'a', source, file: 1 }, 'INVALID_REQUEST', 'there is no member file'],
    [{ model_id: 'a', source, options: [] }, 'INVALID_REQUEST', 'options must be a JSON object'],
    [{ source }, 'MISSING_MODEL_ID', ''],
    [{ model_id: 'a', source, options: { from_job: 'b' } }, 'INVALID_OPTION', 'from_job: there is no such option'],
    [{ model_id: 'a', source, options: { toString: 'b' } }, 'INVALID_OPTION', 'toString: there is no such option'],
    [{ model_id: 'a', source, options: { trim: 'true' } }, 'INVALID_OPTION', 'trim: must be a boolean'],
    [{ model_id: 'a', source, options: { skip_lines: '1' } }, 'INVALID_OPTION', 'skip_lines: must be a number'],
    [{ model_id: 'a', source, options: { delimiter: null } }, 'INVALID_OPTION', 'delimiter: must be a string'],
    [{ model_id: 'a', source, options: { rename: '{}' } }, 'INVALID_OPTION', 'rename: must be an object'],
    [{ model_id: 'a', source, options: { null_values: 'a' } }, 'INVALID_OPTION', 'null_values: must be an array'],
    [{ model_id: 'a', source, options: { null_values: { a: 'b' } } }, 'INVALID_OPTION', 'null_values: every member'],
    [{ model_id: 'a', source, options: { null_values: ['a,b'] } }, 'INVALID_OPTION', 'null_values: must be an array'],
    [{ model_id: 'a', source, options: { expect: { lines: 1 } } }, 'INVALID_OPTION', 'expect: there is no lines'],
    [{ model_id: 'a', source, options: { expect: { rows: -1 } } }, 'INVALID_OPTION', 'expect: rows must be'],
    [{ model_id: 'a', source, options: { expect: { bytes: 1.5 } } }, 'INVALID_OPTION', 'expect: bytes must be'],
    [{ model_id: 'a', source, options: { expect: { sha256: 'ab' } } }, 'INVALID_OPTION', 'expect: sha256 must have'],
    [{ model_id: 'a', source, metadata: { day: 1 } }, 'INVALID_OPTION', 'metadata.day: must be text'],
  ])('is refused: %j', (body, code, message) => {
    const refused = expect.objectContaining({ code, message: expect.stringContaining(message) });
    expect(() => parseSourceRequest({}, body)).toThrow(refused);
  });

  it('has no file of a job', () => {
    expect(() => parseSourceRequest({ from_job: 'a' }, { model_id: 'a', source })).toThrow('from_job');
  });
});

describe('what is expected of a file', () => {
  it('is compared with what is known, and what differs is said', () => {
    const expectation = { rows: 2, bytes: 10, sha256: SHA256 };
    expect(unexpected(expectation, { rows: 2, bytes: 10, sha256: SHA256 })).toBeNull();
    expect(unexpected(expectation, {})).toBeNull();
    expect(unexpected({}, { rows: 3 })).toBeNull();
    expect(unexpected(expectation, { rows: 0, bytes: 9 })).toBe(
      'the file has 0 rows instead of 2 and 9 bytes instead of 10',
    );
  });
});
