import { Command, InvalidArgumentError, Option } from '@commander-js/extra-typings';
import type { Key } from 'batch-ingest-sdk';
import { keyDetails, keyTable } from '../render/key-table.js';
import type { Session } from '../session.js';
import { list } from './options.js';

const SCOPES = ['read', 'write', 'admin'] as const;
const DAY_MS = 86_400_000;

export function keyCommand(open: () => Session) {
  const key = new Command('key').description('Create, list and revoke API keys, if the service asks for them.');

  key
    .command('create')
    .description('Create an API key. It is shown this once.')
    .argument('<name>', 'who will use it; keys of one name follow one another')
    .addOption(new Option('--scope <scope>', 'what it may do').choices(SCOPES).default('write' as const))
    .option('--models <list>', 'ids of the only models that it sees and uses, with commas; default: all', list)
    .option('--expires <when>', 'a number of days (90d) or a time (2027-01-31T00:00:00Z); default: never', expiry)
    .addHelpText(
      'after',
      `
read looks at everything, write also changes jobs, models and feeds, admin also manages keys. The first key of a service
is created on its server: docs/security.md.

Examples:
  $ batch key create orders-loader --models orders --expires 365d
  $ batch key create prometheus --scope read
  $ batch key create orders-loader --output json | jq -r .key`,
    )
    .action(async (name, { scope, models, expires }) => {
      const session = open();
      const client = await session.client();
      const body = { name, scope, models: models ?? null, expires_at: expires ?? null };
      const created = await client.createKey(body, { signal: session.signal });
      session.show(created, keyDetails);
      session.note('\nKeep the key now: it is not shown again. Use it: batch login, or BATCH_API_KEY');
    });

  key
    .command('list')
    .description('List the API keys, newest first.')
    .addHelpText('after', '\nExample:\n  $ batch key list')
    .action(async () => {
      const session = open();
      const client = await session.client();
      const keys: Key[] = [];
      for await (const each of client.listKeys({ pageSize: 1000, signal: session.signal })) keys.push(each);
      session.show(keys, (all, style, width) => keyTable(all, style, Date.now(), width));
    });

  key
    .command('current')
    .description('Show the API key that the commands are run with.')
    .addHelpText('after', '\nExample:\n  $ batch key current')
    .action(async () => {
      const session = open();
      const client = await session.client();
      session.show(await client.getCurrentKey({ signal: session.signal }), keyDetails);
    });

  key
    .command('revoke')
    .description('Revoke an API key: the next request with it is refused.')
    .argument('<id>', 'what follows batch_ in the key; see `batch key list`')
    .addHelpText('after', '\nExample:\n  $ batch key revoke k3f9x0ab')
    .action(async (id) => {
      const session = open();
      const client = await session.client();
      session.show(await client.revokeKey(id, { signal: session.signal }), keyDetails);
    });

  return key;
}

/** `90d` from now, or a time as it is. */
function expiry(text: string): string {
  const days = /^(\d{1,5})d$/.exec(text)?.[1];
  if (days !== undefined) return new Date(Date.now() + Number(days) * DAY_MS).toISOString();
  if (/^\d{4}-\d\d-\d\dT/.test(text)) return text;
  throw new InvalidArgumentError('It must be a number of days such as 90d, or a time such as 2027-01-31T00:00:00Z.');
}
