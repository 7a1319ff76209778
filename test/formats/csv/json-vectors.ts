import type { Normalizations, Renames } from '../../../src/formats/index.js';
import { asBytes } from './read-all.js';
import { broken, type CsvVector, wrong } from './vectors.js';

/** Rows as JSON objects. */
export const JSON_VECTORS: readonly CsvVector[] = [
  {
    name: 'values by their types, under their names and in the order of the file',
    file: 'flag,n,x,price,at,day,id,s,more\nTRUE,+007,1.,-01.50,1672531200,2023-01-31,A,"say ""hi""",\\\n',
    schema: {
      s: 'String',
      day: 'Date',
      at: 'DateTime',
      price: 'Decimal(9,2)',
      x: 'Float64',
      n: 'UInt64',
      flag: 'Bool',
      missing: 'Nullable(Int8)',
    },
    expected: [
      '{"flag":true,"n":7,"x":1.0,"price":-1.50,"at":1672531200,"day":"2023-01-31","id":"A","s":"say \\"hi\\"","more":"\\\\"}',
    ],
  },
  {
    name: 'values under the names that the model has for them',
    file: '"Order ID",q,x\n1,2,\n',
    renames: { 'Order ID': 'id', q: 'q"ty', x: 'note' } as Renames,
    schema: { 'q"ty': 'Int32', id: 'Int32', note: 'Nullable(Bool)' },
    expected: ['{"id":1,"q\\"ty":2,"note":null}'],
  },
  {
    name: 'values under the names that the model has in another case',
    file: 'ID,NOTE,More\n1,x,y\n',
    ignoreHeaderCase: true,
    schema: { note: 'String', id: 'Int32' },
    expected: ['{"id":1,"note":"x","More":"y"}'],
  },
  {
    name: 'values that are normalized before they are checked, under their new names',
    file: 'Mail,day,n,x\n A@B.c ,1.2.2024, 7,"  y "\nab,01/02/2024,7,\n" ",20240230,NULL ,   \n',
    renames: { Mail: 'mail' } as Renames,
    normalize: {
      mail: ['trim', 'lowercase'],
      day: ['iso_date'],
      n: ['trim'],
      x: ['trim', 'uppercase'],
    } as Normalizations,
    nullValues: ['NULL'],
    schema: {
      type: 'object',
      properties: {
        mail: { type: 'string', format: 'email' },
        day: { type: 'string', format: 'date' },
        n: { type: 'integer' },
      },
      required: ['mail', 'day'],
    },
    expected: [
      '{"mail":"a@b.c","day":"2024-02-01","n":7,"x":"Y"}',
      wrong(2, 3, 40, 'ab,01/02/2024,7,', 'mail NOT_AN_EMAIL', 'day INVALID_DATE'),
      wrong(3, 4, 57, '" ",20240230,NULL ,   ', 'mail NOT_AN_EMAIL', 'day INVALID_DATE'),
    ],
  },
  {
    name: 'null by what a value is normalized to',
    file: 'a,b,c,d\n  ," ",NULL , \n',
    normalize: { a: ['trim'], b: ['trim'], c: ['trim'], d: ['trim'] } as Normalizations,
    nullValues: ['NULL'],
    schema: { a: 'Nullable(String)', b: 'Nullable(String)', c: 'Nullable(Int8)', d: 'String' },
    expected: ['{"a":null,"b":"","c":null,"d":""}'],
  },
  {
    name: 'null if a field is empty, but not in a required String',
    file: 'a,b,c,d\n,,,\n"",x,"",""\n',
    schema: { a: 'Nullable(String)', b: 'Nullable(Int8)', c: 'String' },
    expected: ['{"a":null,"b":null,"c":"","d":null}', wrong(2, 3, 12, '"",x,"",""', 'b NOT_AN_INTEGER')],
  },
  {
    name: 'an empty field in quotes is a text',
    file: 'a,b,c,d\n"","1","",""\n',
    schema: { a: 'Nullable(String)', b: 'Nullable(Int8)', c: 'String' },
    expected: ['{"a":"","b":1,"c":"","d":""}'],
  },
  {
    name: 'null values in quotes are null in a typed column, and text in others',
    file: 'a,b,c\nNULL,"NULL",null\n"\\N",,"\\N"\nx,1,\\N\n',
    schema: { a: 'Nullable(String)', b: 'Nullable(Int8)' },
    nullValues: ['NULL', '\\N'],
    expected: ['{"a":null,"b":null,"c":"null"}', '{"a":"\\\\N","b":null,"c":"\\\\N"}', '{"a":"x","b":1,"c":null}'],
  },
  {
    name: 'null values of one column are text in others, known to the model or not',
    file: 'a,b,c,d\nNA,NA,NA,NA\n-,-,-,-\n',
    schema: { a: 'String', b: 'Nullable(Int8)', c: 'Nullable(String)' },
    nullValues: { b: ['NA', '-'], c: ['-'], d: ['NA'] },
    expected: ['{"a":"NA","b":null,"c":"NA","d":null}', '{"a":"-","b":null,"c":null,"d":"-"}'],
  },
  {
    name: 'null values are null in every column, quoted or not, if the job says so',
    file: 'a,b,c\nNULL,"NULL",null\n\\N,,"\\N"\nx,1,NULLs\n',
    schema: { a: 'Nullable(String)', b: 'Nullable(Int8)' },
    nullValues: ['NULL', '\\N'],
    quotedNulls: 'all' as const,
    expected: ['{"a":null,"b":null,"c":"null"}', '{"a":null,"b":null,"c":null}', '{"a":"x","b":1,"c":"NULLs"}'],
  },
  {
    name: 'an escape is taken out of texts, numbers and spellings of null, in quotes only',
    file: 'a,b,c\n"x\\"\\\\\\\t\\é","1\\2","\\\\N"\n"\\N","\\-\\7",\\N\n\\x,"\\\\N",NULL\n"NU\\LL",3,"\\"""\n',
    schema: { a: 'Nullable(String)', b: 'Nullable(Int8)' },
    dialect: { escape: '\\' },
    nullValues: ['NULL', '\\N'],
    quotedNulls: 'all' as const,
    expected: [
      asBytes('{"a":"x\\"\\\\\\té","b":12,"c":null}'),
      '{"a":"N","b":-7,"c":null}',
      '{"a":"\\\\x","b":null,"c":null}',
      broken('STRAY_QUOTE', 4, 5, 60, '"NU\\LL",3,"\\"""'),
    ],
  },
  {
    name: 'an escape is taken out even without spellings of null',
    file: 'a,b,c,d\n"1\\2","\\2023-01-0\\1","\\true","\\\\N"\n',
    schema: { a: 'Int8', b: 'Date', c: 'Bool' },
    dialect: { escape: '\\' },
    expected: ['{"a":12,"b":"2023-01-01","c":true,"d":"\\\\N"}'],
  },
  {
    name: 'blanks around values without quotes are not part of them, nor of spellings of null',
    file: 'a,b,c\n x y ,\t1,\t\n" ",2,3\n" x ", NULL ,"N"\n,,  NULL\n',
    schema: { a: 'Nullable(String)', b: 'Nullable(Int8)', c: 'String' },
    dialect: { trim: true },
    nullValues: ['NULL'],
    expected: [
      '{"a":"x y","b":1,"c":""}',
      '{"a":" ","b":2,"c":"3"}',
      '{"a":" x ","b":null,"c":"N"}',
      wrong(4, 5, 42, ',,  NULL', 'c NULL_VALUE'),
    ],
  },
  {
    name: 'a number may be in quotes, a constrained value has its own type',
    file: 'a,b,c\n"+1","02.50",x\n3,1,\n',
    schema: {
      type: 'object',
      properties: {
        a: { type: 'integer', minimum: 1 },
        b: { type: 'number', minimum: 1 },
        c: { type: 'string', enum: ['x', 'y'] },
      },
      required: ['a'],
    },
    expected: ['{"a":1,"b":2.50,"c":"x"}', '{"a":3,"b":1,"c":null}'],
  },
  {
    name: 'names and texts are escaped as JSON wants them',
    file: '"a ""b""\n","ü\\"\r\n"\t\u0001""é😀","x\ny"\r\n',
    expected: [asBytes('{"a \\"b\\"\\n":"\\t\\u0001\\"é😀","ü\\\\":"x\\ny"}')],
  },
  {
    name: 'another quote and another delimiter',
    file: "a;b\n'x;''y''';'1'\n\"z\";2\n",
    schema: { b: 'Int8' },
    delimiter: ';',
    quote: "'",
    expected: ['{"a":"x;\'y\'","b":1}', '{"a":"\\"z\\"","b":2}'],
  },
  {
    name: 'without a header the names are those of the model',
    file: '1,x\n2,\n',
    schema: { a: 'Int8', b: 'Nullable(String)' },
    header: false,
    expected: ['{"a":1,"b":"x"}', '{"a":2,"b":null}'],
  },
  {
    name: 'a byte order mark at the beginning is not part of a name, elsewhere it is text',
    file: '\ufeffa\n\ufeffx\n',
    expected: [asBytes('{"a":"\ufeffx"}')],
  },
  {
    name: 'what is not a row is rejected as ever',
    file: 'a,b\n1\n1,2,3\n1,"2\n1,2',
    expected: [
      wrong(1, 2, 4, '1', 'RAGGED_ROW'),
      wrong(2, 3, 6, '1,2,3', 'RAGGED_ROW'),
      broken('UNTERMINATED_QUOTE', 3, 4, 12, '1,"2'),
      '{"a":"1","b":"2"}',
    ],
  },
].map((vector) => ({ ...vector, valueFormat: 'json' }));
