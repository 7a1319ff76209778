import fc from 'fast-check';
import { parseFilePattern } from '../../../src/feeds/domain/file-pattern.js';
import { parseSourcePrefix } from '../../../src/sources/source-uri.js';

const patternOf = (uri: string) => parseFilePattern(uri, (prefix) => parseSourcePrefix(prefix).path);

describe('the pattern of a feed', () => {
  it.each([
    ['s3://bkt/in/', ['in/a.csv', 'in/x/b.csv'], ['in', 'other/a.csv', 'in/a.part', 'in/.a', 'in/.x/a.csv']],
    ['s3://bkt/in/*.csv', ['in/a.csv', 'in/b.csv'], ['in/x/a.csv', 'in/a.csv.tmp', 'in/a.json']],
    ['s3://bkt/*/a-*.csv', ['x/a-1.csv', 'y/a-.csv'], ['a-1.csv', 'x/y/a-1.csv', 'x/b-1.csv']],
    ['s3://bkt/day=*/', ['day=1/a', 'day=2/x/y'], ['day=1', 'days/a']],
    ['file:///in%20here/*', ['/in here/a b.csv'], ['/in here/x/a', '/in%20here/a']],
    ['file:///.hidden/in/', ['/.hidden/in/a'], ['/.hidden/in/.a']],
    ['az://account/container/in/', ['container/in/a'], ['container/on/a']],
  ])('%s takes what it says', (uri, taken, left) => {
    const pattern = patternOf(uri);
    expect(taken.filter((path) => !pattern.takes(path))).toEqual([]);
    expect(left.filter((path) => pattern.takes(path))).toEqual([]);
  });

  it.each([
    ['file:///in/*.csv', [], ['/in/done/', '/in/.git/']],
    ['file:///in/', ['/in/a/', '/in/a/b/'], ['/in/.git/', '/in/a.part/', '/in/a/.x/']],
    ['file:///in/*/new/*.csv', ['/in/a/', '/in/a/new/'], ['/in/a/old/', '/in/a/new/b/']],
    ['file:///in/2026-*/', ['/in/2026-01/', '/in/2026-01/x/'], ['/in/2025-01/']],
    ['file:///.x/in/*', [], ['/.x/in/a/']],
  ])('%s is looked for in no folder that cannot have it', (uri, entered, left) => {
    const pattern = patternOf(uri);
    expect(entered.filter((path) => !pattern.enters(path))).toEqual([]);
    expect(left.filter((path) => pattern.enters(path))).toEqual([]);
  });

  it.each(['s3://bkt/a.csv', 's3://bkt/**', 's3://bkt/*/../x', `s3://bkt/${'*a'.repeat(17)}`, 'file:///in/*%ff'])(
    'refuses %s',
    (uri) => {
      expect(() => patternOf(uri)).toThrow(expect.objectContaining({ code: 'INVALID_SOURCE' }) as Error);
    },
  );

  it('agrees with a regular expression, one part of a path at a time', () => {
    const part = fc.string({ unit: fc.constantFrom('a', 'b', '*', 'c'), minLength: 1, maxLength: 8 });
    const text = fc.string({ unit: fc.constantFrom('a', 'b', 'c'), minLength: 1, maxLength: 12 });
    fc.assert(
      fc.property(part, text, (pattern, name) => {
        fc.pre(pattern.includes('*') && !pattern.includes('**'));
        const expected = new RegExp(`^${pattern.replaceAll('*', '[^/]*')}$`).test(name);
        expect(patternOf(`s3://bucket/x/${pattern}`).takes(`x/${name}`)).toBe(expected);
      }),
    );
  });

  it('takes no time to speak of for what is made to take it', () => {
    const pattern = patternOf(`s3://bucket/${'*a'.repeat(16)}b`);
    expect(pattern.takes('a'.repeat(1_000))).toBe(false);
  });
});
