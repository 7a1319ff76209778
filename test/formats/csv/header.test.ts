import { type CsvHeader, type Renames, readCsvHeader } from '../../../src/formats/index.js';
import type { HeaderNames } from '../../../src/ingest/index.js';
import { compileSchema } from '../../../src/models/schema/index.js';
import { cutAt } from './read-all.js';

interface Options {
  schema?: unknown;
  delimiter?: string;
  quote?: string;
  header?: boolean;
  renames?: Renames;
  headerNames?: HeaderNames;
  ignoreHeaderCase?: boolean;
}

function read(chunks: Iterable<Uint8Array>, options: Options = {}): Promise<CsvHeader> {
  const { schema = { type: 'object' }, delimiter = ',', quote = '"', header = true, ...names } = options;
  return readCsvHeader(chunks, { ...compileSchema(schema), dialect: { delimiter, quote, header }, ...names });
}

function mismatch(detail: string | RegExp): unknown {
  const message = typeof detail === 'string' ? detail : expect.stringMatching(detail);
  return expect.objectContaining({ code: 'HEADER_MISMATCH', message });
}

const closed = { type: 'object', properties: { a: { type: 'integer' } }, required: ['a'], additionalProperties: false };

describe('a header in another case', () => {
  const schema = { id: 'Int32', Qty: 'Int32' };

  it.each<[string, object, Renames, string, string[]]>([
    ['is the model’s', schema, {}, 'ID,qTY,Note', ['id', 'Qty', 'Note']],
    ['is the model’s after it was renamed', schema, { nr: 'ID' }, 'nr,QTY', ['id', 'Qty']],
    ['is the model’s beyond ASCII', { größe: 'Int32' }, {}, 'GRÖßE', ['größe']],
    ['is not a column if two may be meant', { id: 'Int32', ID: 'Int32' }, {}, 'Id,ID,id', ['Id', 'ID', 'id']],
  ])('%s', async (_what, model, renames, line, columns) => {
    const header = await read([Buffer.from(`${line}\n`)], { schema: model, renames, ignoreHeaderCase: true });
    expect([header.columns, header.fileColumns.join()]).toEqual([columns, line]);
  });

  it('may not be there twice', async () => {
    const twice = read([Buffer.from('id,Qty,ID\n')], { schema, ignoreHeaderCase: true });
    await expect(twice).rejects.toEqual(mismatch('repeated columns: "id"'));
  });

  it('is another column unless the job says so', async () => {
    const missing = 'missing columns: "id", "Qty"; unexpected columns: "ID", "QTY"; with --ignore-header-case it fits';
    await expect(read([Buffer.from('ID,QTY\n')], { schema })).rejects.toEqual(mismatch(missing));
  });

  it('tells the delimiter that would suit it better', async () => {
    const file = [Buffer.from('ID;QTY;a,b,c,d\n')];
    await expect(read(file, { schema, ignoreHeaderCase: true })).rejects.toEqual(
      mismatch(/with --delimiter ';' it fits/),
    );
  });
});

describe('reading the header', () => {
  it.each([
    ['a,b\n1,2\n', ['a', 'b'], 1, 4],
    ['a,b\r\n1,2\n', ['a', 'b'], 1, 5],
    ['a,b\r1,2\n', ['a', 'b'], 1, 4],
    ['a,b', ['a', 'b'], 1, 3],
    ['\n\r\n\ra\n', ['a'], 4, 6],
    ['\ufeffa,b\n', ['a', 'b'], 1, 7],
    ['\ufeff\n"a","b,""\n"\n1', ['a', 'b,"\n'], 3, 16],
    [' a ,é\n', [' a ', 'é'], 1, 7],
  ])('finds the names and the data of %j, however it is cut', async (text, columns, line, byte) => {
    const file = Buffer.from(text);
    const expected = { columns, fileColumns: columns, position: { row: 0, line, byte } };
    expect(await read([file])).toEqual(expected);
    for (let cut = 0; cut <= file.length; cut++) expect(await read(cutAt(file, [cut]))).toEqual(expected);
    expect(await read(cutAt(file, [...file.keys()]))).toEqual(expected);
  });

  const fits = { schema: { id: 'Int8', qty: 'Int8' } };
  it.each<[string, string, Options, string]>([
    ['id;qty\n1;2\n', 'missing columns: "id", "qty"', fits, "with --delimiter ';' it fits"],
    ['id\tqty\n', 'missing columns: "id", "qty"', fits, 'with --delimiter tab it fits'],
    ['"id"|"qty"\n', 'the header line has a quote', fits, "with --delimiter '|' it fits"],
    ['"id";"qty"\n', 'the header line has a quote', {}, "it seems to be written for --delimiter ';'"],
    ['id,qty\n', 'missing columns: "id"', { schema: { id: 'Int8' }, delimiter: ';' }, "with --delimiter ',' it fits"],
    [
      'ID;x,y\n',
      'the file lacks columns',
      { schema: { id: 'Int8' }, renames: { ID: 'id' } },
      "with --delimiter ';' it fits",
    ],
    [
      'id;a,b\n',
      'missing columns: "id", "other"',
      { schema: { id: 'Int8', other: 'Int8' } },
      "it seems to be written for --delimiter ';'",
    ],
    ['Report 7\n\nid;qty\n1;2\n', 'missing columns', fits, "with --delimiter ';' --skip-lines 2 it fits"],
    ['sep=;\nid;qty\n1;2\n', 'missing columns', fits, "with --delimiter ';' --skip-lines 1 it fits"],
    ['# made by hand\nid,qty\n1,2\n', 'missing columns', fits, "with --comment '#' it fits"],
    ["'id','qty'\n'1','2'\n", 'missing columns', fits, `with --quote ''\\''' it fits`],
    ['ID,Qty\n', 'missing columns', fits, 'with --ignore-header-case it fits'],
    ['Id ,Q.T.Y.\n', 'missing columns', fits, "with --rename 'Id =id' --rename 'Q.T.Y.=qty' it fits"],
    [
      '1,2\n3,4\n',
      'missing columns',
      fits,
      "its first line looks like data: with --no-header its columns are the model's, in its order",
    ],
    ['1;2\n3;4\n', 'missing columns', fits, "its first line looks like data: with --delimiter ';' --no-header its"],
  ])('says of %j with which options it fits', async (text, problem, options, advice) => {
    const { message } = (await read([Buffer.from(text)], options).catch((error: unknown) => error)) as Error;
    expect(message.slice(0, problem.length)).toBe(problem);
    expect(message).toContain(`; ${advice}`);
  });

  it('says that it is in another encoding', async () => {
    const schema = { größe: 'Int8', qty: 'Int8' };
    const file = Buffer.from('größe;qty\n1;2\n', 'latin1');
    await expect(read([file], { schema })).rejects.toEqual(
      mismatch(/; with --encoding windows-1252 --delimiter ';' it fits$/),
    );
  });

  it('keeps nothing of lines that are skipped, however long they are', async () => {
    const chunk = Buffer.alloc(1_000_000, 'x');
    let peak = 0;
    const before = process.memoryUsage().arrayBuffers;
    function* chunks(): Generator<Uint8Array> {
      for (let index = 0; index < 200; index++) {
        yield chunk;
        peak = Math.max(peak, process.memoryUsage().arrayBuffers - before);
      }
      yield Buffer.from('\nid;qty\n');
    }
    const { columns, additionalColumns } = compileSchema({ id: 'Int8' });
    const dialect = { delimiter: ',', quote: '"', header: true, skipLines: 1 };
    await expect(readCsvHeader(chunks(), { columns, additionalColumns, dialect })).rejects.toEqual(mismatch(/missing/));
    expect(peak).toBeLessThan(100_000_000);
  });

  it.each<[string, Options]>([
    ['a;b,c\n', { schema: { id: 'Int8' } }],
    ['id;a,other\n', { schema: { other: 'Int8', id: 'Int8' } }],
    ['a,a\n', { headerNames: 'strict' }],
    ['id\n', { schema: { qty: 'Int8' } }],
    ['a"b\n', { quote: '"' }],
    ['a,"b\n', { quote: '"' }],
  ])('says nothing of the delimiter of %j, which no other one suits better', async (text, options) => {
    await expect(read([Buffer.from(text)], options)).rejects.toEqual(mismatch(/^(?!.*delimiter)/));
  });

  it('takes no more chunks than it needs', async () => {
    let taken = 0;
    function* chunks(): Generator<Uint8Array> {
      for (const text of ['a,', 'b\r', '\n', '1,2\n', '3,4\n']) {
        taken += 1;
        yield Buffer.from(text);
      }
    }
    await read(chunks());
    expect(taken).toBe(3);
  });

  it('takes the names from the model where the file has none', async () => {
    expect(await read([], { schema: { b: 'String', a: 'Nullable(Int8)' }, header: false })).toEqual({
      columns: ['b', 'a'],
      fileColumns: ['b', 'a'],
      position: { row: 0, line: 0, byte: 0 },
    });
    await expect(read([], { header: false })).rejects.toEqual(mismatch(/needs a model that names its columns/));
  });

  it.each([
    ['nothing', '', 'the file has no header line'],
    ['a BOM alone', '\ufeff', 'the file has no header line'],
    ['blank lines', '\n\r\n\r', 'the file has no header line'],
    ['a stray quote', 'a,b"\n1,2\n', /quote in the middle/],
    ['an open quote', 'a,"b\n1,2\n', /never closed/],
    ['empty names', 'a,,"",d\n', 'columns without a name at position 2, 3'],
    ['a comma at the end', 'a,\n', 'columns without a name at position 2'],
    ['repeated names', 'a,b,a,"b",a\n', 'repeated columns: "a", "b"'],
    ['long names', `${'x'.repeat(256)},${'é'.repeat(129)}\n`, `names longer than 256 bytes: "${'é'.repeat(63)}…"`],
    ['over 1,000,000 bytes', 'x'.repeat(1_000_001), /larger than 1,000,000 bytes/],
    ['over 1,000,000 quoted bytes', `"${'x'.repeat(1_000_001)}`, /never closed/],
    ['10,001 names', Array.from({ length: 10_001 }, (_, index) => index).join(), /10001 columns, more than 10000/],
    ['many problems', `,${'a,'.repeat(30)}\n`, 'columns without a name at position 1, 32; repeated columns: "a"'],
  ])('refuses a header of %s', async (_name, file, detail) => {
    await expect(read([Buffer.from(file)], { headerNames: 'strict' })).rejects.toEqual(mismatch(detail));
  });

  it.each([
    ['columns without a name are called by their number', ',a,"",\n', ['column_1', 'a', 'column_3', 'column_4']],
    ['repeated names are numbered', 'a,b,a,"b",a\n', ['a', 'b', 'a_2', 'b_2', 'a_3']],
    [
      'no name is made that the file has',
      'a,a,a_2,a,,column_5,\n',
      ['a', 'a_3', 'a_2', 'a_4', 'column_5_2', 'column_5', 'column_7'],
    ],
    ['names are compared byte for byte', 'a,A, a\n', ['a', 'A', ' a']],
    [
      'many repeated names',
      `${'a,'.repeat(9_999)}a\n`,
      Array.from({ length: 10_000 }, (_, at) => (at === 0 ? 'a' : `a_${at + 1}`)),
    ],
  ])('%s', async (_name, file, names) => {
    expect(await read([Buffer.from(file)])).toMatchObject({ columns: names, fileColumns: names });
  });

  it('finds and renames columns by the names that were made', async () => {
    const schema = { id: 'Int8', name_2: 'String' };
    const { columns, fileColumns } = await read([Buffer.from(',name,name\n')], { schema, renames: { column_1: 'id' } });
    expect(columns).toEqual(['id', 'name', 'name_2']);
    expect(fileColumns).toEqual(['column_1', 'name', 'name_2']);
    await expect(read([Buffer.from('a,\n')], { schema: closed })).rejects.toEqual(
      mismatch(/unexpected columns: "column_2"/),
    );
  });

  it('refuses a header that is not UTF-8', async () => {
    await expect(read([Buffer.from('a,\xff\n', 'latin1')])).rejects.toEqual(mismatch(/not valid text/));
  });

  it('does not read on when the header is broken already', async () => {
    let taken = 0;
    function* chunks(): Generator<Uint8Array> {
      for (yield Buffer.from('a"'); ; taken++) yield Buffer.alloc(1 << 16, 'x');
    }
    await expect(read(chunks())).rejects.toEqual(mismatch(/quote in the middle/));
    expect(taken).toBe(0);
  });

  it.each([
    [{ delimiter: '' }, 'delimiter'],
    [{ delimiter: 'é' }, 'delimiter'],
    [{ delimiter: '||' }, 'delimiter'],
    [{ delimiter: '\n' }, 'delimiter'],
    [{ quote: '\r' }, 'quote'],
    [{ quote: '' }, 'quote'],
    [{ quote: '\0' }, 'quote'],
    [{ delimiter: '"' }, 'quote: must differ from the delimiter'],
  ])('refuses the dialect %j', async (dialect, word) => {
    await expect(read([Buffer.from('a\n')], dialect)).rejects.toMatchObject({
      code: 'INVALID_OPTION',
      message: expect.stringContaining(word),
    });
  });
});

describe('renaming columns', () => {
  const schema = { id: 'Int32', qty: 'Int32' };

  it.each<[string, Renames, string, string[]]>([
    [
      'finds the model by the new names',
      { 'Order ID': 'id', 'a,b=c': 'qty' },
      'Order ID,"a,b=c",note',
      ['id', 'qty', 'note'],
    ],
    ['exchanges two', { id: 'qty', qty: 'id' }, 'id,qty', ['qty', 'id']],
    ['names columns that the model does not know', { x: 'y' }, 'id,qty,x', ['id', 'qty', 'y']],
    ['takes names that every object has', JSON.parse('{"__proto__":"id"}') as Renames, '__proto__,qty', ['id', 'qty']],
  ])('%s, and keeps those of the file', async (_what, renames, line, columns) => {
    const header = await read([Buffer.from(`${line}\n`)], { schema, renames });
    expect(header.columns).toEqual(columns);
    expect(header.fileColumns.map((name) => (name.includes(',') ? `"${name}"` : name)).join()).toBe(line);
  });

  it.each<[string, Renames, string, string]>([
    ['are not in the file', { ID: 'id', Qty: 'qty' }, 'ID,qty', 'the file lacks columns that the job renames: "Qty"'],
    ['the file has already', { a: 'id' }, 'a,id,qty', 'repeated columns: "id"'],
    ['the model needs', { id: 'a' }, 'id,qty', 'missing columns: "id"; unexpected columns: "a"'],
  ])('refuses names that %s', async (_what, renames, line, detail) => {
    await expect(read([Buffer.from(`${line}\n`)], { schema, renames })).rejects.toEqual(mismatch(detail));
  });

  it('to a name that the model does not take is refused', async () => {
    await expect(read([Buffer.from('a,x\n')], { schema: closed, renames: { x: 'y' } })).rejects.toEqual(
      mismatch('unexpected columns: "y"'),
    );
  });
});

describe('matching the header with the model', () => {
  const schema = { id: 'Int32', qty: 'Int32', note: 'Nullable(String)' };

  it.each([
    ['another order', 'qty,note,id\n'],
    ['more columns', 'x,id,y,qty,note\n'],
    ['no column that may be null', 'id,qty\n'],
  ])('takes %s', async (_name, file) => {
    expect((await read([Buffer.from(file)], { schema })).columns).toEqual(file.trim().split(','));
  });

  it.each([
    ['a missing column', 'id,note\n', 'missing columns: "qty"'],
    [
      'names in another case',
      'ID,qty\n',
      'missing columns: "id"; unexpected columns: "ID"; with --ignore-header-case it fits',
    ],
    [
      'names with spaces',
      'id, qty\n',
      `missing columns: "qty"; unexpected columns: " qty"; with --rename ' qty=qty' it fits`,
    ],
    [
      'another delimiter',
      'id;qty;note\n',
      `missing columns: "id", "qty"; unexpected columns: "id;qty;note"; with --delimiter ';' it fits`,
    ],
  ])('refuses %s', async (_name, file, detail) => {
    await expect(read([Buffer.from(file)], { schema })).rejects.toEqual(mismatch(detail));
  });

  it('refuses unexpected columns where the model takes no others', async () => {
    expect((await read([Buffer.from('a\n')], { schema: closed })).columns).toEqual(['a']);
    await expect(read([Buffer.from('a,z\n')], { schema: closed })).rejects.toEqual(mismatch('unexpected columns: "z"'));
  });

  it('lists 20 names at most', async () => {
    const names = Array.from({ length: 25 }, (_, index) => `c${index}`);
    const wide = Object.fromEntries(names.map((name) => [name, 'String']));
    const listed = names.slice(0, 20).map((name) => `"${name}"`);
    await expect(read([Buffer.from('x\n')], { schema: wide })).rejects.toEqual(
      mismatch(`missing columns: ${listed.join(', ')} and 5 more; unexpected columns: "x"`),
    );
  });

  it('knows columns by names that objects have already', async () => {
    const file = Buffer.from('constructor,__proto__,toString\n');
    const odd = { constructor: 'String', toString: 'Int8' };
    expect((await read([file], { schema: odd })).columns).toEqual(['constructor', '__proto__', 'toString']);
    await expect(read([Buffer.from('valueOf\n')], { schema: odd })).rejects.toEqual(
      mismatch('missing columns: "constructor", "toString"; unexpected columns: "valueOf"'),
    );
  });
});
