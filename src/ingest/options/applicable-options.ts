import { FILE_FORMATS, type FileFormat, FORMATS } from '../formats.js';
import { invalidOption } from './invalid-option.js';
import { JOB_OPTIONS } from './job-options.js';
import { type OptionTable, TEXT_FORMATS } from './option.js';

/**
 * Throws INVALID_OPTION if one of these options would say nothing about a file of this format: whoever gives it takes the
 * file for something else, or expects of it what does not happen.
 */
export function refuseInapplicable(given: readonly string[], format: FileFormat): void {
  const table: OptionTable = JOB_OPTIONS;
  for (const name of given) {
    const formats = table[name]?.formats;
    if (formats === undefined || formats.includes(format)) continue;
    const subject = formats === TEXT_FORMATS ? 'text' : formats.map((each) => FORMATS[each].label).join(', ');
    const otherwise = FORMATS[format].magic === null ? ', or send format=csv if the file is CSV' : '';
    throw invalidOption(
      name,
      `applies only to ${subject}, but the file is ${FORMATS[format].label}; remove it${otherwise}`,
    );
  }
}

/** The format that these options say something about, and no other; null: they say it about several. */
export function impliedFormat(given: readonly string[]): FileFormat | null {
  const table: OptionTable = JOB_OPTIONS;
  const said = given.flatMap((name) => table[name] ?? []);
  const [only, ...others] = FILE_FORMATS.filter((format) => said.every(({ formats }) => formats.includes(format)));
  return others.length === 0 ? (only ?? null) : null;
}
