import { type CsvDialect, checkCharacter, checkDistinct, isDialectCharacter } from '../csv-dialect.js';
import { invalidOption } from './invalid-option.js';
import type { JobOptionValues } from './job-options.js';
import type { Parse } from './option.js';

/** `auto` stays so: the file decides. */
export const delimiter: Parse<string> = (text, name) => {
  if (text === 'tab' || text === '\\t') return '\t';
  if (text === 'auto' || isDialectCharacter(text)) return text;
  throw invalidOption(name, 'must be auto, tab or one ASCII character, not a line end');
};

export const character: Parse<string> = (text, name) => {
  checkCharacter(name, text);
  return text;
};

/** The dialect, with what has no effect left out. Throws INVALID_OPTION if one character has two meanings. */
export function readDialect(values: JobOptionValues): CsvDialect {
  const { delimiter, quote, quotes, comment, header, skip_lines: skipLines, trim } = values;
  const own = values.escape === quote ? undefined : values.escape;
  const dialect = {
    ...{ delimiter, quote, header },
    ...(own === undefined ? {} : { escape: own }),
    ...(quotes === 'strict' ? {} : { quotes }),
    ...(comment === undefined ? {} : { comment }),
    ...(skipLines === 0 ? {} : { skipLines }),
    ...(trim ? { trim } : {}),
  };
  checkDistinct(dialect);
  return dialect;
}
