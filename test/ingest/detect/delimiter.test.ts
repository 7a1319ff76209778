import fc from 'fast-check';
import { sniffDelimiter } from '../../../src/ingest/detect/delimiter.js';

const CSV = { quote: '"', header: true };

function sniff(
  text: string,
  columns: string[] = [],
  dialect: Partial<Parameters<typeof sniffDelimiter>[1]> = {},
): string {
  return sniffDelimiter(Buffer.from(text), { ...CSV, ...dialect }, columns);
}

describe('the likeliest delimiter', () => {
  it.each([',', ';', '\t', '|'])('is found: %j', (delimiter) => {
    const rows = ['id,qty,note', '1,2,"a;b|c\td,e"', '3,,x'].map((row) =>
      row.replace(/,(?=[^"]*(?:"[^"]*"[^"]*)*$)/g, delimiter),
    );
    expect(sniff(`\uFEFF${rows.join('\r\n')}`)).toBe(delimiter);
    expect(sniff(`made by\nus\n${rows.join('\n')}`, [], { skipLines: 2 })).toBe(delimiter);
  });

  it.each<[string, string, string[], object, string]>([
    ['decimal commas', 'a;b\n1,5;2,5\n3,5;4,5\n', [], {}, ';'],
    ['decimal commas without a header', '1,5;2,5\n3;4,25\n', ['a', 'b'], { header: false }, ';'],
    ['a header that the model knows', 'id;a,b,c\n1;x,y,z\n', ['id'], {}, ';'],
    ['a header that the model knows in another case', 'ID;A,B,C\n1;x,y,z\n', ['id'], {}, ';'],
    ['a header that the model knows in quotes', '"id"|"a;b;c"\n1|x\n', ['id'], {}, '|'],
    ['the commas of one column', 'id|names\n1|a,b\n2|c\n3|d,e,f\n', [], {}, '|'],
    ['one column', 'id\n1\n2\n', [], {}, ','],
    ['nothing', '', [], {}, ','],
    ['a line alone', 'a;b', [], {}, ';'],
    ['fewer lines than are skipped', 'a;b\n', [], { skipLines: 5 }, ','],
    ['comments', '# a, b, c, d\na;b\n#, , ,\n1;2\n', [], { comment: '#' }, ';'],
    ['an escape', 'a;b\n"x\\";,,";1\n', [], { escape: '\\' }, ';'],
    ['a character that quotes', 'a;b,c\n1;2,3\n', [], { quote: ';' }, ','],
    ['line ends in quotes', 'a;b\n"1,2\n,3,4\n,";5\n', [], {}, ';'],
  ])('is told from %s', (_what, text, columns, dialect, expected) => {
    expect(sniff(text, columns, dialect)).toBe(expected);
  });

  it('is one of four, or a comma, whatever the text', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom('a', ',', ';', '"', '\n', '\r', '#', '\\') }), (text) => {
        expect([',', ';', '\t', '|']).toContain(sniff(text, ['a'], { comment: '#', escape: '\\' }));
      }),
    );
  });
});
