import fc from 'fast-check';
import {
  hrefsUnder,
  isHrefUnder,
  isUnder,
  parseAllowedSource,
  requireAllowed,
} from '../../src/sources/allowed-sources.js';
import { connectionOf } from '../../src/sources/connections.js';
import { filenameOf, parseSourceUri } from '../../src/sources/source-uri.js';

const allowed = (...texts: string[]) => texts.flatMap((text) => parseAllowedSource(text) ?? []);

describe('a URI of a source', () => {
  it.each([
    ['file:///data/in/a%20b.csv', 'file', '', '/data/in/a b.csv', 'file:///data/in/a%20b.csv'],
    ['FILE:/data//in/../a.csv', 'file', '', '/data/a.csv', 'file:///data/a.csv'],
    ['s3://bucket/a%20b/ä?x#y.csv', 's3', 'bucket', 'a%20b/ä?x#y.csv', 's3://bucket/a%20b/ä?x#y.csv'],
    ['gs://b.c/a', 'gs', 'b.c', 'a', 'gs://b.c/a'],
    ['az://account/container/a/b', 'az', 'account', 'container/a/b', 'az://account/container/a/b'],
    [
      'HTTPS://Host.example:443/a/./b.csv?x=1#part',
      'https',
      'host.example',
      'a/b.csv',
      'https://host.example/a/b.csv?x=1',
    ],
  ])('is read: %s', (text, scheme, authority, path, href) => {
    expect(parseSourceUri(text)).toEqual({ scheme, authority, path, href });
  });

  it.each([
    'a.csv',
    '/data/a.csv',
    'ftp://host/a.csv',
    'file://host/a.csv',
    'file:///data/',
    'file:///a%00b',
    'file:///a%ff',
    's3://bucket',
    's3://bucket/',
    's3://bucket/folder/',
    's3:///a',
    'az://account/container',
    'az://account/container/',
    'https://user@host/a',
    'https://user:word@host/a',
    'https://host/a?sig=word',
    'https://host/a?X-Amz-Credential=word',
    'https://host/a?private_token=word',
    'https://host/a?api-key=word',
    'https://host/a?client_secret=word',
    'https://',
    's3://bucket/a\nb',
    's3://bucket/\ud800',
    `s3://bucket/${'a'.repeat(2_048)}`,
  ])('is refused, without what may be a password: %j', (text) => {
    const refused = expect.objectContaining({ code: 'INVALID_SOURCE', message: expect.not.stringContaining('word@') });
    expect(() => parseSourceUri(text)).toThrow(refused);
    expect(() => parseSourceUri(text)).not.toThrow(/=word|:word/);
  });

  it('is the same however often it is read', () => {
    const part = fc.string({ unit: 'grapheme', minLength: 1 }).filter((text) => !/[\p{Cc}/]/u.test(text));
    fc.assert(
      fc.property(fc.constantFrom('file:///', 's3://bucket/', 'gs://bucket/', 'https://host/'), part, (base, name) => {
        const encoded = base.startsWith('file') || base.startsWith('https') ? encodeURIComponent(name) : name;
        fc.pre(name !== '.' && name !== '..');
        const uri = parseSourceUri(`${base}${encoded}`);
        expect(parseSourceUri(uri.href)).toEqual(uri);
        expect(filenameOf(uri)).not.toBe('');
      }),
    );
  });
});

describe('a prefix of SOURCES', () => {
  it.each([
    ['s3://bucket/in', 's3://bucket/in/a.csv', true],
    ['s3://bucket/in', 's3://bucket/in', true],
    ['s3://bucket/in/', 's3://bucket/in/a/b.csv', true],
    ['s3://bucket', 's3://bucket/in/a.csv', true],
    ['s3://bucket/in', 's3://bucket/in-other/a.csv', false],
    ['s3://bucket/in', 's3://bucket2/in/a.csv', false],
    ['s3://bucket/in', 'gs://bucket/in/a.csv', false],
    ['file:/data/in', 'file:///data/in/a.csv', true],
    ['file:///data/ä b', 'file:///data/%C3%A4%20b/a.csv', true],
    ['file:/', 'file:///etc/passwd', true],
    ['file:/data/in', 'file:///data/in/../secret', false],
    ['file:/data/in', 'file:///data/in/%2e%2e/secret', false],
    ['file:/data/in', 'file:///data/input/a.csv', false],
    ['https://host/pub', 'https://host/pub/a.csv?x=1', true],
    ['https://host/pub', 'https://host/pub?x=1', true],
    ['https://host/pub', 'https://host/public', false],
    ['https://host/pub', 'https://host/pub/../a.csv', false],
    ['https://host/pub', 'https://host/pub/%2e%2e/a.csv', false],
    ['https://host/pub', 'https://host/pub/..%2fa.csv', false],
    ['https://host/pub', 'https://host/pub/..%252fa.csv', false],
    ['https://host/pub', 'https://host/pub/%25252e%25252e/a.csv', false],
    ['https://host/pub', 'https://host/pub/..;x=1/a.csv', false],
    ['https://host/pub', 'https://host/pub/..a/b..csv', true],
    ['https://host/pub', 'https://host/pub/100%25.csv', true],
    ['https://host/ä b', 'https://host/ä b/a.csv', true],
    ['s3://bucket/in', 's3://bucket/in/../a.csv', false],
    ['s3://bucket/in', 's3://bucket/in/./a.csv', false],
    ['gs://bucket', 'gs://bucket/..', false],
    ['az://account/in', 'az://account/in/../other/a.csv', false],
    ['s3://bucket/in', 's3://bucket/in/..a/...csv', true],
    ['https://host', 'http://host/a.csv', false],
    ['https://host', 'https://host:8443/a.csv', false],
  ])('%s, and %s: %s', (prefix, text, isAllowed) => {
    const uri = parseSourceUri(text);
    const judge = () => requireAllowed(uri, allowed(prefix));
    if (isAllowed) expect(judge()).toEqual(allowed(prefix)[0]);
    else expect(judge).toThrow(expect.objectContaining({ code: 'SOURCE_NOT_ALLOWED' }));
  });

  it('is judged by the text of a URI as by its parts', () => {
    const uris = [
      's3://bk/in/a',
      's3://bk/in',
      's3://bk/inn',
      'file:///in/a%20b',
      'file:///a',
      'https://h/p?x',
      'https://h/p/x',
    ];
    const prefixes = allowed('s3://bk', 's3://bk/in', 'file:/', 'file:/in', 'https://h', 'https://h/p');
    for (const uri of uris.map(parseSourceUri)) {
      for (const prefix of prefixes) {
        expect([uri.href, hrefsUnder(prefix), isHrefUnder(uri.href, [prefix])]).toEqual([
          uri.href,
          hrefsUnder(prefix),
          isUnder(uri, prefix),
        ]);
      }
    }
  });

  it('has the options of the longest one', () => {
    const connections = allowed('s3://bk', 's3://bk/in', 's3://bk/in/deep').map((prefix) => ({ prefix, options: {} }));
    expect(connectionOf(parseSourceUri('s3://bk/in/a'), connections)?.prefix.path).toBe('in');
    expect(connectionOf(parseSourceUri('s3://cd/in/a'), connections)).toBeUndefined();
  });
});
