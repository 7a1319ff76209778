import { createJsonArrayReader, createNdjsonReader, type JsonReaderOptions } from '../../../src/formats/index.js';
import { compileSchema } from '../../../src/models/schema/index.js';
import { type Decision, readFrom } from '../csv/read-all.js';

const ANY = compileSchema({ type: 'object' });
const GOOD = '{"id":9}';

/** The decisions on the file, which are the same however it is cut and wherever a reader takes it up. */
function decide(
  create: (options: JsonReaderOptions) => ReturnType<typeof createNdjsonReader>,
  text: string,
): Decision[] {
  const file = Buffer.from(text);
  const { decisions } = readFrom(create(ANY), file);
  const everywhere = Array.from(file, (_, index) => index);
  const bytewise = readFrom(create(ANY), file, everywhere);
  expect(bytewise.decisions).toEqual(decisions);
  for (const { position, decided } of bytewise.positions) {
    expect(readFrom(create({ ...ANY, position: { ...position } }), file).decisions).toEqual(decisions.slice(decided));
  }
  return decisions;
}

function elements(...parts: string[]): Decision[] {
  return decide(createJsonArrayReader, `[${parts.join(',')}]`);
}

function rejected(raw: string, message: string | RegExp = ''): unknown {
  const error = { error: 'MALFORMED_JSON', message: expect.stringMatching(message) };
  return { rejected: { errors: [error] }, raw };
}

describe('an element of a JSON array with what is not JSON', () => {
  it.each([
    'x{"a":1}',
    'x {"a":1,"b":[2,3]}',
    'undefined {"a":1}',
    '[1,2]{"a":1}',
    '[1,2] {"a":1}',
    '1 {"a":1}',
    '"x"{"a":1}',
    'null{"a":1}',
    '"a":1} {"a":1}',
    '} {"a":1}',
    '{"a":1} x {"a":2}',
    '{"a":tru} x {"a":2}',
    'x{"a":1} {"a":2}',
    '{"a":1} : {"a":2}',
  ])('is one rejected row up to its comma: %s', (junk) => {
    expect(elements(GOOD, junk, GOOD)).toMatchObject([{ accepted: GOOD }, rejected(junk), { accepted: GOOD }]);
    expect(elements(junk)).toMatchObject([rejected(junk)]);
  });

  it('ends where the next object begins if nothing but a comma is missing before that', () => {
    expect(elements('{"a":1} {"a":2}', '{"b":tru}\n{"a":3}')).toMatchObject([
      rejected('{"a":1}', /neither a comma/),
      { accepted: '{"a":2}' },
      rejected('{"b":tru}'),
      { accepted: '{"a":3}' },
    ]);
  });
});

describe('comments in a JSON array', () => {
  it.each([
    '/* {"id":2}, */',
    '/* {"id":2}, {"id":3}, */{"id":4}',
    '/* {"id":2}, ] } " */',
    '// {"id":2}, {"id":3}\n',
    '// it\'s "\n{"id":4}',
    '{"id":2} // {"id":3}, {"id":4}\n',
    '{"id":2} /* {"id":3}, {"id":4} */',
    '{"id":2} /* {"id":3} */ {"id":4}',
    '{"id":2} // one\n {"id":3}',
    '{"id":2, // {"id":3}, {"id":4}\n"a":1}',
    '{"id":2 /**/, "a":/***/1}',
    '/*/ {"id":2}, */',
  ])('are not JSON, nor is anything in them a row: %j', (junk) => {
    const row = rejected(junk.trimEnd(), /JSON has no comments/);
    expect(elements(GOOD, junk, GOOD)).toMatchObject([{ accepted: GOOD }, row, { accepted: GOOD }]);
    expect(elements(junk)).toMatchObject([row]);
  });

  it('go on to the end of the file if they are not closed', () => {
    for (const comment of ['/* ', '// ']) {
      const decisions = elements(GOOD, `${comment}{"id":2}`, '{"id":3}');
      expect(decisions).toMatchObject([{ accepted: GOOD }, rejected(`${comment}{"id":2},{"id":3}]`)]);
    }
  });

  it('may be larger than what is held of an element', () => {
    const inner = '{"id":2},\\"'.repeat(200_000);
    for (const comment of [`/*${inner}*/`, `//${inner}\n`]) {
      const file = Buffer.from(`[${GOOD},${comment},${GOOD}]`);
      for (const cuts of [[], Array.from({ length: 40 }, (_, index) => index * 65_521)]) {
        expect(readFrom(createJsonArrayReader(ANY), file, cuts).decisions).toMatchObject([
          { accepted: GOOD },
          rejected(comment.slice(0, 65_536), /JSON has no comments/),
          { accepted: GOOD },
        ]);
      }
    }
  });

  it('are told where they stand around the array, too', () => {
    expect(decide(createJsonArrayReader, '// made by x\n[{"id":1}]')).toMatchObject([
      rejected('// made by x\n[{"id":1}]', /JSON has no comments/),
    ]);
    expect(decide(createJsonArrayReader, '[{"id":1}] // {"id":2}')).toMatchObject([
      { accepted: '{"id":1}' },
      rejected('// {"id":2}', /JSON has no comments/),
    ]);
  });

  it('do not begin in an address without quotes', () => {
    const junk = '{"url": http://example.test/a}';
    expect(elements(GOOD, junk, GOOD)).toMatchObject([{ accepted: GOOD }, rejected(junk), { accepted: GOOD }]);
  });
});

describe('a line of NDJSON', () => {
  it.each([
    ['x{"a":1}', /a value is missing/],
    ['[1,2]{"a":1}', /something stands behind the object/],
    ['{"a":1} {"a":2}', /something stands behind the object/],
    ['// {"a":1}', /JSON has no comments/],
    ['/* {"a":1} */', /JSON has no comments/],
    ['{"a":1} // one', /JSON has no comments/],
    ['{"a":1 /* one */}', /JSON has no comments/],
  ])('is one rejected row: %s', (line, message) => {
    expect(decide(createNdjsonReader, `${GOOD}\n${line}\n${GOOD}`)).toMatchObject([
      { accepted: GOOD },
      rejected(line, message),
      { accepted: GOOD },
    ]);
  });
});
