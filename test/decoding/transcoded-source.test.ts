import fc from 'fast-check';
import { openByteSource, TEXT_ENCODINGS, type TextEncoding } from '../../src/decoding/index.js';
import { OffsetMap } from '../../src/decoding/offset-map.js';
import { createTranscoder, type ForeignEncoding } from '../../src/decoding/transcoder.js';
import { drain, withFile } from './support/files.js';

const limits = { maxBytes: 1e9, maxRatio: 250 };
const foreign = TEXT_ENCODINGS.filter((each): each is ForeignEncoding => each !== 'utf-8');

/** An encoder that shares nothing with the code: character by character, by the definitions. */
function encode(text: string, encoding: TextEncoding): Buffer {
  switch (encoding) {
    case 'utf-8':
      return Buffer.from(text);
    case 'utf-16le':
      return Buffer.from(text, 'utf16le');
    case 'utf-16be':
      return Buffer.from(text, 'utf16le').swap16();
    case 'latin1':
      return Buffer.from(text, 'latin1');
    case 'windows-1252':
      return Buffer.from(Array.from(text, (character) => WINDOWS.get(character) ?? character.charCodeAt(0)));
  }
}

/** https://www.unicode.org/Public/MAPPINGS/VENDORS/MICSFT/WINDOWS/CP1252.TXT, 0x80 to 0x9F. */
const WINDOWS = new Map(
  Object.entries({
    '\u20AC': 0x80,
    '\u201A': 0x82,
    '\u0192': 0x83,
    '\u201E': 0x84,
    '\u2026': 0x85,
    '\u2020': 0x86,
    '\u2021': 0x87,
    '\u02C6': 0x88,
    '\u2030': 0x89,
    '\u0160': 0x8a,
    '\u2039': 0x8b,
    '\u0152': 0x8c,
    '\u017D': 0x8e,
    '\u2018': 0x91,
    '\u2019': 0x92,
    '\u201C': 0x93,
    '\u201D': 0x94,
    '\u2022': 0x95,
    '\u2013': 0x96,
    '\u2014': 0x97,
    '\u02DC': 0x98,
    '\u2122': 0x99,
    '\u0161': 0x9a,
    '\u203A': 0x9b,
    '\u0153': 0x9c,
    '\u017E': 0x9e,
    '\u0178': 0x9f,
  }),
);

function textIn(encoding: TextEncoding): fc.Arbitrary<string> {
  if (encoding === 'latin1') return fc.string({ unit: fc.nat({ max: 255 }).map((code) => String.fromCharCode(code)) });
  if (encoding === 'windows-1252') {
    const latin = fc.oneof(fc.integer({ min: 0, max: 0x7f }), fc.integer({ min: 0xa0, max: 0xff }));
    return fc.string({
      unit: fc.oneof(
        latin.map((code) => String.fromCharCode(code)),
        fc.constantFrom(...WINDOWS.keys()),
      ),
    });
  }
  return fc.string({
    unit: fc.oneof(
      fc.constantFrom('a', '\n', 'é', '€', '😀', '\uFEFF', '\uFFFD'),
      fc.string({ unit: 'binary', minLength: 1, maxLength: 1 }),
    ),
  });
}

describe.each(foreign)('text in %s', (encoding) => {
  it('becomes the same text in UTF-8, however it is cut, and each character knows where it comes from', () => {
    fc.assert(
      fc.property(textIn(encoding), fc.array(fc.nat(), { maxLength: 8 }), (text, cuts) => {
        const bytes = encode(text, encoding);
        const transcoder = createTranscoder(encoding);
        const map = new OffsetMap(100, transcoder.unitBytes);
        const pieces: Buffer[] = [];
        let from = 0;
        for (const to of [...cuts.map((cut) => cut % (bytes.length + 1)).sort((a, b) => a - b), bytes.length]) {
          pieces.push(transcoder.push(Buffer.from(bytes.subarray(from, to))));
          from = to;
        }
        pieces.push(transcoder.end());
        for (const piece of pieces) map.append(piece);
        expect(Buffer.concat(pieces).toString()).toBe(text);
        let [origin, offset] = [100, 100];
        for (const character of text) {
          expect(map.originOf(offset)).toBe(origin);
          offset += Buffer.byteLength(character);
          origin += encode(character, encoding).length;
        }
        expect(map.originOf(offset)).toBe(100 + bytes.length);
      }),
    );
  });

  it('is read from a file, from any place where a character begins', async () => {
    await fc.assert(
      fc.asyncProperty(textIn(encoding), fc.nat(), fc.integer({ min: 20, max: 200 }), async (text, start, space) => {
        const characters = Array.from(text);
        const before = encode(characters.slice(0, start % (characters.length + 1)).join(''), encoding).length;
        const file = encode(text, encoding);
        const found = await withFile(file, async (handle) =>
          drain(openByteSource(handle, before, { fileCompression: 'none', encoding, limits }), space),
        );
        expect(found.toString()).toBe(characters.slice(start % (characters.length + 1)).join(''));
      }),
      { numRuns: 30 },
    );
  });
});

describe('what is not text', () => {
  const transcoded = (encoding: ForeignEncoding, ...chunks: number[][]): string => {
    const transcoder = createTranscoder(encoding);
    const pieces = chunks.map((chunk) => transcoder.push(Buffer.from(chunk)));
    return Buffer.concat([...pieces, transcoder.end()]).toString('latin1');
  };

  it.each<[string, ForeignEncoding, number[][], string]>([
    ['a byte that windows-1252 lacks', 'windows-1252', [[0x61, 0x81, 0x62]], 'a\xffb'],
    ['a low surrogate alone', 'utf-16le', [[0x61, 0, 0x00, 0xdc, 0x62, 0]], 'a\xffb'],
    ['a high surrogate alone', 'utf-16be', [[0, 0x61, 0xd8, 0x00, 0, 0x62]], 'a\xffb'],
    ['a high surrogate before another', 'utf-16be', [[0xd8, 0x00, 0xd8, 0x3d, 0xde, 0x00]], '\xff\xf0\x9f\x98\x80'],
    [
      'a high surrogate at the end of a chunk',
      'utf-16le',
      [
        [0x00, 0xd8],
        [0x61, 0],
      ],
      '\xffa',
    ],
    ['a high surrogate at the end', 'utf-16le', [[0x61, 0, 0x00, 0xd8]], 'a\xff'],
    ['half a unit at the end', 'utf-16le', [[0x61, 0, 0x62]], 'a\xff'],
    ['a high surrogate and half a unit at the end', 'utf-16le', [[0x00, 0xd8, 0x62]], '\xff\xff'],
  ])('becomes a byte that UTF-8 lacks: %s', (_what, encoding, chunks, expected) => {
    expect(transcoded(encoding, ...chunks)).toBe(expected);
  });

  it('counts as the units it takes, half a one at the end included', async () => {
    const file = Buffer.from([0x61, 0, 0x00, 0xd8, 0x0a, 0, 0x62]);
    await withFile(file, async (handle) => {
      const source = openByteSource(handle, 0, { fileCompression: 'none', encoding: 'utf-16le', limits });
      const text = await drain(source);
      expect(text.toString('latin1')).toBe('a\xff\n\xff');
      expect([1, 2, 3, 4].map((offset) => source.originOf?.(offset))).toEqual([2, 4, 6, 7]);
    });
  });
});

describe('the map of offsets', () => {
  it('holds no more than some megabytes of a line without an end', () => {
    const map = new OffsetMap(0, 2);
    const piece = Buffer.from('é€😀x'.repeat(10_000));
    const units = 'é€😀x'.length * 10_000;
    map.append(Buffer.from('first\n'));
    expect(map.originOf(6)).toBe(12);
    for (let i = 0; i < 500; i++) map.append(piece);
    expect(() => new OffsetMap(0, 1).originOf(1)).toThrow('nothing was transcoded');
    expect(map.originOf(6 + 499 * piece.length + 2)).toBe(12 + 2 * (499 * units + 1));
    expect(map.originOf(6 + 500 * piece.length)).toBe(12 + 1000 * units);
    expect(() => map.originOf(5)).toThrow('was asked for after');
  });

  it('is exact after what it has forgotten, and refuses a place in the middle of it', () => {
    const map = new OffsetMap(0, 1);
    for (let i = 0; i < 100; i++) map.append(Buffer.from(`${'ä'.repeat(100_000)}`));
    expect(map.originOf(300_000)).toBe(150_000);
    expect(() => map.originOf(500_000)).toThrow('long past');
    const after = new OffsetMap(0, 1);
    for (let i = 0; i < 100; i++) after.append(Buffer.from(`${'ä'.repeat(100_000)}`));
    expect(after.originOf(19_900_002)).toBe(9_950_001);
  });

  it.each([
    ['in the same piece', ['é]\n rest é']],
    ['in the next one', ['é]', '\n rest é']],
    ['behind megabytes of blanks', ['é]', ...Array<string>(100).fill(' '.repeat(100_000)), ' rest é']],
    ['in ASCII behind them', ['é]', ...Array<string>(100).fill(' '.repeat(100_000)), ' rest', 'é']],
  ])('keeps the beginning of what has no end, %s', (_where, pieces) => {
    const map = new OffsetMap(0, 2);
    for (const piece of pieces) map.append(Buffer.from(piece));
    expect(map.originOf(2)).toBe(2);
    const long = Buffer.from('é'.repeat(50_000));
    for (let i = 0; i < 200; i++) map.append(long);
    const text = pieces.join('');
    const units = text.indexOf('rest');
    expect(map.originOf(units + 1)).toBe(2 * units);
    expect(map.originOf(Buffer.byteLength(text) + 200 * long.length)).toBe(2 * (text.length + 200 * 50_000));
  });
});
