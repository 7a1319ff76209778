import { Command, Option } from '@commander-js/extra-typings';
import type { Model, ModelCreate, SinkName } from 'batch-ingest-sdk';
import { CliError } from '../failure.js';
import { modelDetails, modelTable } from '../render/model-table.js';
import { printable } from '../render/style.js';
import type { Session } from '../session.js';
import { modelInferCommand } from './model-infer.js';
import { modelSinks, positiveInteger } from './options.js';

const sinksOption = () =>
  new Option(
    '--sinks <list>',
    "sinks of the model's jobs that name none: clickhouse, postgres, both with a comma, none, or default: those of the service",
  ).argParser(modelSinks);

/** As the contract has them. */
function sinksOf({ sinks }: { sinks?: SinkName[] | 'default' | undefined }): SinkName[] | null | undefined {
  return sinks === 'default' ? null : sinks;
}

export function modelCommand(open: () => Session) {
  const model = new Command('model').description('Create and manage models: named schemas that rows must satisfy.');

  model
    .command('create')
    .description('Create a model.')
    .argument(
      '<name>',
      'display name; also the id if it is valid as one, otherwise the id is random unless --id is given',
    )
    .argument('<schema>', 'a file with the schema as JSON, or - for standard input')
    .option('--id <id>', 'id of the model: at most 63 letters, digits, _ and -, beginning with a letter or digit')
    .addOption(sinksOption())
    .addHelpText(
      'after',
      `
A schema maps column names to types, or is a JSON Schema of type object. The types are String, Bool, Int8, Int16, Int32,
Int64, UInt8, UInt16, UInt32, UInt64, Float32, Float64, Decimal(P,S), Date, DateTime, DateTime64(n),
Date('format'), DateTime('format') and UUID, each also as Nullable(…) if a value may be missing. The formats are YYYYMMDD,
and for DateTime epoch_s, epoch_ms and epoch_us.

\`batch model infer FILE\` infers a schema from a file.

Examples:
  $ batch model create orders schemas/orders.json
  $ echo '{"id": "String", "qty": "Int32"}' | batch model create orders -
  $ batch model create "Orders of 2026" orders.json --id orders-2026
  $ batch model create orders schemas/orders.json --sinks clickhouse,postgres`,
    )
    .action(async (name, file, options) => {
      const session = open();
      const schema = parseSchema(await readText(file, session), file);
      const client = await session.client();
      const { id } = options;
      const created = await client.createModel(
        { id, name, schema, sinks: sinksOf(options) },
        { signal: session.signal },
      );
      session.show(created, modelDetails);
      session.note(`\nNext: batch job create ${created.id} FILE --wait`);
    });

  model.addCommand(modelInferCommand(open));

  model
    .command('update')
    .description('Store a new version of a model; existing jobs keep theirs.')
    .argument('<id>')
    .argument('<schema>', 'a file with the schema as JSON, or - for standard input')
    .option('--name <name>', 'a new name')
    .addOption(sinksOption())
    .addHelpText(
      'after',
      '\nExamples:\n  $ batch model update orders schemas/orders.json\n  $ batch model update orders schemas/orders.json --sinks clickhouse',
    )
    .action(async (id, file, options) => {
      const session = open();
      const schema = parseSchema(await readText(file, session), file);
      const client = await session.client();
      const { name } = options;
      const updated = await client.updateModel(
        id,
        { name, schema, sinks: sinksOf(options) },
        { signal: session.signal },
      );
      session.show(updated, modelDetails);
    });

  model
    .command('delete')
    .description('Delete a model; existing jobs keep their version of it.')
    .argument('<id>')
    .addHelpText('after', '\nExample:\n  $ batch model delete orders')
    .action(async (id) => {
      const session = open();
      const client = await session.client();
      await client.deleteModel(id, { signal: session.signal });
      session.show({ deleted: id }, () => `deleted ${printable(id)}\n`);
    });

  model
    .command('list')
    .description('List the models, newest first.')
    .addHelpText('after', '\nExample:\n  $ batch model list')
    .action(async () => {
      const session = open();
      const client = await session.client();
      const models: Model[] = [];
      for await (const entry of client.listModels({ pageSize: 1000, signal: session.signal })) models.push(entry);
      session.show(models, modelTable);
      if (models.length === 0) session.note('There are no models yet. Create one: batch model create NAME SCHEMA');
    });

  model
    .command('describe')
    .description('Show a model and its columns.')
    .argument('<id>')
    .option('--version <n>', 'the version to show (default: the newest)', positiveInteger)
    .addHelpText('after', '\nExamples:\n  $ batch model describe orders\n  $ batch model describe orders --version 1')
    .action(async (id, { version }) => {
      const session = open();
      const client = await session.client();
      const { signal } = session;
      const model =
        version === undefined ? client.getModel(id, { signal }) : client.getModelVersion(id, version, { signal });
      session.show(await model, modelDetails);
    });

  return model;
}

async function readText(file: string, session: Session): Promise<string> {
  const { readFile } = await import('node:fs/promises');
  if (file !== '-') return readFile(file, { encoding: 'utf8', signal: session.signal });
  const chunks: Uint8Array[] = [];
  for await (const chunk of session.environment.stdin()) chunks.push(chunk);
  return Buffer.concat(chunks).toString('utf8');
}

/** Only that it is JSON is judged here; the service says what is wrong with the schema itself. */
function parseSchema(text: string, file: string): ModelCreate['schema'] {
  try {
    return JSON.parse(text.replace(/^\uFEFF/, ''));
  } catch (error) {
    const where = file === '-' ? 'standard input' : `'${file}'`;
    const reason = error instanceof Error ? error.message : String(error);
    throw new CliError('INVALID_JSON', `${where} is not JSON: ${reason}`, 'Correct the schema file.');
  }
}
