import { type CsvDialect, ownEscape } from '../../../ingest/index.js';
import { trimmed } from '../fields.js';

/** Takes well-formed records apart, and fields out of their quotes. */
export class FieldText {
  readonly #delimiter: string;
  readonly #quote: string;
  /** null: quotes are doubled. */
  readonly #escape: string | null;
  readonly #trims: boolean;

  constructor(dialect: CsvDialect) {
    this.#delimiter = dialect.delimiter;
    this.#quote = dialect.quote;
    this.#escape = ownEscape(dialect);
    this.#trims = dialect.trim === true;
  }

  isQuoted(field: string): boolean {
    return field.startsWith(this.#quote);
  }

  /** The text of a field as it stands in the file. */
  textOf(field: string): string {
    if (!this.isQuoted(field)) return this.#trims ? trimmed(field) : field;
    const text = field.slice(1, -1);
    const mark = this.#escape ?? this.#quote;
    return text.includes(mark) ? unescaped(text, mark) : text;
  }

  /** The fields of a record as they stand in the file. */
  split(record: string): string[] {
    if (!record.includes(this.#quote)) return record.split(this.#delimiter);
    const fields: string[] = [];
    let inside = false;
    let from = 0;
    for (let i = 0; i < record.length; i++) {
      const character = record[i];
      if (inside && character === this.#escape) i += 1;
      else if (character === this.#quote) inside = !inside;
      else if (character === this.#delimiter && !inside) {
        fields.push(record.slice(from, i));
        from = i + 1;
      }
    }
    fields.push(record.slice(from));
    return fields;
  }
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
