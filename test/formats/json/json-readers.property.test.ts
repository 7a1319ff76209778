import fc from 'fast-check';
import {
  createJsonArrayReader,
  createNdjsonReader,
  type JsonReaderOptions,
  type RowReader,
} from '../../../src/formats/index.js';
import { compileSchema } from '../../../src/models/schema/index.js';
import { peakGrowth } from '../../kit/peak-memory.js';
import { type Decision, type Reading, readFrom } from '../csv/read-all.js';
import { damagedBy, damages } from '../damage.js';
import { jsonFixtures } from './json-fixtures.js';

const ANY = compileSchema({ type: 'object' });
const SEED = 20_261_120;
/** Limit of the memory that the process takes in addition, in bytes, most of it garbage: the files have less than a kilobyte. */
const MAX_GROWTH = 256 * 1024 ** 2;

/** Objects of any members, as JSON with blanks where they may stand. */
const element = fc
  .tuple(
    fc.dictionary(fc.string({ unit: 'grapheme', maxLength: 6 }), fc.jsonValue({ maxDepth: 3 }), { maxKeys: 5 }),
    fc.nat(3),
  )
  .map(([value, indent]) => JSON.stringify(value, null, indent));
const blank = fc.constantFrom('', ' ', '\n', '\r\n\t ', '\n\n');
const cuts = fc.array(fc.nat(), { maxLength: 30 });

/** Broken, but with all its brackets and quotes closed: where it ends is beyond doubt. */
const brokenElement = fc.constantFrom(
  '{"a":tru,"b":[{"c":1},{"d":2}]}',
  '{"a" 1}',
  '{"a":1 "b":2}',
  '{a:1}',
  '{"a":[1 2]}',
  '{"a":01}',
  '{"a":"\\q"}',
  "{'a':1}",
  '{"a":[1,2}',
  'undefined',
  '}',
  '{"a":1}}',
  '',
);

function read(create: (options: JsonReaderOptions) => RowReader, file: string, at: readonly number[] = []): Reading {
  return readFrom(create(ANY), Buffer.from(file), at);
}

function accepted(decisions: readonly Decision[]): string[] {
  return decisions.flatMap((each) => ('accepted' in each ? [Buffer.from(each.accepted, 'latin1').toString()] : []));
}

describe('a JSON array', () => {
  it('has the elements that JSON.parse finds in it, with their own bytes, however it is cut', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(element, blank, blank), { maxLength: 12 }), blank, cuts, (elements, around, at) => {
        const file = `${around}[${elements.map(([text, before, behind]) => before + text + behind).join(',')}]${around}`;
        const { decisions } = read(createJsonArrayReader, file, at);
        expect(accepted(decisions)).toEqual(elements.map(([text]) => text));
        expect(accepted(decisions).map((text) => JSON.parse(text))).toEqual(JSON.parse(file));
      }),
      { numRuns: 300 },
    );
  });

  it('loses no element beside a broken one', () => {
    const one = fc.oneof({ weight: 4, arbitrary: element }, brokenElement);
    fc.assert(
      fc.property(fc.array(one, { minLength: 1, maxLength: 12 }), cuts, (elements, at) => {
        const { decisions } = read(createJsonArrayReader, `[ ${elements.join(', ')} ]`, at);
        expect(accepted(decisions)).toEqual(elements.filter(isJson));
        // Nothing at all between the brackets is not an element.
        expect(decisions.length).toBe(elements.length === 1 && elements[0] === '' ? 0 : elements.length);
      }),
      { numRuns: 300 },
    );
  });
});

describe('compact JSON', () => {
  /** Every character of every string as an escape. */
  const escaped = (json: string): string =>
    json.replaceAll(/"(?:[^"\\]|\\.)*"/g, (string) => {
      const text = JSON.parse(string) as string;
      return `"${Array.from({ length: text.length }, (_, at) => `\\u${text.charCodeAt(at).toString(16).padStart(4, '0')}`).join('')}"`;
    });

  it('is what JSON.stringify writes, whatever blanks and escapes there were', () => {
    fc.assert(
      fc.property(fc.array(element, { maxLength: 8 }), fc.boolean(), cuts, (elements, isEscaped, at) => {
        const file = `[${elements.map((text) => (isEscaped ? escaped(text) : text)).join(' ,')}]`;
        const reader = createJsonArrayReader({ ...ANY, valueFormat: 'json' });
        const { decisions } = readFrom(reader, Buffer.from(file), at);
        // What stringify would do with the order of names like numbers it has done before.
        expect(accepted(decisions)).toEqual(elements.map((text) => JSON.stringify(JSON.parse(text))));
      }),
      { numRuns: 300 },
    );
  });
});

describe('NDJSON', () => {
  it('has a row for each line that is not blank, malformed where JSON.parse says so', () => {
    const wrong = fc.constantFrom('', '', '"', '{', '}', '[', ',', ':', '\\', '0', '\u0001', 'é', '-', 'e');
    const line = fc.tuple(element, fc.nat(), wrong).map(([text, at, character]) => {
      const flat = text.replaceAll(/\n */g, '');
      const cut = at % (flat.length + 1);
      return (flat.slice(0, cut) + character + flat.slice(cut)).toWellFormed();
    });
    fc.assert(
      fc.property(fc.array(line, { maxLength: 8 }), fc.constantFrom('\n', '\r\n', '\n\n'), cuts, (lines, end, at) => {
        const { decisions } = read(createNdjsonReader, lines.join(end), at);
        expect(decisions.map(isMalformed)).toEqual(lines.map((text) => !isJson(text)));
        for (const [index, decision] of decisions.entries()) {
          if ('accepted' in decision) expect(accepted([decision])).toEqual([lines[index]?.trim()]);
        }
      }),
      { numRuns: 500 },
    );
  });
});

describe('files that are damaged at random', () => {
  const originals = jsonFixtures();

  it('are decided the same however they are cut, and from every position, to their end, in bounded memory', async () => {
    const check = fc.property(fc.nat(originals.length - 1), damages, cuts, (which, changes, at) => {
      const { open, file } = originals[which] as (typeof originals)[number];
      const damaged = damagedBy(file, changes);
      const whole = readFrom(open(), damaged);
      const cut = readFrom(open(), damaged, at);
      expect(cut.decisions).toEqual(whole.decisions);
      expect(cut.positions.at(-1)).toEqual(whole.positions.at(-1));
      expect(whole.positions.at(-1)?.position.byte).toBe(damaged.length);
      const bytewise = readFrom(
        open(),
        damaged,
        Array.from(damaged, (_, index) => index),
      );
      expect(bytewise.decisions).toEqual(whole.decisions);
      for (const { position, decided } of cut.positions) {
        const rest = readFrom(open({ ...position }), damaged);
        expect(rest.decisions).toEqual(whole.decisions.slice(decided));
      }
      for (const text of accepted(whole.decisions)) expect(typeof JSON.parse(text)).toBe('object');
    });
    expect(await peakGrowth(() => fc.assert(check, { numRuns: 400, seed: SEED }))).toBeLessThan(MAX_GROWTH);
  });
});

function isMalformed(decision: Decision): boolean {
  return 'rejected' in decision && decision.rejected.errors[0]?.error === 'MALFORMED_JSON';
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
