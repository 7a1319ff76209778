import { spawnSync } from 'node:child_process';
import { hash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import fc from 'fast-check';
import type { Column } from '../../../src/models/schema/index.js';
import { CanonicalRow } from '../../../src/sinks/canonical/canonical-row.js';

interface VectorColumn {
  name: string;
  type: string;
  format?: 'email';
  properties?: VectorColumn[];
}

interface Vectors {
  model: string;
  columns: VectorColumn[];
  vectors: { why: string; rows: string[]; form: string; hash: string }[];
}

const VECTORS = JSON.parse(readFileSync(resolve('docs/reference/content-hash.vectors.json'), 'utf8')) as Vectors;
const SCRIPT = resolve('test/sinks/canonical/content_hash.py');
const hasPython = spawnSync('python3', ['--version']).status === 0;

function columnOf({ name, type, format, properties }: VectorColumn): Column {
  const column = { name, type, nullable: true, constraints: format === undefined ? {} : { format } };
  return properties === undefined ? column : { ...column, properties: properties.map(columnOf) };
}

const row = new CanonicalRow(VECTORS.model, VECTORS.columns.map(columnOf));

function hashOf(json: string, reader = row): string {
  const bytes = Buffer.from(json);
  const target = Buffer.alloc(32);
  expect(reader.read(bytes, 0, bytes.length)).toBeNull();
  reader.hashInto(target, 0);
  return target.toString('hex');
}

/** What is stored of a row. */
function dataOf(json: string): string {
  const bytes = Buffer.from(json);
  expect(row.read(bytes, 0, bytes.length)).toBeNull();
  return row.data.bytes.toString('utf8', row.dataStart, row.data.length);
}

describe('the vectors of the documentation', () => {
  it.each(VECTORS.vectors)('$why', ({ rows, form, hash: expected }) => {
    expect(hash('sha256', `${VECTORS.model}\n${form}`)).toBe(expected);
    expect(rows.map((each) => hashOf(each))).toEqual(rows.map(() => expected));
  });

  it('are all different', () => {
    expect(new Set(VECTORS.vectors.map((each) => each.hash)).size).toBe(VECTORS.vectors.length);
  });
});

describe('what is stored', () => {
  it('is what is hashed, if the model knows all columns', () => {
    for (const { rows, form } of VECTORS.vectors) {
      if (!form.includes('\n')) for (const each of rows) expect(dataOf(each)).toBe(form);
    }
  });

  it('has unknown columns as they are', () => {
    expect(dataOf('{"x":1.0,"id":2,"a":"5","n":null}')).toBe('{"id":2,"a":"5","x":1}');
  });

  it('is the same when it is read again', () => {
    for (const { rows } of VECTORS.vectors) {
      for (const each of rows) expect(hashOf(dataOf(each))).toBe(hashOf(each));
    }
  });
});

describe('rows of another model', () => {
  it('have other hashes', () => {
    const other = new CanonicalRow('orders-2', VECTORS.columns.map(columnOf));
    expect(hashOf('{"id":1}', other)).not.toBe(hashOf('{"id":1}'));
  });
});

const digits = (max: number): fc.Arbitrary<string> => fc.stringMatching(new RegExp(`^\\d{1,${max}}$`));
const number = fc
  .tuple(fc.constantFrom('', '-'), digits(25), fc.option(digits(25)), fc.option(fc.integer({ min: -60, max: 60 })))
  .map(([sign, whole, fraction, exponent]) => {
    const plain = `${sign}${whole.replace(/^0+(?=\d)/, '')}${fraction === null ? '' : `.${fraction}`}`;
    return exponent === null ? plain : `${plain}e${exponent}`;
  });
const small = fc
  .tuple(fc.constantFrom('', '-'), digits(6), digits(4))
  .map(([sign, whole, fraction]) => `${sign}${whole.replace(/^0+(?=\d)/, '')}.${fraction}`);
const text = fc.string({ unit: 'binary', maxLength: 20 }).filter((each) => !each.includes('\0'));
const two = (max: number, min = 0): fc.Arbitrary<string> =>
  fc.integer({ min, max }).map((each) => `${each}`.padStart(2, '0'));
const time = fc
  .tuple(
    fc.integer({ min: 1, max: 9999 }).map((year) => `${year}`.padStart(4, '0')),
    two(12, 1),
    two(28, 1),
    fc.constantFrom('T', ' '),
    fc.tuple(two(23), two(59), two(59)).map((each) => each.join(':')),
    fc.option(digits(9)),
    fc.constantFrom('', 'Z', '+01:00', '-0530', '+23:59', '-23:59', '+00:00'),
  )
  .map(([y, m, d, t, clock, f, zone]) => `${y}-${m}-${d}${t}${clock}${f === null ? '' : `.${f}`}${zone}`);
const nested = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 3 },
    fc.oneof(
      number,
      text.map((each) => JSON.stringify(each)),
      fc.constantFrom('true', 'false', 'null'),
    ),
    fc.array(tie('value') as fc.Arbitrary<string>, { maxLength: 4 }).map((each) => `[${each.join(' , ')}]`),
    fc
      .uniqueArray(fc.tuple(text, tie('value') as fc.Arbitrary<string>), { maxLength: 4, selector: ([name]) => name })
      .map((members) => `{${members.map(([name, value]) => `${JSON.stringify(name)} :${value}`).join(',\n')}}`),
  ),
})).value as fc.Arbitrary<string>;
const quoted = (each: fc.Arbitrary<string>): fc.Arbitrary<string> => each.map((value) => JSON.stringify(value));
const VALUES: Record<string, fc.Arbitrary<string>> = {
  id: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map(String),
  total: quoted(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }).map(String)),
  amount: fc.oneof(small, quoted(small)),
  ratio: number,
  share: small,
  paid: fc.constantFrom('true', 'false', '1', '0', '"TRUE"', '"False"'),
  day: fc.constant('"2026-11-20"'),
  at: fc.oneof(quoted(time), fc.integer({ min: -62_135_596_800, max: 253_402_300_799 }).map(String)),
  exact_at: quoted(time),
  ref: quoted(fc.uuid().map((each) => each.toUpperCase())),
  mail: quoted(fc.emailAddress().map((each) => ` ${each.toUpperCase()}`)),
  note: quoted(text),
  tags: fc.array(nested, { maxLength: 3 }).map((each) => `[${each.join()}]`),
  unknown: nested,
  'other one': nested,
};
const anyRow = fc
  .subarray(Object.keys(VALUES), { minLength: 0 })
  .chain((names) => fc.shuffledSubarray(names, { minLength: names.length }))
  .chain((names) =>
    fc
      .tuple(...names.map((name) => VALUES[name] as fc.Arbitrary<string>))
      .map((values) => `{${values.map((value, index) => `${JSON.stringify(names[index])}:${value}`).join(', ')}}`),
  );

(hasPython ? describe : describe.skip)('another implementation', () => {
  it('gives the same hashes', () => {
    const rows = [...fc.sample(anyRow, 3_000), ...VECTORS.vectors.flatMap((each) => each.rows)];
    const input = JSON.stringify({ model: VECTORS.model, columns: VECTORS.columns, rows });
    const { stdout, stderr, status } = spawnSync('python3', [SCRIPT], { input, maxBuffer: 2 ** 28, encoding: 'utf8' });
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    const answers = JSON.parse(stdout) as { form: string; hash: string }[];
    rows.forEach((each, index) => {
      const { form, hash: expected } = answers[index] as { form: string; hash: string };
      expect([each, form, hashOf(each)]).toEqual([each, form, expected]);
    });
  });
});

describe('any row', () => {
  it('has a form that is the same when it is read again', () => {
    fc.assert(
      fc.property(anyRow, (each) => {
        const data = dataOf(each);
        expect(dataOf(data)).toBe(data);
        expect(JSON.parse(data)).toBeDefined();
        expect(hashOf(data)).toBe(hashOf(each));
      }),
      { numRuns: 500 },
    );
  });

  it('has the same hash among other bytes', () => {
    fc.assert(
      fc.property(anyRow, (each) => {
        const bytes = Buffer.from(`"{\\${each}]}",`);
        const target = Buffer.alloc(40);
        expect(row.read(bytes, 3, bytes.length - 4)).toBeNull();
        row.hashInto(target, 4);
        expect(target.toString('hex', 4, 36)).toBe(hashOf(each));
      }),
    );
  });
});
