import type { InferredSchema } from 'batch-ingest-sdk';
import { notesOn } from '../../src/cli/commands/inferred-notes.js';
import { asFlags, foundOptions } from '../../src/cli/commands/inferred-options.js';
import { contract } from '../sdk/contract.js';

const plain = contract.components.examples.InferredOrders.value as InferredSchema;
const dialect: NonNullable<InferredSchema['dialect']> = {
  ...{
    delimiter: '\t',
    quote: "'",
    escape: '\\',
    quotes: 'lax',
    header: false,
    comment: '#',
    skip_lines: 2,
    trim: true,
  },
};
const detection = { confidence: 0.5, runner_up: null, reasons: ['a', 'b'] };
const messy: InferredSchema = { ...plain, dialect, detection, encoding: 'windows-1252', null_values: ["it's", '-'] };

it('says nothing of what a job takes for granted', () => {
  expect(asFlags(foundOptions({ ...plain, null_values: {} }))).toBe('');
  expect(notesOn(plain)).toEqual([]);
});

it('spells what it found for a shell', () => {
  expect(asFlags(foundOptions(messy))).toBe(
    ` --delimiter tab --quote ''\\''' --escape '\\' --quotes lax --comment '#' --skip-lines 2 --trim --no-header` +
      ` --encoding windows-1252 --null-values 'it'\\''s,-'`,
  );
  expect(asFlags({ delimiter: '\u0001' })).toBe(` --delimiter $'\\x01'`);
});

it('says why a file is not plain CSV', () => {
  expect(notesOn(messy)).toEqual(['The file is not plain CSV: a; b']);
});

it('says nothing of the dialect of JSON', () => {
  expect(asFlags(foundOptions({ ...messy, dialect: null, detection: null, null_values: {} }))).toBe('');
});
