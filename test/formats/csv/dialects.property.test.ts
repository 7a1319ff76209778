import fc from 'fast-check';
import { CsvKernel, createCsvReader, createKernelReader } from '../../../src/formats/index.js';
import { type CreateReader, optionsFor, readAll, readFrom } from './read-all.js';

const kernel = new CsvKernel();
const READERS: readonly (readonly [string, CreateReader])[] = [
  ['the reference reader', createCsvReader],
  ['the kernel', (options) => createKernelReader(options, kernel)],
];

/** A file that is written field by field in some dialect, and the values that were written. */
interface Written {
  file: string;
  dialect: { escape?: string; comment?: string; skipLines: number; trim: boolean };
  delimiter: string;
  rows: string[][];
}

const value = fc.string({
  unit: fc.constantFrom('a', '1', ' ', ',', ';', '"', '\\', '#', '\n', '\r', 'é', '\t'),
  maxLength: 6,
});

const written: fc.Arbitrary<Written> = fc
  .record({
    rows: fc.array(fc.array(value, { minLength: 2, maxLength: 2 }), { maxLength: 8 }),
    delimiter: fc.constantFrom(',', ';', '\t', '|'),
    lineEnd: fc.constantFrom('\n', '\r\n', '\r'),
    own: fc.option(fc.constant('\\'), { nil: undefined }),
    comment: fc.option(fc.constant('#'), { nil: undefined }),
    skipLines: fc.nat({ max: 3 }),
    trim: fc.boolean(),
    blanks: fc.constantFrom('', ' '),
  })
  .map(({ rows, delimiter, lineEnd, own, comment, skipLines, trim, blanks }) => {
    const quote = (text: string): string =>
      `"${own === undefined ? text.replaceAll('"', '""') : text.replace(/["\\]/g, '\\$&')}"`;
    const field = (text: string): string =>
      /^[a1é]+$/.test(text) ? (trim ? `${blanks}${text}${blanks}` : text) : quote(text);
    const lines = rows.map((row) => row.map(field).join(delimiter));
    const between = comment === undefined ? '' : `# "no row${lineEnd}`;
    const body = [`x${delimiter}y`, ...lines].map((line) => `${between}${line}${lineEnd}`).join('');
    const skipped = `"some, words${lineEnd}`.repeat(skipLines);
    const dialect = {
      ...(own === undefined ? {} : { escape: own }),
      ...(comment === undefined ? {} : { comment }),
      ...{ skipLines, trim },
    };
    return { file: `${skipped}${body}`, dialect, delimiter, rows };
  });

describe.each(READERS)('files in any dialect: %s', (_name, create) => {
  it('are read as the values they were written from, however they are cut and wherever a reader starts over', async () => {
    await fc.assert(
      fc.asyncProperty(written, fc.array(fc.nat(), { maxLength: 20 }), async ({ rows, ...given }, cuts) => {
        const asJson = { ...given, valueFormat: 'json' as const };
        const { decisions, positions, columns } = await readAll(create, asJson, cuts);
        expect(columns).toEqual(['x', 'y']);
        const found = decisions.map((each) =>
          'accepted' in each ? JSON.parse(Buffer.from(each.accepted, 'latin1').toString()) : each,
        );
        expect(found).toEqual(rows.map(([x, y]) => ({ x, y })));
        const bytes = Buffer.from(given.file);
        expect(positions.at(-1)?.position.byte).toBe(bytes.length);
        expect(positions.at(-1)?.position.line).toBe(given.file.match(/\r\n|\r|\n/g)?.length);
        const options = await optionsFor(asJson);
        for (const { position, decided } of positions) {
          const rest = readFrom(create({ ...options, position }), bytes);
          expect(rest.decisions).toEqual(decisions.slice(decided));
        }
      }),
      { numRuns: 150 },
    );
  });

  it('may have comments and skipped lines of any length, which nobody holds', async () => {
    const long = 'x'.repeat(3_000_000);
    const file = `${long}\n#${long}\na\n1\n#${long}\n2\n`;
    const cuts = Array.from({ length: 150 }, (_, index) => index * 65_536);
    const given = { file, dialect: { comment: '#', skipLines: 1 } };
    const { decisions, positions } = await readAll(create, given, cuts);
    expect(decisions).toEqual([{ accepted: '1' }, { accepted: '2' }]);
    for (const { position } of positions) {
      expect([0, ...startsOf(file)]).toContain(position.byte);
    }
  });
});

/** Where the file's lines begin. */
function startsOf(file: string): number[] {
  return [...file.matchAll(/\n/g)].map(({ index }) => index + 1);
}
