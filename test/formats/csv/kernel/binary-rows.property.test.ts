import fc from 'fast-check';
import { type BinaryColumn, type BinaryLayout, CsvKernel, createKernelReader } from '../../../../src/formats/index.js';
import { type ColumnType, compileSchema, parseColumnType } from '../../../../src/models/schema/index.js';
import { TYPE_VECTORS } from '../../validation/vectors.js';
import { bytesOf, type Given, optionsFor, readAll } from '../read-all.js';

const kernel = new CsvKernel();
const PREFIX = Buffer.from('prefix');
const FIRST_SECOND = Date.UTC(1900, 0, 1) / 1000;
const LAST_SECOND = Date.UTC(2300, 0, 1) / 1000 - 1;

function layoutOf(type: ColumnType, nullable: boolean): BinaryColumn {
  const of = (kind: BinaryColumn['kind'], width = 0, scale = 0): BinaryColumn => ({ kind, width, scale, nullable });
  switch (type.kind) {
    case 'string':
      return of('text');
    case 'bool':
      return of('bool', 1);
    case 'int':
    case 'float':
      return of(type.kind, type.bits / 8);
    case 'decimal':
      return of(
        'decimal',
        type.precision <= 9 ? 4 : type.precision <= 18 ? 8 : type.precision <= 38 ? 16 : 32,
        type.scale,
      );
    case 'date':
      return of('date', 4);
    case 'datetime':
      return of('timestamp', 8, 6);
    case 'datetime64':
      return of('timestamp', 8, type.digits);
    case 'formatted':
      return type.as === 'date' ? of('date', 4) : of('timestamp', 8, 6);
    case 'uuid':
      return of('uuid', 16);
  }
}

/** A value as bytes, by its JSON text; null: it has none. Written to be read, not to be fast. */
function encode(json: string, { kind, width, scale, nullable }: BinaryColumn): Buffer | null {
  if (json === 'null') return nullable ? Buffer.of(1) : null;
  const value = bytesOfValue(json, kind, width, scale);
  return value && (nullable ? Buffer.concat([Buffer.of(0), value]) : value);
}

function bytesOfValue(json: string, kind: BinaryColumn['kind'], width: number, scale: number): Buffer | null {
  const text = json.startsWith('"') ? (JSON.parse(json) as string) : json;
  switch (kind) {
    case 'text': {
      const bytes = Buffer.from(text);
      return Buffer.concat([varint(bytes.length), bytes]);
    }
    case 'bool':
      return Buffer.of(text === 'true' ? 1 : 0);
    case 'int':
      return integer(BigInt(text), width);
    case 'float': {
      const bytes = Buffer.alloc(width);
      if (width === 4) bytes.writeFloatLE(Number(text));
      else bytes.writeDoubleLE(Number(text));
      return bytes;
    }
    case 'decimal': {
      const [whole = '', fraction = ''] = text.split('.');
      return integer(BigInt(`${whole}${fraction.padEnd(scale, '0')}`), width);
    }
    case 'date': {
      const seconds = Date.parse(`${text}T00:00:00Z`) / 1000;
      return seconds < FIRST_SECOND || seconds > LAST_SECOND ? null : integer(BigInt(seconds / 86_400), 4);
    }
    case 'timestamp': {
      const found = /^(.{10})[T ](.{8})(?:\.(\d+))?(Z|[+-]\d\d:?\d\d)?$/.exec(text);
      const [, day, time, fraction = '', zone = 'Z'] = found ?? [];
      const isoZone = zone.length === 5 ? `${zone.slice(0, 3)}:${zone.slice(3)}` : zone;
      const seconds = found === null ? Number(text) : Date.parse(`${day}T${time}${isoZone}`) / 1000;
      const last = scale === 9 ? 9_223_372_036 : LAST_SECOND;
      if (seconds < FIRST_SECOND || seconds > last || fraction.slice(scale).replaceAll('0', '') !== '') return null;
      return integer(
        BigInt(seconds) * 10n ** BigInt(scale) + BigInt(fraction.slice(0, scale).padEnd(scale, '0') || '0'),
        8,
      );
    }
    default: {
      const bytes = Buffer.from(text.replaceAll('-', ''), 'hex');
      return Buffer.concat([bytes.subarray(0, 8).reverse(), bytes.subarray(8).reverse()]);
    }
  }
}

function integer(value: bigint, width: number): Buffer {
  const bytes = Buffer.alloc(width);
  let rest = BigInt.asUintN(8 * width, value);
  for (let i = 0; i < width; i++, rest >>= 8n) bytes[i] = Number(rest & 0xffn);
  return bytes;
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  for (let rest = value; ; rest >>= 7) {
    if (rest < 128) return Buffer.from([...bytes, rest]);
    bytes.push((rest & 127) | 128);
  }
}

/** The JSON text of each member: no number is parsed. */
function members(json: string): string[] {
  const found = json.matchAll(/"c\d+":("(?:[^"\\]|\\.)*"|[^,}]+)/gs);
  return [...found].map(([, value]) => value as string);
}

/** Number and offset of a row, in the test. */
const placeOf = (index: number): [number, number] => [3 * index + 1, 2 ** 40 + index];

/** The rows in binary, in order; a row that came as JSON is that text. */
async function readBinary(given: Given, layout: BinaryLayout, cuts: number): Promise<(Buffer | string)[]> {
  const rows: { bytes: Buffer; count: number }[] = [];
  const result: (Buffer | string)[] = [];
  let next = 0;
  const consumer = {
    accept: (bytes: Uint8Array, start: number, end: number) => {
      result.push(Buffer.from(bytes.subarray(start, end)).toString());
      next += 1;
    },
    reject: () => {
      throw new Error('all rows of this file are good');
    },
    binary: {
      places(to: Float64Array, count: number) {
        for (let i = 0; i < count; i++) to.set(placeOf(next + i), 2 * i);
      },
      write(bytes: Uint8Array, count: number) {
        rows.push({ bytes: Buffer.from(bytes), count });
        result.push(Buffer.from(bytes));
        next += count;
      },
    },
  };
  const reader = createKernelReader({ ...(await optionsFor(given)), binary: layout }, kernel);
  const file = bytesOf(given).subarray(reader.position.byte);
  for (let at = 0; at < file.length; at += cuts) {
    reader.push(file.subarray(at, at + cuts));
    while (reader.advance(consumer));
  }
  reader.end();
  while (reader.advance(consumer));
  return result;
}

const TYPES = TYPE_VECTORS.map(({ type, accepted }) => ({
  type,
  texts: accepted.filter((text) => text.length < 1000 && text.isWellFormed()),
}));

const more: Readonly<Record<string, fc.Arbitrary<string>>> = {
  Float64: fc.double({ noNaN: true, noDefaultInfinity: true }).map(String),
  Int64: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map(String),
  UInt64: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }).map(String),
  UUID: fc.uuid(),
  Date: fc
    .date({ noInvalidDate: true, min: new Date(-6e13), max: new Date(2.5e14) })
    .map((date) => date.toISOString().slice(0, 10)),
  DateTime: fc
    .date({ noInvalidDate: true, min: new Date(-6e13), max: new Date(2.5e14) })
    .map((date) => date.toISOString()),
  "DateTime('epoch_s')": fc.bigInt({ min: -62_135_596_800n, max: 253_402_300_799n }).map(String),
  "DateTime('epoch_ms')": fc.bigInt({ min: -62_135_596_800_000n, max: 253_402_300_799_999n }).map(String),
  "DateTime('epoch_us')": fc.bigInt({ min: -62_135_596_800_000_000n, max: 253_402_300_799_999_999n }).map(String),
  "Date('YYYYMMDD')": fc
    .date({ noInvalidDate: true, min: new Date(-6e13), max: new Date(2.5e14) })
    .map((date) => date.toISOString().slice(0, 10).replaceAll('-', '')),
  String: fc.string({ unit: 'grapheme', maxLength: 300 }),
};

const file = fc
  .array(fc.tuple(fc.constantFrom(...TYPES), fc.boolean()), { minLength: 1, maxLength: 8 })
  .chain((columns) => {
    const fields = columns.map(([{ type, texts }, nullable]) =>
      fc.oneof(
        { weight: 5, arbitrary: fc.constantFrom(...texts) },
        { weight: 5, arbitrary: more[type] ?? fc.constantFrom(...texts) },
        ...(nullable ? [{ weight: 1, arbitrary: fc.constantFrom('', 'NULL') }] : []),
      ),
    );
    return fc.record({
      columns: fc.constant(columns),
      rows: fc.array(fc.tuple(fc.tuple(...fields), fc.array(fc.boolean(), { minLength: 8, maxLength: 8 })), {
        minLength: 1,
        maxLength: 20,
      }),
      escape: fc.option(fc.constantFrom('\\', '^'), { nil: undefined }),
      trim: fc.boolean(),
      nullValues: fc.subarray(['NULL', '0', '-1']),
      quotedNulls: fc.constantFrom('typed' as const, 'all' as const),
      cuts: fc.constantFrom(7, 100, 100_000),
    });
  });

describe('rows in binary', () => {
  it('hold what the rows hold as JSON, or come as that', async () => {
    await fc.assert(
      fc.asyncProperty(file, async ({ columns, rows, escape: own, trim, nullValues, quotedNulls, cuts }) => {
        const quoted = (text: string): string =>
          own === undefined ? text.replaceAll('"', '""') : text.replaceAll(own, own + own).replaceAll('"', `${own}"`);
        const lines = rows.map(([texts, quotes]) =>
          texts
            .map((text, index) =>
              /[",\r\n]/.test(text) || text !== text.trim() || quotes[index] ? `"${quoted(text)}"` : text,
            )
            .join(','),
        );
        const names = columns.map((_, index) => `c${index}`);
        const schema = Object.fromEntries(
          columns.map(([{ type }, nullable], index) => [`c${index}`, nullable ? `Nullable(${type})` : type]),
        );
        const given: Given = {
          file: `${names.join(',')}\n${lines.join('\n')}\n`,
          schema,
          nullValues,
          quotedNulls,
          valueFormat: 'json',
          dialect: { escape: own, trim },
        };
        const { decisions } = await readAll((options) => createKernelReader(options, kernel), given);
        // Neither a spelling of null in a required column nor an empty line becomes a row.
        const texts = decisions.flatMap((each) =>
          'accepted' in each ? [Buffer.from(each.accepted, 'latin1').toString()] : [],
        );
        fc.pre(texts.length === rows.length);
        const types = compileSchema(schema).columns.map(({ type }) => parseColumnType(type) as ColumnType);
        const layouts = types.map((type, index) => layoutOf(type, columns[index]![1]));
        const layout = { prefix: PREFIX, columns: new Map(layouts.map((each, index) => [`c${index}`, each])) };
        const expected = texts.map((json, index) => {
          const values = members(json).map((value, column) => encode(value, layouts[column]!));
          const place = Buffer.concat(placeOf(index).map((each) => integer(BigInt(each), 8)));
          return values.includes(null) ? null : Buffer.concat([PREFIX, place, ...(values as Buffer[])]);
        });
        let row = 0;
        for (const piece of await readBinary(given, layout, cuts)) {
          if (typeof piece === 'string') {
            expect(piece).toBe(texts[row]);
            row += 1;
            continue;
          }
          for (let at = 0; at < piece.length; row++) {
            const wanted = expected[row];
            if (wanted == null) throw new Error(`row ${row} cannot be written in binary: ${texts[row]}`);
            expect(piece.subarray(at, at + wanted.length).toString('hex')).toBe(wanted.toString('hex'));
            at += wanted.length;
          }
        }
        expect(row).toBe(rows.length);
      }),
      { numRuns: 1000 },
    );
  });

  it('are what becomes of plain rows', async () => {
    const schema = {
      a: 'Int64',
      b: 'Float64',
      c: 'Decimal(38,9)',
      d: 'Date',
      e: 'DateTime',
      f: 'DateTime64(9)',
      g: 'UUID',
      h: 'Bool',
      i: 'Nullable(String)',
    };
    const line =
      '-12,3.25,-1.5,2026-11-28,2026-11-28T10:00:00+01:00,2026-11-28 09:00:00.123456789,12345678-9abc-def0-1234-56789abcdef0,true,"say ""hi"""';
    const given: Given = { file: `a,b,c,d,e,f,g,h,i\n${`${line}\n`.repeat(2500)}`, schema, valueFormat: 'json' };
    const types = compileSchema(schema).columns;
    const layout = {
      prefix: PREFIX,
      columns: new Map(
        types.map(({ name, type, nullable }) => [name, layoutOf(parseColumnType(type) as ColumnType, nullable)]),
      ),
    };
    const pieces = await readBinary(given, layout, 100_000);
    expect(pieces.every((piece) => typeof piece !== 'string')).toBe(true);
    const row = 6 + 16 + 8 + 8 + 16 + 4 + 8 + 8 + 16 + 1 + 1 + 1 + 'say "hi"'.length;
    expect(pieces.reduce((sum, piece) => sum + piece.length, 0)).toBe(2500 * row);
  });
});
