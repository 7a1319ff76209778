import { refuseUnclear, type SniffedDialect, sniffDialect } from '../../../../src/formats/index.js';
import type { CsvDialect } from '../../../../src/ingest/index.js';

function sniff(text: string, given: Partial<CsvDialect> = {}, isWhole = true): SniffedDialect | null {
  return sniffDialect({ text: Buffer.from(text), isWhole, given });
}

describe('a sniffed dialect', () => {
  it.each<[string, string, Partial<CsvDialect>]>([
    ['keeps what was said', 'a,b;c\n1,2;3\n', { delimiter: ';' }],
    ['skips what was said', 'x\ny\na,b\n1,2\n', { skipLines: 2 }],
    ['takes a header that was said for one', '1,2\n3,4\n', { header: true }],
  ])('%s', (_what, text, given) => {
    expect(sniff(text, given)?.dialect).toMatchObject(given);
  });

  it.each<[string, Partial<CsvDialect>]>([
    ['a quote', { quote: "'" }],
    ['an escape', { quote: "'", escape: '\\' }],
  ])('has quotes if %s was said, which quotes=none would contradict', (_what, given) => {
    const rows = Array.from({ length: 9 }, (_, i) => `${i}\t${i % 3 === 0 ? "'" : ''}never closed\t${i}\n`);
    expect(sniff(`id\ttext\tn\n${rows.join('')}`)?.dialect).toMatchObject({ delimiter: '\t' });
    expect(sniff(`id\ttext\tn\n${rows.join('')}`, given)?.dialect.quotes).not.toBe('none');
  });

  it('counts no line twice that is skipped anyway', () => {
    expect(sniff('sep=;\na;b\n1;2\n')?.dialect).toMatchObject({ delimiter: ';', skipLines: 1 });
    expect(sniff('sep=;\na;b\n1;2\n', { skipLines: 1 })?.dialect).toMatchObject({ delimiter: ';', skipLines: 1 });
  });

  it('does not skip rows of a table that has no header', () => {
    const { dialect, misfits } = sniff('1,2,3,4\n1,2,3\n4,5,6\n7,8,9\n10,11,12\n') as SniffedDialect;
    expect(dialect).toEqual({ delimiter: ',', quote: '"', header: false });
    expect(misfits).toBe(0);
    expect(sniff('"a"b\n1,2,3\n4,5,6\n7,8,9\n')?.dialect.skipLines).toBeUndefined();
    expect(sniff('Made in May\n1,2,3\n4,5,6\n7,8,9\n')?.dialect).toMatchObject({ header: false, skipLines: 1 });
  });

  it('does not depend on a record that is cut at the end of the sample', () => {
    expect(sniff('a;b\n1;"x,y"\n2;"z', {}, false)?.dialect).toEqual({ delimiter: ';', quote: '"', header: true });
  });

  it('names the header that is known', () => {
    const names = ['country', 'language'];
    const text = Buffer.from('country,language\nGermany,German\nFrance,French\n');
    expect(sniffDialect({ text, isWhole: true, given: {}, names })?.reasons.at(-1)).toMatch(/names of the model/);
  });

  it('says that its rows end with a delimiter', () => {
    const { reasons, columns } = sniff('a,b,c\n1,2,3,\n4,5,6,\n') as SniffedDialect;
    expect([columns, reasons.some((reason) => reason.startsWith('each row ends with a delimiter'))]).toEqual([3, true]);
  });

  it.each(['', '\n\n'])('is nothing for %j', (text) => {
    expect(sniff(text)).toBeNull();
  });
});

describe('an unclear dialect', () => {
  it.each([
    ['two delimiters make the same table', 'a,b;c\nx,y;z\nu,v;w\n', /the delimiter may be "." or "."/],
    [
      'no delimiter makes a table',
      'a,b\n1\n2,3,4,5\n"x"y\n6,7,8\n"z",5\n',
      /most lines have delimiters, but none makes rows of the same width/,
    ],
  ])('is refused: %s', (_what, text, message) => {
    const sniffed = sniff(text) as SniffedDialect;
    expect(() => refuseUnclear(sniffed)).toThrow(
      expect.objectContaining({ code: 'DIALECT_UNCLEAR', message: expect.stringMatching(message) }),
    );
  });

  it('is none that is certain', () => {
    refuseUnclear(sniff('id,name\n1,Anna\n2,Ben\n') as SniffedDialect);
  });
});
