import { readdirSync, readFileSync } from 'node:fs';
import type { RowReader } from '../../src/formats/index.js';
import { type Position } from '../../src/ingest/index.js';
import { type Decision, latin1, readFrom, utf8 } from './csv/read-all.js';

/** An accepted row's value, or what is said of a rejected one; `raw: null` where it is not UTF-8. */
export type ExpectedRow = string | { code: string; line: number; raw: string | null; column?: string };

/** A file that was written for this project, how it is read, and what becomes of its rows. */
export interface Fixture {
  name: string;
  file: Buffer;
  open: (position?: Position) => RowReader | Promise<RowReader>;
  lineEnd: RegExp;
  rows: ExpectedRow[];
}

/** The files of a folder, each with what stands in the file of its name and `.expected.json`. */
export function readFixtures<Expected>(folder: string): { name: string; file: Buffer; expected: Expected }[] {
  return readdirSync(folder)
    .filter((name) => !name.endsWith('.expected.json'))
    .map((name) => ({
      name,
      file: readFileSync(`${folder}/${name}`),
      expected: JSON.parse(readFileSync(`${folder}/${name}.expected.json`, 'utf8')) as Expected,
    }));
}

/** The file has the rows that are expected, however it is cut and wherever a reader takes it up. */
export function describeFixture({ name, file, open, lineEnd, rows }: Fixture): void {
  const everywhere = Array.from(file, (_, index) => index);

  describe(`the file ${name}`, () => {
    it('has the rows that are expected', async () => {
      expect(inFixtureWords(readFrom(await open(), file).decisions, rows)).toEqual(rows);
    });

    it('has the same ones byte by byte, and ends at its end', async () => {
      const whole = readFrom(await open(), file);
      const { decisions, positions } = readFrom(await open(), file, everywhere);
      expect(decisions).toEqual(whole.decisions);
      expect(positions.at(-1)?.position).toMatchObject({ row: decisions.length, byte: file.length });
      expect(positions.at(-1)).toEqual(whole.positions.at(-1));
    });

    it('names the place of each rejected row', async () => {
      for (const decision of readFrom(await open(), file).decisions) {
        if (!('rejected' in decision)) continue;
        const { byteOffset, line } = decision.rejected;
        const before = latin1(file.subarray(0, byteOffset ?? -1));
        expect(latin1(file).slice(before.length, before.length + decision.raw.length)).toBe(decision.raw);
        expect(line).toBe(before.split(lineEnd).length);
      }
    });

    it('goes on from every position it had', async () => {
      const { decisions, positions } = readFrom(await open(), file, everywhere);
      for (const { position, decided } of new Map(positions.map((each) => [each.position.byte, each])).values()) {
        expect(position.row).toBe(decided);
        const rest = readFrom(await open(position), file);
        expect(rest.decisions).toEqual(decisions.slice(decided));
      }
    });
  });
}

/** Decisions in the fixtures' words, with as much detail as the expectation has. */
function inFixtureWords(decisions: readonly Decision[], expected: readonly ExpectedRow[]): ExpectedRow[] {
  return decisions.map((decision, index) => {
    if ('accepted' in decision) return utf8(decision.accepted);
    const [first] = decision.rejected.errors;
    const like = expected[index];
    return {
      code: first?.error ?? 'none',
      line: decision.rejected.line ?? 0,
      raw: typeof like === 'object' && like.raw === null ? null : utf8(decision.raw),
      ...(first?.column == null ? {} : { column: first.column }),
    };
  });
}
