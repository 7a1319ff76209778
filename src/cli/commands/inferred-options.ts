import type { InferredSchema, JobUpload } from 'batch-ingest-sdk';
import { nullFlags, quoted } from './null-flags.js';

/** What a job has to be told about a file that was inferred: only what differs from the defaults. */
export type FoundOptions = Pick<
  JobUpload,
  'delimiter' | 'quote' | 'escape' | 'quotes' | 'comment' | 'skipLines' | 'trim' | 'header' | 'encoding' | 'nullValues'
>;

export function foundOptions({ dialect, encoding, null_values: nulls }: InferredSchema): FoundOptions {
  const found: FoundOptions = {};
  if (nullFlags(nulls) !== '') found.nullValues = nulls;
  if (dialect === null) return found;
  if (encoding !== null && encoding !== 'utf-8') found.encoding = encoding;
  if (dialect.delimiter !== ',') found.delimiter = dialect.delimiter;
  if (dialect.quote !== '"') found.quote = dialect.quote;
  if (dialect.escape !== dialect.quote) found.escape = dialect.escape;
  if (dialect.quotes !== 'strict') found.quotes = dialect.quotes;
  if (dialect.comment !== null) found.comment = dialect.comment;
  if (dialect.skip_lines > 0) found.skipLines = dialect.skip_lines;
  if (dialect.trim) found.trim = true;
  if (!dialect.header) found.header = false;
  return found;
}

/** The same as flags of `job create`, ready to be pasted into a shell: each with a blank before it. */
export function asFlags(options: FoundOptions): string {
  const { delimiter, quote, escape: own, quotes, comment, skipLines, trim, header, encoding, nullValues } = options;
  return [
    delimiter === undefined ? '' : ` --delimiter ${delimiter === '\t' ? 'tab' : inShell(delimiter)}`,
    quote === undefined ? '' : ` --quote ${inShell(quote)}`,
    own === undefined ? '' : ` --escape ${inShell(own)}`,
    quotes === undefined ? '' : ` --quotes ${quotes}`,
    comment === undefined ? '' : ` --comment ${inShell(comment)}`,
    skipLines === undefined ? '' : ` --skip-lines ${skipLines}`,
    trim === true ? ' --trim' : '',
    header === false ? ' --no-header' : '',
    encoding === undefined ? '' : ` --encoding ${encoding}`,
    nullValues === undefined ? '' : nullFlags(nullValues),
  ].join('');
}

/** A character for a shell. */
function inShell(character: string): string {
  const code = character.charCodeAt(0);
  // Bash and zsh write the others like this.
  return code >= 0x20 && code < 0x7f ? quoted(character) : `$'\\x${code.toString(16).padStart(2, '0')}'`;
}
