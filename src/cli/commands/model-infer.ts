import { Command } from '@commander-js/extra-typings';
import { inferredDetails } from '../render/inferred-table.js';
import { schemaText } from '../render/schema-text.js';
import type { Session } from '../session.js';
import { givenOf, INFER_FLAGS, withFlags } from './file-flags.js';
import { notesOn } from './inferred-notes.js';
import { asFlags, foundOptions } from './inferred-options.js';
import { positiveInteger } from './options.js';

export function modelInferCommand(open: () => Session) {
  const command = new Command('infer')
    .description('Infer a schema from the first rows of a file; nothing is stored.')
    .argument('<file>', 'the file, or - for standard input; only its first 8 MiB are sent, except for Parquet')
    .option('--schema-only', 'print only the schema, even on a terminal');
  return withFlags(command, INFER_FLAGS)
    .option('--sample-rows <n>', 'maximum number of rows to sample, up to 100000 (default: 100000)', positiveInteger)
    .addHelpText(
      'after',
      `
How CSV is written (delimiter, quotes, lines before the header, encoding) is found out unless a flag says it.
On a terminal it shows each column's type, and why; when piped, it prints only the schema, ready for model create.
With --output json it prints all of the evidence. A sample proves nothing about the rows after it: read the schema
before you rely on it.

Examples:
  $ batch model infer orders.csv
  $ batch model infer orders.csv > orders.json && batch model create orders orders.json
  $ batch model infer export.txt --output json
  $ zcat orders.csv.gz | batch model infer -
  $ batch model infer orders.ndjson
  $ batch model infer orders.parquet`,
    )
    .action(async (file, options) => {
      const session = open();
      const client = await session.client();
      const inferred = await client.inferModel(
        {
          file: file === '-' ? session.environment.stdin() : file,
          ...givenOf(INFER_FLAGS, options),
          sampleRows: options.sampleRows,
        },
        { signal: session.signal },
      );
      const isForOthers = session.mode === 'json' && !session.isModeAsked;
      if (options.schemaOnly === true || isForOthers) await session.print(schemaText(inferred.schema));
      else session.show(inferred, inferredDetails);
      const flags = asFlags(foundOptions(inferred));
      if (flags !== '') session.warn(`Pass these to the job as well:${flags}`);
      for (const text of notesOn(inferred)) session.warn(text);
    });
}
