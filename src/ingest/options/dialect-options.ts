import type { CsvDialect } from '../csv-dialect.js';
import { invalidOption } from './invalid-option.js';
import type { JobOptionValues } from './job-options.js';
import type { Parse } from './option.js';

// biome-ignore lint/suspicious/noControlCharactersInRegex: files with \x01 or \x1f between the fields exist
const DELIMITER = /^(?:auto|tab|\\t|[\x01-\x09\x0b\x0c\x0e-\x7f])$/;
// biome-ignore lint/suspicious/noControlCharactersInRegex: the same
const CHARACTER = /^[\x01-\x09\x0b\x0c\x0e-\x7f]$/;

/** `auto` stays so: the file decides. */
export const delimiter: Parse<string> = (text, name) => {
  if (!DELIMITER.test(text)) throw invalidOption(name, 'must be auto, tab or one ASCII character, not a line end');
  return text === 'tab' || text === '\\t' ? '\t' : text;
};

export const character: Parse<string> = (text, name) => {
  if (!CHARACTER.test(text)) throw invalidOption(name, 'must be one ASCII character, not a line end');
  return text;
};

/** The dialect, with what has no effect left out. Throws INVALID_OPTION if one character has two meanings. */
export function readDialect(values: JobOptionValues): CsvDialect {
  const { delimiter, quote, comment, header, skip_lines: skipLines, trim } = values;
  const own = values.escape === quote ? undefined : values.escape;
  if (delimiter === quote) throw invalidOption('quote', 'must differ from the delimiter');
  if (delimiter === own) throw invalidOption('escape', 'must differ from the delimiter');
  if (comment !== undefined && [delimiter, quote, own].includes(comment)) {
    throw invalidOption('comment', 'must differ from delimiter, quote and escape');
  }
  return {
    ...{ delimiter, quote, header },
    ...(own === undefined ? {} : { escape: own }),
    ...(comment === undefined ? {} : { comment }),
    ...(skipLines === 0 ? {} : { skipLines }),
    ...(trim ? { trim } : {}),
  };
}
