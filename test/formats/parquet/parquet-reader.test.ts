import { readdirSync, readFileSync } from 'node:fs';
import { ANY_COLUMNS, fixture, readBytes, readFile } from './read-file.js';

const WHOLE = readdirSync(fixture(''))
  .filter((name) => name.endsWith('.jsonl'))
  .map((name) => name.slice(0, -'.jsonl'.length));

function expectedRows(name: string): string[] {
  return readFileSync(fixture(`${name}.jsonl`), 'utf8')
    .split('\n')
    .slice(0, -1);
}

describe('the rows of a Parquet file', () => {
  it.each(WHOLE)('are what was written into it: %s', async (name) => {
    const { accepted, rejected } = await readFile(fixture(`${name}.parquet`), ANY_COLUMNS);
    expect(rejected).toEqual([]);
    expect(accepted).toEqual(expectedRows(name));
    for (const row of accepted) JSON.parse(row);
  });

  it.each(WHOLE)('are the same if they are unpacked a few at a time: %s', async (name) => {
    // What the decoder may use is settled by the first file that it reads.
    await readFile(fixture('empty.parquet'), ANY_COLUMNS);
    const { accepted } = await readFile(fixture(`${name}.parquet`), ANY_COLUMNS, undefined, { maxBytes: 512 * 1024 });
    expect(accepted).toEqual(expectedRows(name));
  });

  it('are none in a file without row groups', async () => {
    const { accepted, columns, steps } = await readFile(fixture('no-row-groups.parquet'), { id: 'Int64' });
    expect([accepted, columns]).toEqual([[], ['id', 'name', 'price', 'note', 'tags']]);
    expect(steps.at(-1)?.position.byte).toBe(readFileSync(fixture('no-row-groups.parquet')).length);
  });

  it('go on from wherever a reader stood', async () => {
    const path = fixture('row-groups.parquet');
    const rows = expectedRows('row-groups');
    const { steps } = await readFile(path, ANY_COLUMNS);
    expect(steps.map(({ position, decided }) => position.row - decided)).toEqual(steps.map(() => 0));
    const bytes = steps.map(({ position }) => position.byte);
    expect(bytes).toEqual(bytes.toSorted((a, b) => a - b));
    for (const row of [0, 1, 299, 300, 301, 1999, 2000]) {
      const { accepted } = await readFile(path, ANY_COLUMNS, { row, line: 0, byte: 0 });
      expect(accepted).toEqual(rows.slice(row));
    }
  });
});

describe('the columns of a Parquet file and of a model', () => {
  it('that differ are all named before a row is read', async () => {
    const model = {
      type: 'object',
      properties: { id: { type: 'boolean' }, missing: { type: 'string' }, tags: { type: 'integer' } },
      required: ['missing'],
      additionalProperties: false,
    };
    await expect(readFile(fixture('row-groups.parquet'), model)).rejects.toMatchObject({
      code: 'HEADER_MISMATCH',
      message:
        'missing columns: "missing"; unexpected columns: "name", "price", "note"; ' +
        'columns of another type: "id" is INT64, not Bool, "tags" is LIST, not Int64',
    });
  });

  it('may have other names', async () => {
    const renames = { name: 'price', price: 'name "x"' };
    const model = { id: 'Int64', price: 'Nullable(String)' };
    const { accepted, columns } = await readFile(fixture('row-groups.parquet'), model, undefined, { renames });
    expect(columns).toEqual(['id', 'name', 'price', 'note', 'tags']);
    const renamed = (row: string): string => row.replace('"price":', '"name \\"x\\"":').replace('"name":', '"price":');
    expect(accepted).toEqual(expectedRows('row-groups').map(renamed));
    await expect(
      readFile(fixture('row-groups.parquet'), model, undefined, { renames: { ...renames, Qty: 'qty' } }),
    ).rejects.toMatchObject({
      code: 'HEADER_MISMATCH',
      message: 'the file lacks columns that the job renames: "Qty"',
    });
  });

  it('decide row by row where not every value of the one is a value of the other', async () => {
    const model = {
      type: 'object',
      properties: {
        id: { type: 'integer', maximum: 4 },
        ratio: { type: 'number' },
        day: { type: 'string', format: 'date' },
        at: { type: 'string', format: 'date-time' },
        code: { type: 'string', pattern: '^[A-Z]+$' },
      },
      required: ['id', 'ratio', 'code'],
    };
    const { accepted, rejected } = await readFile(fixture('rejects.parquet'), model);
    expect(accepted).toEqual([
      '{"id":1,"ratio":0.5,"day":"2024-02-29","at":"1970-01-01T00:00:01.000000","code":"AB","qty":1,"extra":[1]}',
    ]);
    expect(
      rejected.map(({ row, errors }) => [row, errors.map(({ column, error, observed }) => [column, error, observed])]),
    ).toEqual([
      [
        2,
        [
          ['id', 'OUT_OF_RANGE', '2147483648'],
          ['day', 'INVALID_DATE', '2023-02-29'],
          ['code', 'PATTERN_MISMATCH', 'ab'],
          ['extra[0]', 'NOT_A_NUMBER', 'NaN'],
        ],
      ],
      [
        3,
        [
          ['id', 'NULL_VALUE', 'null'],
          ['ratio', 'NOT_A_NUMBER', 'NaN'],
        ],
      ],
      [4, [['ratio', 'NOT_A_NUMBER', 'Infinity']]],
      [
        5,
        [
          ['id', 'OUT_OF_RANGE', '5'],
          ['day', 'INVALID_DATE', 'soon'],
          ['code', 'PATTERN_MISMATCH', ''],
        ],
      ],
      [
        6,
        [
          ['id', 'OUT_OF_RANGE', '6'],
          ['at', 'INVALID_DATETIME', '+010000-01-01T00:00:00.000000'],
        ],
      ],
    ]);
    expect(rejected[1]?.raw).toBe(
      '{"id":null,"ratio":"NaN","day":"2024-01-01","at":"1970-01-01T00:00:01.000001","code":"CD","qty":3,"extra":null}',
    );
  });

  it('of other sizes are checked by range, and doubles that are whole are integers', async () => {
    const model = {
      id: 'Nullable(Int32)',
      qty: 'Nullable(Int8)',
      at: 'DateTime64(3)',
      ratio: 'Nullable(Float32)',
      code: 'String',
    };
    const { accepted, rejected } = await readFile(fixture('rejects.parquet'), model);
    expect(accepted).toEqual([
      '{"id":1,"ratio":0.5,"day":"2024-02-29","at":"1970-01-01T00:00:01.000","code":"AB","qty":1,"extra":[1]}',
    ]);
    expect(
      rejected.map(({ errors }) => errors.map(({ column, error, observed }) => [column, error, observed])),
    ).toEqual([
      [
        ['id', 'OUT_OF_RANGE', '2147483648'],
        ['qty', 'NOT_AN_INTEGER', '2.5'],
        ['extra[0]', 'NOT_A_NUMBER', 'NaN'],
      ],
      [
        ['ratio', 'NOT_A_NUMBER', 'NaN'],
        ['at', 'INVALID_DATETIME', '1970-01-01T00:00:01.000001'],
      ],
      [['ratio', 'NOT_A_NUMBER', 'Infinity']],
      [['qty', 'OUT_OF_RANGE', '300']],
      [['at', 'INVALID_DATETIME', '+010000-01-01T00:00:00.000000']],
    ]);
  });

  it.each<[string, object]>([
    ['unknown', ANY_COLUMNS],
    [
      'texts and decimals of those digits',
      {
        type: 'object',
        properties: {
          ms: { type: 'string' },
          us: { type: 'string', minLength: 1 },
          ns: { type: 'array', items: { type: 'string' } },
        },
      },
    ],
  ])('reject a TIME that no day has, where the model has it as %s', async (_what, model) => {
    const { accepted, rejected } = await readFile(fixture('out-of-range.parquet'), model);
    expect(accepted).toEqual([
      '{"ms":"00:00:00.000","us":"00:00:00.000000","ns":["00:00:00.000000000"],"price":999.99}',
      '{"ms":"23:59:59.999","us":"23:59:59.999999","ns":["23:59:59.999999999"],"price":-999.99}',
    ]);
    const wrong = rejected.map(({ row, errors }) => [
      row,
      ...errors.map(({ column, error, observed }) => `${column} ${error} ${observed}`),
    ]);
    const each = (ms: string, us: string, ns: string): string[] => [
      `ms OUT_OF_RANGE ${ms}`,
      `us OUT_OF_RANGE ${us}`,
      `ns[0] OUT_OF_RANGE ${ns}`,
    ];
    expect(wrong).toEqual([
      [3, ...each('-1', '-1', '-1')],
      [4, ...each('86400000', '86400000000', '86400000000000')],
      [5, ...each('2147483647', '9223372036854775807', '9223372036854775807')],
      [6, ...each('-2147483648', '-9223372036854775808', '-9223372036854775808')],
    ]);
    expect(rejected[0]?.errors[1]?.message).toBe(
      "column 'us': '-1' is out of range for TIME(MICROS) (0 to 86399999999)",
    );
    expect(rejected[0]?.raw).toBe('{"ms":"-1","us":"-1","ns":["-1"],"price":1000.00}');
  });

  it('reject decimals with more digits than the file says, unless the model has them', async () => {
    const prices = async (price: string): Promise<string[]> => {
      const { accepted, rejected } = await readFile(fixture('out-of-range.parquet'), { price });
      const errors = rejected.flatMap(({ row, errors: found }) =>
        found.flatMap(({ column, error, observed }) => (column === 'price' ? [`${row} ${error} ${observed}`] : [])),
      );
      return [...accepted.map((row) => row.slice(row.indexOf('price'))), ...errors];
    };
    const whole = ['price":999.99}', 'price":-999.99}'];
    const large = '5 OUT_OF_RANGE 41943.04';
    expect(await prices('Decimal(5,2)')).toEqual([
      ...whole,
      '3 OUT_OF_RANGE 1000.00',
      '4 OUT_OF_RANGE -1000.00',
      large,
    ]);
    expect(await prices('Decimal(6,2)')).toEqual([...whole, large]);
  });

  it.each<[string, object, object]>([
    ['unknown', ANY_COLUMNS, {}],
    [
      'texts, normalized or not',
      {
        type: 'object',
        properties: {
          text: { type: ['string', 'null'], pattern: '' },
          packed: { type: ['string', 'null'] },
          list: { type: 'array', items: { type: 'string' } },
          map: { type: 'object', properties: { k: { type: 'string' } } },
          number: { type: 'integer' },
        },
      },
      { normalize: { packed: ['trim', 'uppercase'] } },
    ],
  ])(
    'reject strings that are not UTF-8 and nothing else, where the model has them as %s',
    async (_what, model, options) => {
      const { accepted, rejected } = await readFile(fixture('no-utf8.parquet'), model, undefined, options);
      expect(accepted.map((row) => JSON.parse(row) as { id: number; text: string })).toMatchObject([
        { id: 0, text: 'a', common: 'a', list: ['é'], map: { k: 'é' }, json: 'é' },
        { id: 2, text: 'é', common: 'é', list: ['é'], map: { k: 'é' }, json: 'é' },
        { id: 5, text: null, common: null, list: ['é'], map: { k: 'é' }, json: 'é' },
      ]);
      const texts = ['text', 'packed', 'common'];
      expect(rejected.map(({ row, errors }) => [row, errors.map(({ column }) => column)])).toEqual([
        [2, texts],
        [4, texts],
        [5, texts],
        [7, [...texts, 'list[0]', 'map.k', 'json']],
        [8, [...texts, 'number']],
        [9, ['map']],
      ]);
      for (const { errors } of rejected) {
        for (const { error } of errors) expect(error).toBe('INVALID_ENCODING');
      }
      expect(rejected[0]?.errors[0]?.message).toBe("column 'text': '\ufffd' is not valid UTF-8");
    },
  );

  it('take texts as CSV takes them, and write them by the model', async () => {
    const { accepted } = await readFile(fixture('typed-texts.parquet'), {
      whole: 'Int64',
      ratio: 'Float64',
      exact: 'Decimal(10,2)',
      flag: 'Bool',
      day: 'Date',
      at: 'DateTime',
      key: 'UUID',
    });
    expect(accepted).toEqual([
      '{"whole":7,"ratio":0.5,"exact":7.50,"flag":true,"day":"2024-02-29","at":1700000000,"key":"12345678-9abc-def0-1234-56789abcdef0"}',
    ]);
  });
});

describe('a Parquet file that is damaged', () => {
  const whole = readFileSync(fixture('codec-snappy.parquet'));
  const lie = (length: number): Buffer => {
    const bytes = Buffer.from(whole);
    bytes.writeUInt32LE(length, bytes.length - 8);
    return bytes;
  };

  it.each<[string, Buffer, RegExp]>([
    ['of its magic alone', Buffer.from('PAR1'), /no footer/],
    ['cut off', whole.subarray(0, -1000), /no footer/],
    [
      'with an encrypted footer',
      Buffer.concat([whole.subarray(0, -4), Buffer.from('PARE')]),
      /is encrypted, which is not supported: write it without/,
    ],
    ['whose footer claims too much', lie(0xffff_ffff), /more bytes than the file has/],
    ['whose footer claims too little', lie(10), /footer cannot be read|cannot be unpacked/],
    ['whose footer is empty', lie(0), /footer cannot be read/],
  ])('%s is refused as corrupt', async (_what, bytes, message) => {
    await expect(readBytes(bytes, ANY_COLUMNS)).rejects.toMatchObject({
      code: 'FILE_CORRUPT',
      message: expect.stringMatching(message),
    });
  });
});
