/** What a cell looks like, in the conventions of any country: enough to tell a table from text that was cut wrongly. */
export type CellKind = 'empty' | 'number' | 'time' | 'truth' | 'code' | 'text';

const EMPTY = new Set(['', 'na', 'n/a', '#n/a', 'null', '\\n', 'nan', 'none', 'nil', '-', '--']);
const TRUTH = new Set(['true', 'false', 'yes', 'no', 'y', 'n', 't', 'f', 'ja', 'nein', 'oui', 'non', 'wahr', 'falsch']);

const CURRENCY = '(?:[$€£¥₹]|[A-Z]{2,3}\\$?|zł|kr\\.?|R\\$|CHF|Fr\\.)';
const DIGITS = "(?:\\d+|\\d{1,3}(?:[.,'’ \\u00a0\\u202f]\\d{2,3})+)";
const NUMBER = new RegExp(
  `^(?:${CURRENCY}[ \\u00a0]?)?[(+-]?(?:${CURRENCY}[ \\u00a0]?)?(?:${DIGITS}(?:[.,]\\d*)?|[.,]\\d+)(?:[eE][+-]?\\d{1,3})?` +
    `[)-]?[ \\u00a0\\u202f]?(?:%|${CURRENCY})?$`,
);

const CLOCK = '\\d{1,2}:\\d{2}(?::\\d{2}(?:[.,]\\d{1,9})?)?(?: ?[AaPp]\\.?[Mm]\\.?)?';
const ZONE = ' ?(?:Z|UTC|GMT|[A-Z]{3,4}|[+-]\\d{2}(?::?\\d{2})?)?';
const MONTH = '[A-Za-zÀ-ÿ]{3,9}\\.?';
const DAY = [
  '\\d{4}[-/.]\\d{1,2}(?:[-/.]\\d{1,2})?',
  '\\d{1,2}[-/.]\\d{1,2}[-/.]\\d{2,4}\\.?',
  `\\d{1,2}\\.?[- ]${MONTH}[- ,]{1,2}\\d{2,4}`,
  `${MONTH}[- ]\\d{1,2},? \\d{4}`,
].join('|');
const TIME = new RegExp(`^(?:(?:${DAY})(?:[T ,]{1,2}${CLOCK}${ZONE})?|${CLOCK}${ZONE})$`);

/** UUIDs, addresses of mail and of the web, versions and network addresses. */
const CODE =
  /^(?:[\da-f]{8}-[\da-f]{4}-[\da-f]{4}-[\da-f]{4}-[\da-f]{12}|[^\s@,;|]+@[^\s@,;|]+\.[a-z]{2,}|https?:\/\/[^\s|;]+|\d{1,3}(?:\.\d{1,3}){3})$/i;

/** A longer cell is text. */
const MAX_LENGTH = 80;

/** `cell`: a field without its quotes. */
export function cellKind(cell: string): CellKind {
  const text = cell.trim();
  if (text.length > MAX_LENGTH) return 'text';
  const lower = text.toLowerCase();
  if (EMPTY.has(lower)) return 'empty';
  if (NUMBER.test(text)) return 'number';
  if (TIME.test(text)) return 'time';
  if (TRUTH.has(lower)) return 'truth';
  return CODE.test(text) ? 'code' : 'text';
}
