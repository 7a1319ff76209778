import fc from 'fast-check';
import type { Column } from '../../src/models/schema/index.js';
import { ABSENT, FALSE, JsonFields, NESTED, NULL, NUMBER, STRING, TRUE } from '../../src/sinks/json-fields.js';
import { column } from './sample.js';

/** Every name is a column's in some rows of some examples, and a stranger's in others. */
const NAMES = ['id', 'i', 'idd', 'Größe', '', 'a"b', 'a\\', 'a\\nb', 'a\nb', '{', 'x,y', 'c:d', '😀', '\u0000'];

const blank = fc.constantFrom('', '', '', ' ', '\n', '\r\n\t ');

/** A string as JSON, each of its characters as itself or as an escape. */
function spelled(text: string, choices: readonly boolean[]): string {
  const units = Array.from({ length: text.length }, (_, at) => {
    const unit = text.charCodeAt(at);
    const isEscaped = choices[at % choices.length] || (unit >= 0xd800 && unit < 0xe000);
    return isEscaped ? `\\u${unit.toString(16).padStart(4, '0')}` : JSON.stringify(text.charAt(at)).slice(1, -1);
  });
  return `"${units.join('')}"`;
}

const choices = fc.oneof(fc.constant([false]), fc.array(fc.boolean(), { minLength: 1, maxLength: 8 }));
const string = fc
  .tuple(
    fc.oneof(fc.string({ unit: 'grapheme', maxLength: 12 }), fc.constantFrom(...NAMES, '\\"', '"]}', '\ud800')),
    choices,
  )
  .map(([text, which]) => spelled(text, which));
const number = fc.constantFrom('0', '-0', '1.50', '9007199254740993', '0.10000000000000000001', '1e5', '-1.5E+300');

/** JSON texts of any values, with blanks where they may stand. */
const { value } = fc.letrec<{ value: string; array: string; object: string }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    string,
    number,
    fc.constantFrom('true', 'false', 'null'),
    tie('array'),
    tie('object'),
  ),
  array: fc
    .tuple(
      fc.array(
        fc.tuple(blank, tie('value'), blank).map((parts) => parts.join('')),
        { maxLength: 4 },
      ),
      blank,
    )
    .map(([items, around]) => `[${items.length === 0 ? around : items.join(',')}]`),
  object: fc
    .tuple(fc.array(fc.tuple(blank, string, blank, blank, tie('value'), blank), { maxLength: 4 }), blank)
    .map(([members, around]) => {
      const texts = members.map(([before, name, behind, ...rest]) => `${before}${name}${behind}:${rest.join('')}`);
      return `{${texts.length === 0 ? around : texts.join(',')}}`;
    }),
}));

interface Row {
  text: string;
  members: { name: string; value: string }[];
}

const row: fc.Arbitrary<Row> = fc
  .tuple(
    fc.uniqueArray(
      fc.record({ name: fc.constantFrom(...NAMES), choices, value, blanks: fc.tuple(blank, blank, blank, blank) }),
      { selector: ({ name }) => name, maxLength: NAMES.length },
    ),
    blank,
    blank,
  )
  .map(([members, inside, before]) => {
    const texts = members.map(
      ({ name, choices: which, value: text, blanks: [a, b, c, d] }) =>
        `${a}${spelled(name, which)}${b}:${c}${text}${d}`,
    );
    return { text: `${before}{${texts.length === 0 ? inside : texts.join(',')}}`, members };
  });

function kindOf(text: string): number {
  const parsed: unknown = JSON.parse(text);
  if (parsed === null) return NULL;
  if (typeof parsed === 'boolean') return parsed ? TRUE : FALSE;
  return typeof parsed === 'number' ? NUMBER : typeof parsed === 'string' ? STRING : NESTED;
}

/** What is found in a row that lies between others. */
function read(fields: JsonFields, columns: readonly Column[], text: string) {
  const [before, bytes] = [Buffer.from('{"id":"the row before"}'), Buffer.from(text)];
  const all = Buffer.concat([before, bytes, Buffer.from(',"id":"behind"}')]);
  fields.read(all, before.length, before.length + bytes.length);
  return {
    columns: columns.map(({ name }, index) => {
      const kind = fields.kinds[index];
      if (kind === ABSENT) return { name, kind };
      const string = kind === STRING ? { string: fields.textOf(index) } : {};
      return { name, kind, value: fields.jsonOf(index), ...string };
    }),
    extras: fields.extras.map(({ name, kind, start, end }) => {
      const quotes = kind === STRING ? 1 : 0;
      return { name, kind, value: all.toString('utf8', start - quotes, end + quotes) };
    }),
  };
}

describe('the fields of a JSON object', () => {
  it('are those that JSON.parse finds, each with its own text, whatever the rows before were like', () => {
    fc.assert(
      fc.property(fc.subarray(NAMES), fc.array(row, { minLength: 1, maxLength: 5 }), (known, rows) => {
        const columns = known.map((name) => column(name, 'String'));
        const fields = new JsonFields(columns);
        // The second time round the order of the members is known.
        for (const { text: source, members } of [...rows, ...rows]) {
          expect(Object.keys(JSON.parse(source) as object).sort()).toEqual(members.map(({ name }) => name).sort());
          const found = read(fields, columns, source);
          expect(found.columns).toEqual(
            known.map((name) => {
              const member = members.find((each) => each.name === name);
              if (member === undefined) return { name, kind: ABSENT };
              const kind = kindOf(member.value);
              const string = kind === STRING ? { string: JSON.parse(member.value) as string } : {};
              return { name, kind, value: member.value, ...string };
            }),
          );
          const strangers = members.filter(({ name }) => !known.includes(name));
          expect(found.extras).toEqual(
            strangers.map(({ name, value: text }) => ({ name, kind: kindOf(text), value: text })),
          );
        }
      }),
      { numRuns: 1000 },
    );
  });

  it('keep a name with an escape apart from one that is spelled like it', () => {
    const columns = [column('a\\nb', 'String'), column('a\nb', 'String')];
    const fields = new JsonFields(columns);
    for (let time = 0; time < 2; time++) {
      const { columns: found } = read(fields, columns, '{"a\\\\nb":1,"a\\nb":2}');
      expect(found.map((each) => ('value' in each ? each.value : null))).toEqual(['1', '2']);
    }
  });

  it.each([
    '',
    ' ',
    '[]',
    '1',
    '{',
    '{"id"',
    '{"id":',
    '{"id":1',
    '{"id":"1',
    '{"id":[1,2',
    '{id:1}',
    '{"id" 1}',
    '{"id":,}',
    '{"id":1 "x":2}',
  ])('are refused in %j, which no reader has written', (text) => {
    const bytes = Buffer.from(text);
    const fields = new JsonFields([column('id', 'String')]);
    expect(() => fields.read(bytes, 0, bytes.length)).toThrow('a row in the topic is not a JSON object');
  });
});
