import { areQuotesLax, type CsvDialect, ownEscape, quoteOf } from '../../ingest/index.js';

/**
 * Takes well-formed records apart, and fields out of their quotes.
 *
 * With lax quotes, a quote opens only at the beginning of a field (with `trim`, behind blanks, too), and the next one that is
 * neither doubled nor escaped closes: what follows up to the delimiter is text, quotes included. So one odd quote spoils
 * one line, not the file. If the field ends with a quote after all, the quotes between the first and the last are text:
 * `"a "b" c"` is `a "b" c`; else the two that open and close are left out: `"a" b` is `a b`.
 */
export class FieldText {
  readonly #delimiter: string;
  /** null: there are none. */
  readonly #quote: string | null;
  /** null: quotes are doubled. */
  readonly #escape: string | null;
  readonly #trims: boolean;
  readonly #isLax: boolean;

  constructor(dialect: CsvDialect) {
    this.#delimiter = dialect.delimiter;
    this.#quote = quoteOf(dialect);
    this.#escape = ownEscape(dialect);
    this.#trims = dialect.trim === true;
    this.#isLax = areQuotesLax(dialect);
  }

  isQuoted(field: string): boolean {
    return this.#quote !== null && this.#withoutBlanks(field).startsWith(this.#quote);
  }

  /** The text of a field as it stands in the file. */
  textOf(raw: string): string {
    if (this.#quote === null || !this.isQuoted(raw)) return this.#trims ? trimmed(raw) : raw;
    const field = this.#withoutBlanks(raw);
    const mark = this.#escape ?? this.#quote;
    if (this.#isLax) return laxText(field, this.#quote, mark);
    const text = field.slice(1, -1);
    return text.includes(mark) ? unescaped(text, mark) : text;
  }

  /** The fields of a record as they stand in the file. */
  split(record: string): string[] {
    const quote = this.#quote;
    if (quote === null || !record.includes(quote)) return record.split(this.#delimiter);
    return this.#isLax ? this.#splitLax(record, quote) : this.#splitStrict(record, quote);
  }

  #splitStrict(record: string, quote: string): string[] {
    const fields: string[] = [];
    let inside = false;
    let from = 0;
    for (let i = 0; i < record.length; i++) {
      const character = record[i];
      if (inside && character === this.#escape) i += 1;
      else if (character === quote) inside = !inside;
      else if (character === this.#delimiter && !inside) {
        fields.push(record.slice(from, i));
        from = i + 1;
      }
    }
    fields.push(record.slice(from));
    return fields;
  }

  #splitLax(record: string, quote: string): string[] {
    const fields: string[] = [];
    const mark = this.#escape ?? quote;
    let from = 0;
    for (;;) {
      let at = from;
      while (this.#trims && at < record.length && isBlank(record, at) && record[at] !== this.#delimiter) at += 1;
      if (record[at] === quote) at = behindClosing(record, at, quote, mark);
      const end = record.indexOf(this.#delimiter, at);
      if (end < 0) break;
      fields.push(record.slice(from, end));
      from = end + 1;
    }
    fields.push(record.slice(from));
    return fields;
  }

  /** Those around a quoted field belong to nothing if quotes are lax. */
  #withoutBlanks(field: string): string {
    return this.#isLax && this.#trims ? trimmed(field) : field;
  }
}

/** Without the spaces and tabs around it. */
export function trimmed(text: string): string {
  let start = 0;
  let end = text.length;
  while (start < end && isBlank(text, start)) start += 1;
  while (start < end && isBlank(text, end - 1)) end -= 1;
  return text.slice(start, end);
}

function isBlank(text: string, index: number): boolean {
  return text[index] === ' ' || text[index] === '\t';
}

/** Replaces each escape (a quote, if quotes are doubled) and the character behind it by that character. */
function unescaped(text: string, mark: string): string {
  let result = '';
  let from = 0;
  for (let at = text.indexOf(mark); at >= 0; at = text.indexOf(mark, at + 2)) {
    result += text.slice(from, at);
    from = at + 1;
  }
  return result + text.slice(from);
}

/** The index behind the quote that closes the one at `at`; the end of the text if none does. */
function behindClosing(text: string, at: number, quote: string, mark: string): number {
  for (let i = at + 1; i < text.length; i++) {
    if (isPair(text, i, quote, mark)) i += 1;
    else if (text[i] === quote) return i + 1;
  }
  return text.length;
}

/** The text of a field that begins with a quote. */
function laxText(field: string, quote: string, mark: string): string {
  let enclosed = '';
  let i = 1;
  for (; i < field.length - 1; i++) {
    if (isPair(field, i, quote, mark)) i += 1;
    enclosed += field[i];
  }
  if (i === field.length - 1 && field[i] === quote) return enclosed;
  const closing = behindClosing(field, 0, quote, mark);
  return unescaped(field.slice(1, closing - 1), mark) + field.slice(closing);
}

/** Whether the character there, inside quotes, only says that the one behind it is text. */
function isPair(text: string, at: number, quote: string, mark: string): boolean {
  return text[at] === mark && at + 1 < text.length && (mark !== quote || text[at + 1] === quote);
}
