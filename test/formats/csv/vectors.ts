import type { RowErrorCode } from '../../../src/formats/index.js';
import { asBytes, type Decision, type Given } from './read-all.js';

/** A rejected row in short: place, errors as `column code`, raw bytes. */
export interface ExpectedRejection {
  row: number;
  line: number;
  byte: number;
  errors: string[];
  raw: string;
}

export interface CsvVector extends Given {
  name: string;
  /** A text is an accepted row's value. */
  expected: (string | ExpectedRejection)[];
}

export function broken(code: RowErrorCode, row: number, line: number, byte: number, raw: string): ExpectedRejection {
  return { row, line, byte, errors: [code], raw };
}

export function wrong(row: number, line: number, byte: number, raw: string, ...errors: string[]): ExpectedRejection {
  return { row, line, byte, errors, raw };
}

/** Decisions in the vectors' short form. */
export function inShort(decisions: readonly Decision[]): (string | ExpectedRejection)[] {
  return decisions.map((decision) => {
    if ('accepted' in decision) return decision.accepted;
    const { rejected, raw } = decision;
    const errors = rejected.errors.map((each) => (each.column === null ? each.error : `${each.column} ${each.error}`));
    return { row: rejected.rowNumber, line: rejected.line ?? NaN, byte: rejected.byteOffset ?? NaN, errors, raw };
  });
}

const AB = { a: 'String', b: 'String' };
const INTS = { a: 'Int32', b: 'Int32' };
const MAYBE = { a: 'Nullable(Int32)', b: 'Nullable(String)' };

export const CSV_VECTORS: readonly CsvVector[] = [
  { name: 'a header alone has no rows', file: 'a,b', expected: [] },
  { name: 'a header with its line end has no rows', file: 'a,b\r\n', expected: [] },
  { name: 'the last row needs no line end', file: 'a,b\n1,2\n3,4', expected: ['1,2', '3,4'] },
  { name: 'line ends may be mixed', file: 'a,b\r1,2\n3,4\r\n5,6\r7,8', expected: ['1,2', '3,4', '5,6', '7,8'] },
  {
    name: 'blank lines are not rows but lines',
    file: '\n\r\na,b\n\n\n1,2\r\r\n\r3,"\n\n5,6\r\n\r\n',
    expected: ['1,2', broken('UNTERMINATED_QUOTE', 2, 9, 16, '3,"'), '5,6'],
  },
  {
    name: 'renamed columns are checked by the model and named as it names them',
    file: 'Order ID,b\n1,2\nx,y\n',
    renames: { 'Order ID': 'b', b: 'a' },
    schema: INTS,
    expected: ['1,2', wrong(2, 3, 15, 'x,y', 'b NOT_AN_INTEGER', 'a NOT_AN_INTEGER')],
  },
  {
    name: 'columns in another case are checked by the model and named as it names them',
    file: 'A,B\n1,2\nx,y\n',
    ignoreHeaderCase: true,
    schema: INTS,
    expected: ['1,2', wrong(2, 3, 8, 'x,y', 'a NOT_AN_INTEGER', 'b NOT_AN_INTEGER')],
  },
  { name: 'a line of spaces is a row', file: 'a\n \n', expected: [' '] },
  {
    name: 'a BOM is skipped and counted',
    file: '\ufeffa,b\n1,x"\n',
    expected: [broken('STRAY_QUOTE', 1, 2, 7, '1,x"')],
  },
  {
    name: 'a BOM before a quoted name is skipped',
    file: '\ufeff"a",b\n1,2\n',
    schema: INTS,
    expected: ['1,2'],
  },
  {
    name: 'a BOM anywhere else is data',
    file: 'a\n\ufeff1\n1\ufeff\n',
    schema: { a: 'Int32' },
    expected: [
      wrong(1, 2, 2, asBytes('\ufeff1'), 'a NOT_AN_INTEGER'),
      wrong(2, 3, 7, asBytes('1\ufeff'), 'a NOT_AN_INTEGER'),
    ],
  },
  {
    name: 'without a header the rows begin at once, behind a BOM',
    file: '\ufeff1,2\nx,3\n',
    schema: INTS,
    header: false,
    expected: ['1,2', wrong(2, 2, 7, 'x,3', 'a NOT_AN_INTEGER')],
  },
  {
    name: 'half a BOM is data',
    file: Buffer.from([0xef, 0xbb, 0x0a]),
    schema: { a: 'String' },
    header: false,
    expected: [broken('INVALID_ENCODING', 1, 1, 0, '\xef\xbb')],
  },
  {
    name: 'quotes hold delimiters, line ends and quotes',
    file: 'a,b\n"1,2","x\ny"\n"a""b",""\n"\r\n\r\n","""",\n"""","\r"\r',
    expected: ['"1,2","x\ny"', '"a""b",""', wrong(3, 5, 26, '"\r\n\r\n","""",', 'RAGGED_ROW'), '"""","\r"'],
  },
  {
    name: 'lines are counted through quoted line ends',
    file: 'a\n"\n\r\n\r\r\n"\nx"\n',
    expected: ['"\n\r\n\r\r\n"', broken('STRAY_QUOTE', 2, 7, 11, 'x"')],
  },
  {
    name: 'a quote after the beginning of a field is stray',
    file: 'a,b\n1,x"y"\n 1," x" \n2,3\n',
    expected: [broken('STRAY_QUOTE', 1, 2, 4, '1,x"y"'), broken('STRAY_QUOTE', 2, 3, 11, ' 1," x" '), '2,3'],
  },
  {
    name: 'something after a closing quote is stray',
    file: 'a,b\n"1"2,3\n"1" ,3\n"1"\u0000,3\n4,5\n',
    expected: [
      broken('STRAY_QUOTE', 1, 2, 4, '"1"2,3'),
      broken('STRAY_QUOTE', 2, 3, 11, '"1" ,3'),
      broken('STRAY_QUOTE', 3, 4, 18, '"1"\u0000,3'),
      '4,5',
    ],
  },
  {
    name: 'a record that breaks on a later line loses its first line only',
    file: 'a,b\n1,"x\n2,3\n4,"y"z\n5,6\n',
    expected: [broken('STRAY_QUOTE', 1, 2, 4, '1,"x'), '2,3', broken('STRAY_QUOTE', 3, 4, 13, '4,"y"z'), '5,6'],
  },
  {
    name: 'a quote open at the end of the file loses its first line only',
    file: 'a,b\r\n1,"x\r\n2,3\r\n\r\n4,5\r',
    expected: [broken('UNTERMINATED_QUOTE', 1, 2, 5, '1,"x'), '2,3', '4,5'],
  },
  { name: 'a lone quote at the end of the file', file: 'a\n"', expected: [broken('UNTERMINATED_QUOTE', 1, 2, 2, '"')] },
  { name: 'a doubled quote at the end of the file', file: 'a\n""', expected: ['""'] },
  {
    name: 'three quotes at the end of the file',
    file: 'a\n"""',
    expected: [broken('UNTERMINATED_QUOTE', 1, 2, 2, '"""')],
  },
  {
    name: 'rows of another length are ragged',
    file: 'a,b\n1\n1,2,3\n1,\n,\n"1,2"\n',
    expected: [
      broken('RAGGED_ROW', 1, 2, 4, '1'),
      broken('RAGGED_ROW', 2, 3, 6, '1,2,3'),
      '1,',
      ',',
      broken('RAGGED_ROW', 5, 6, 17, '"1,2"'),
    ],
  },
  {
    name: 'structure is judged before encoding, encoding before length',
    file: Buffer.from('a,b\n\xff,x"\n\xff\n\xff,1\n\xc3\xa9,2\n', 'latin1'),
    expected: [
      broken('STRAY_QUOTE', 1, 2, 4, '\xff,x"'),
      broken('INVALID_ENCODING', 2, 3, 9, '\xff'),
      broken('INVALID_ENCODING', 3, 4, 11, '\xff,1'),
      '\xc3\xa9,2',
    ],
  },
  {
    name: 'encodings that UTF-8 forbids are refused',
    file: Buffer.from('a\n\xc0\xaf\n\xed\xa0\x80\n\xf4\x90\x80\x80\n\xc3\n\xf0\x9f\x98\x80\n"\xe2\x82"\n', 'latin1'),
    expected: [
      broken('INVALID_ENCODING', 1, 2, 2, '\xc0\xaf'),
      broken('INVALID_ENCODING', 2, 3, 5, '\xed\xa0\x80'),
      broken('INVALID_ENCODING', 3, 4, 9, '\xf4\x90\x80\x80'),
      broken('INVALID_ENCODING', 4, 5, 14, '\xc3'),
      '\xf0\x9f\x98\x80',
      broken('INVALID_ENCODING', 6, 7, 21, '"\xe2\x82"'),
    ],
  },
  { name: 'NUL bytes are data', file: 'a,b\n\u0000,"\u0000"\n', schema: AB, expected: ['\u0000,"\u0000"'] },
  {
    name: 'an empty field is null, a quoted one never',
    file: 'a,b\n,\n"",""\n1,""\n"1",\n',
    schema: MAYBE,
    expected: [',', wrong(2, 3, 6, '"",""', 'a NOT_AN_INTEGER'), '1,""', '"1",'],
  },
  {
    name: 'a required column takes no null, but a String may be empty',
    file: 'a,b\n,\n1,\n"",x\n',
    schema: { a: 'Int32', b: 'String' },
    expected: [wrong(1, 2, 4, ',', 'a NULL_VALUE'), '1,', wrong(3, 4, 9, '"",x', 'a NOT_AN_INTEGER')],
  },
  {
    name: 'each type has its own code for a quoted empty field',
    file: 'a,b,c,d,e,f,g\n"","","","","","",""\n',
    schema: { a: 'UInt8', b: 'Float32', c: 'Decimal(3,1)', d: 'Bool', e: 'Nullable(Date)', f: 'DateTime', g: 'UUID' },
    expected: [
      wrong(
        1,
        2,
        14,
        '"","","","","","",""',
        'a NOT_AN_INTEGER',
        'b NOT_A_NUMBER',
        'c NOT_A_NUMBER',
        'd NOT_A_BOOLEAN',
        'e INVALID_DATE',
        'f INVALID_DATETIME',
        'g INVALID_UUID',
      ),
    ],
  },
  {
    name: 'quoted and unquoted empty fields in one row are told apart',
    file: 'a,b,c\n"1,""",,"\n"\n"1,""","",2\n',
    schema: { a: 'String', b: 'Nullable(Int8)', c: 'String' },
    expected: ['"1,""",,"\n"', wrong(2, 4, 18, '"1,""","",2', 'b NOT_AN_INTEGER')],
  },
  {
    name: 'null values are null, quoted or not, if the job says so',
    file: 'a,b,c\nNULL,NULL,x\n\\N,"\\N",x\n"NULL",,x\nnull,x,NULL\n1,1,""\n',
    schema: { ...MAYBE, c: 'String' },
    nullValues: ['NULL', '\\N'],
    quotedNulls: 'all',
    expected: [
      'NULL,NULL,x',
      '\\N,"\\N",x',
      '"NULL",,x',
      wrong(4, 5, 38, 'null,x,NULL', 'a NOT_AN_INTEGER', 'c NULL_VALUE'),
      '1,1,""',
    ],
  },
  {
    name: 'null values in quotes are null in a typed column, and text in a String',
    file: 'n,t,x\n"NULL","NULL",1\nNULL,x,1\n2,NULL,1\n2,"NULL","NULL"\n',
    schema: { n: 'Nullable(Int8)', t: 'String', x: 'Int8' },
    nullValues: ['NULL'],
    expected: [
      '"NULL","NULL",1',
      'NULL,x,1',
      wrong(3, 4, 31, '2,NULL,1', 't NULL_VALUE'),
      wrong(4, 5, 40, '2,"NULL","NULL"', 'x NULL_VALUE'),
    ],
  },
  {
    name: 'null values of one column are values of the others',
    file: 'country,visits,note\nNA,1,-\nDE,NA,NA\nFR,-,x\n',
    schema: { country: 'String', visits: 'Nullable(Int32)', note: 'String' },
    nullValues: { visits: ['NA'], note: ['-'] },
    expected: [
      wrong(1, 2, 20, 'NA,1,-', 'note NULL_VALUE'),
      'DE,NA,NA',
      wrong(3, 4, 36, 'FR,-,x', 'visits NOT_AN_INTEGER'),
    ],
  },
  {
    name: 'all errors of a row come in the order of the file',
    file: 'b,x,a\n,?,x\nx,?,99999999999\n1,,2\n',
    schema: INTS,
    expected: [
      wrong(1, 2, 6, ',?,x', 'b NULL_VALUE', 'a NOT_AN_INTEGER'),
      wrong(2, 3, 11, 'x,?,99999999999', 'b NOT_AN_INTEGER', 'a OUT_OF_RANGE'),
      '1,,2',
    ],
  },
  {
    name: 'a nullable column may be missing from the file',
    file: 'b\nx\n',
    schema: MAYBE,
    expected: ['x'],
  },
  {
    name: 'any delimiter and quote',
    file: "a;b\n'1;''\n2';3,\"\n",
    delimiter: ';',
    quote: "'",
    expected: ["'1;''\n2';3,\""],
  },
  { name: 'tabs and pipes', file: 'a\tb\n|1\t2|\t\n', delimiter: '\t', quote: '|', expected: ['|1\t2|\t'] },
  { name: 'a delimiter of one space', file: 'a b\n1 2\n "x y"\n', delimiter: ' ', expected: ['1 2', ' "x y"'] },
  {
    name: 'control characters as delimiter and quote',
    file: 'a\u0001b\n\u00021\u0001\u0002\u00012\n',
    delimiter: '\u0001',
    quote: '\u0002',
    expected: ['\u00021\u0001\u0002\u00012'],
  },
  {
    name: 'a control character as delimiter',
    file: 'a\u0001b\n1\u0001"\u0001"\n',
    delimiter: '\u0001',
    expected: ['1\u0001"\u0001"'],
  },
  {
    name: 'spaces around a value are part of it',
    file: 'a,b\n 1,2\n1 ,2\n',
    schema: INTS,
    expected: [wrong(1, 2, 4, ' 1,2', 'a NOT_AN_INTEGER'), wrong(2, 3, 9, '1 ,2', 'a NOT_AN_INTEGER')],
  },
  {
    name: 'constraints come after the type, all of them',
    file: 'n,s,e\n7,abc,1\n3,a,2\n11,abcdefg,+01\n,,\nx,1é😀,\n',
    schema: {
      type: 'object',
      properties: {
        n: { type: 'integer', minimum: 5, exclusiveMaximum: 11 },
        s: { type: 'string', minLength: 3, maxLength: 5, pattern: '^[a-z]+$' },
        e: { type: 'integer', enum: [1, 3] },
      },
      required: ['s'],
    },
    expected: [
      '7,abc,1',
      wrong(2, 3, 14, '3,a,2', 'n OUT_OF_RANGE', 's TOO_SHORT', 'e NOT_IN_ENUM'),
      wrong(3, 4, 20, '11,abcdefg,+01', 'n OUT_OF_RANGE', 's TOO_LONG'),
      wrong(4, 5, 35, ',,', 's TOO_SHORT', 's PATTERN_MISMATCH'),
      wrong(5, 6, 38, asBytes('x,1é😀,'), 'n NOT_AN_INTEGER', 's PATTERN_MISMATCH'),
    ],
  },
  {
    name: 'an escape takes the character behind it out of the grammar, in quotes only',
    file: 'a,b\n"x\\"y\\\\","\\\n,"\n\\,2\n\\"x",3\n"a""b",4\n"c\\\r\n","d"\n',
    dialect: { escape: '\\' },
    expected: [
      '"x\\"y\\\\","\\\n,"',
      '\\,2',
      broken('STRAY_QUOTE', 3, 5, 23, '\\"x",3'),
      broken('STRAY_QUOTE', 4, 6, 30, '"a""b",4'),
      '"c\\\r\n","d"',
    ],
  },
  {
    name: 'an escape at the end of the file leaves the quote open',
    file: 'a\n1\n"x\\',
    dialect: { escape: '\\' },
    expected: ['1', broken('UNTERMINATED_QUOTE', 2, 3, 4, '"x\\')],
  },
  {
    name: 'a lax quote in the middle of a field is text, and one line ends what is never closed',
    file: 'a,b\n="00123",x\n"a" b,"c"d"\n 5" disk,x\n"a\n1,2\n',
    dialect: { quotes: 'lax' },
    schema: AB,
    expected: ['="00123",x', '"a" b,"c"d"', ' 5" disk,x', broken('UNTERMINATED_QUOTE', 4, 5, 38, '"a'), '1,2'],
  },
  {
    name: 'a lax quote may open behind blanks that are trimmed',
    file: 'a , "b"\n "1,000\n" , 2\n\t"x" y ,\n',
    dialect: { quotes: 'lax', trim: true },
    schema: AB,
    expected: [' "1,000\n" , 2', '\t"x" y ,'],
  },
  {
    name: 'without quotes a delimiter ends a field and a line end a record, whatever stands around them',
    file: '"a,b"\n"1,""\n",2"\n"\n',
    dialect: { quotes: 'none' },
    schema: { '"a': 'String', 'b"': 'String' },
    expected: ['"1,""', '",2"', broken('RAGGED_ROW', 3, 4, 17, '"')],
  },
  {
    name: 'an escape that is the quote is none',
    file: 'a\n"x""y"\n',
    dialect: { escape: '"' },
    expected: ['"x""y"'],
  },
  {
    name: 'comments are not rows but lines, at the beginning of a line only',
    file: '# one\r\n#\na,b\n#"\n1,#2\n\n# 3\r"\n#4",5\n6,x"\n#7',
    dialect: { comment: '#' },
    expected: ['1,#2', '"\n#4",5', broken('STRAY_QUOTE', 3, 10, 34, '6,x"')],
  },
  { name: 'a comment may be the whole rest', file: 'a\n1\n#\n#x\r', dialect: { comment: '#' }, expected: ['1'] },
  {
    name: 'skipped lines may be anything',
    file: '\ufeffReport "of\r\n\ra,b\n1,2\n3,x"\n',
    dialect: { skipLines: 2 },
    expected: ['1,2', broken('STRAY_QUOTE', 2, 5, 24, '3,x"')],
  },
  {
    name: 'lines are skipped before a file without a header too',
    file: 'made today\n1,2\n3\n',
    header: false,
    schema: INTS,
    dialect: { skipLines: 1 },
    expected: ['1,2', broken('RAGGED_ROW', 2, 3, 15, '3')],
  },
  {
    name: 'blanks around values can be ignored, but not in quotes or before them',
    file: ' a ,b\t\n 1 ,\t2\n" 3",4\n \t,\n5, "6"\n',
    schema: { a: 'Int32', b: 'Nullable(Int32)' },
    dialect: { trim: true },
    expected: [
      ' 1 ,\t2',
      wrong(2, 3, 14, '" 3",4', 'a NOT_AN_INTEGER'),
      wrong(3, 4, 21, ' \t,', 'a NULL_VALUE'),
      broken('STRAY_QUOTE', 4, 5, 25, '5, "6"'),
    ],
  },
];
