import { FILE_FORMATS, type FileFormat, formatsWith } from '../formats.js';
import { invalidOption } from './invalid-option.js';

/** Reads the text of an option. Throws INVALID_OPTION, which names the option. */
export type Parse<T> = (text: string, name: string) => T;

/**
 * What a request may say about a file, as one definition: text in, a value out. Its name in the contract is its key in the
 * table that holds it.
 */
export interface Option<T> {
  readonly parse: Parse<T>;
  /** The value if the option is not given. */
  readonly default: T;
  /** The formats that it says something about. */
  readonly formats: readonly FileFormat[];
  /** It says something about the names in the header line, which must be there. */
  readonly needsHeader: boolean;
}

export type OptionTable = Readonly<Record<string, Option<unknown>>>;

/** The values of a table's options, by the contract's names. */
export type OptionValues<Table extends OptionTable> = { -readonly [Name in keyof Table]: Table[Name]['default'] };

export const TEXT_FORMATS = formatsWith(({ magic }) => magic === null);
export const CSV_ONLY = formatsWith(({ hasDialect }) => hasDialect);

export function option<T>(
  parse: Parse<T>,
  absent: NoInfer<T>,
  formats: readonly FileFormat[] = FILE_FORMATS,
  needsHeader = false,
): Option<T> {
  return { parse, default: absent, formats, needsHeader };
}

/**
 * The values of all options of a table, those that are not given with their defaults. Throws INVALID_OPTION about the
 * first, in the table's order, that is malformed.
 */
export function readOptionValues<Table extends OptionTable>(
  table: Table,
  given: ReadonlyMap<string, string>,
): OptionValues<Table> {
  const values = Object.entries(table).map(([name, { parse, default: absent }]) => {
    const text = given.get(name);
    return [name, text === undefined ? absent : parse(text, name)];
  });
  return Object.fromEntries(values) as OptionValues<Table>;
}

export function oneOf<const T extends string>(...words: readonly T[]): Parse<T> {
  const known: readonly string[] = words;
  return (text, name) => {
    if (!known.includes(text)) throw invalidOption(name, `must be ${listed(words)}`);
    return text as T;
  };
}

export const trueOrFalse: Parse<boolean> = (text, name) => oneOf('true', 'false')(text, name) === 'true';

export function integerBetween(min: number, max: number): Parse<number> {
  return (text, name) => {
    const value = /^(?:0|[1-9]\d{0,8})$/.test(text) ? Number(text) : Number.NaN;
    if (!(value >= min && value <= max)) throw invalidOption(name, `must be a whole number from ${min} to ${max}`);
    return value;
  };
}

function listed(words: readonly string[]): string {
  return [words.slice(0, -1).join(', '), ...words.slice(-1)].join(' or ');
}
