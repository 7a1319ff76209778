import { inspectFile } from '../../src/ingest/index.js';

const CSV = 'id,qty\n1,2\n3,4\n';

function inspect(file: string | Buffer, filename = 'upload', options: Partial<Parameters<typeof inspectFile>[1]> = {}) {
  const head = typeof file === 'string' ? Buffer.from(file) : file;
  const request = { format: 'auto' as const, encoding: 'auto' as const, given: [], ...options };
  const { format, encoding, text } = inspectFile({ head, fileCompression: 'none', filename }, request);
  return [format, encoding, text.toString()];
}

const bigEndian = (text: string): Buffer => Buffer.from(text, 'utf16le').swap16();

describe('text without a byte order mark', () => {
  const texts = [
    CSV,
    'имя,город\r\nАнна,Москва\r\nИван,Тверь\r\n',
    'id,名前\n1,山田太郎\n2,上上上\n',
    'tên;thành phố\nNguyễn;Hà Nội\n',
    'id,note\n1,😀\n',
    '{"id":1}\n{"id":2}\n',
  ];
  it.each(texts)('is read as UTF-16 if it is: %j', (text) => {
    const format = text.startsWith('{') ? 'ndjson' : 'csv';
    expect(inspect(Buffer.from(text, 'utf16le'))).toEqual([format, 'utf-16le', text]);
    expect(inspect(bigEndian(text))).toEqual([format, 'utf-16be', text]);
    expect(inspect(text)).toEqual([format, 'utf-8', text]);
  });

  it.each(['a,b\n1,\0', 'a,b\n1,\0\n22,\0\n', 'a,\0\n', 'abc,de\n\0\n', 'é,b\n1,\0'])(
    'is refused if it has NUL bytes otherwise: %j',
    (text) => {
      const refused = expect.objectContaining({
        code: 'UNSUPPORTED_FILE_TYPE',
        message: expect.stringContaining('NUL'),
      });
      expect(() => inspect(text)).toThrow(refused);
      expect(inspect(text, 'upload', { format: 'csv', encoding: 'utf-8' })).toEqual(['csv', 'utf-8', text]);
    },
  );

  it('is what the request says', () => {
    const utf16 = Buffer.from(CSV, 'utf16le');
    expect(inspect(utf16, 'upload', { encoding: 'utf-16le' })).toEqual(['csv', 'utf-16le', CSV]);
  });
});

describe('a file that is something else than its name or content makes it look like', () => {
  it.each([
    ['<!DOCTYPE html>\n<html>', /looks like HTML.*format=csv/],
    ['\uFEFF\n  <HTML lang="de">', /looks like HTML/],
    ['<table class="data"><tr><td>1', /looks like HTML/],
    ['<?xml version="1.0"?>\n<rows/>', /looks like XML.*format=csv/],
    [Buffer.from('<!doctype html>\n<p>Login</p>\n', 'utf16le'), /looks like HTML/],
  ])('is refused as markup: %s', (file, message) => {
    const refused = expect.objectContaining({ code: 'UNSUPPORTED_FILE_TYPE', message: expect.stringMatching(message) });
    expect(() => inspect(file)).toThrow(refused);
    expect(() => inspect(file, 'upload', { given: ['delimiter'] })).toThrow(refused);
    expect(inspect(file, 'upload', { format: 'csv' })[0]).toBe('csv');
  });

  it.each(['<id>,<name>\n1,2\n', '<5,1\n', '<paid>\n'])('is CSV with angle brackets: %j', (file) => {
    expect(inspect(file)[0]).toBe('csv');
  });

  it.each([
    ['rows.json', /named \.json.*not that of JSON: its text begins with "i"\. .*format=csv.*format=json/],
    ['rows.NDJSON.gz', /named \.NDJSON.*format=csv.*format=ndjson/],
    ['rows.jsonl', /named \.jsonl.*format=ndjson/],
    ['rows.parquet', /named \.parquet.*does not begin with PAR1.*format=csv if it is CSV$/],
  ])('is refused if it is taken for CSV and named %s, unless the request says that it is', (name, message) => {
    const refused = expect.objectContaining({ code: 'UNSUPPORTED_FILE_TYPE', message: expect.stringMatching(message) });
    expect(() => inspect(CSV, name)).toThrow(refused);
    expect(inspect(CSV, name, { format: 'csv' })[0]).toBe('csv');
    expect(inspect(CSV, name, { given: ['delimiter'] })[0]).toBe('csv');
  });

  it.each(['rows.csv', 'rows.txt', 'json', 'rows.json.csv', 'stdin', ''])('is CSV if it is named %j', (name) => {
    expect(inspect(CSV, name)[0]).toBe('csv');
  });

  it.each(['rows.csv', 'rows.json'])('is JSON by its content, whatever its name: %s', (name) => {
    expect(inspect('[{"id":1}]', name)[0]).toBe('json');
  });
});
