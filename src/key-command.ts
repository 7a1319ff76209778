import { parseArgs } from 'node:util';
import { ApiKeyStore, ApiKeys } from './auth/index.js';
import type { Config } from './config/index.js';
import { type Database, openDatabase, openPostgres } from './database/index.js';
import { SqliteThread } from './database/sqlite/index.js';
import { ServiceError } from './errors/index.js';
import { StartupError } from './startup-errors.js';

const KEY_USAGE = `Usage: node dist/main.js key create NAME [--scope read|write|admin] [--model ID]… [--expires TIME]
       node dist/main.js key list
       node dist/main.js key revoke ID
They work on the database that the settings name. One in SQLite is the service's alone while it runs: use \`batch key\` then.`;

/** Carries out one of the commands above; gives what is to be printed. Throws what is wrong with them, in words. */
export async function runKeyCommand(args: readonly string[], config: Config): Promise<string> {
  const { command, name, settings } = parse(args);
  const db = await open(config);
  try {
    const keys = new ApiKeys(new ApiKeyStore(db));
    switch (command) {
      case 'create': {
        // Only the key, so that a script can keep it.
        return (await keys.create({ name, ...settings }, null)).key;
      }
      case 'revoke':
        return `Revoked the key ${(await keys.revoke(name)).prefix}.`;
      default:
        return await listed(keys);
    }
  } catch (error) {
    if (error instanceof ServiceError && error.code === 'INVALID_REQUEST')
      throw new StartupError(`${error.message}\n${KEY_USAGE}`);
    throw error;
  } finally {
    await db.destroy();
  }
}

/** One key per line, tab-separated, newest first. */
async function listed(keys: ApiKeys): Promise<string> {
  const lines = ['ID\tNAME\tSCOPE\tMODELS\tCREATED\tEXPIRES\tREVOKED'];
  let cursor: string | undefined;
  do {
    const { items, nextCursor } = await keys.list({ limit: 1000, cursor });
    for (const { id, name, scope, models, ...times } of items) {
      const shown = [models?.join(',') ?? '*', times.created_at, times.expires_at ?? '-', times.revoked_at ?? '-'];
      lines.push([id, name, scope, ...shown].join('\t'));
    }
    cursor = nextCursor ?? undefined;
  } while (cursor !== undefined);
  return lines.join('\n');
}

function parse(args: readonly string[]): { command: string; name: string; settings: object } {
  const text = { type: 'string' } as const;
  const { values, positionals } = parsed(() =>
    parseArgs({
      args: [...args],
      allowPositionals: true,
      options: { scope: text, model: { ...text, multiple: true }, expires: text },
    }),
  );
  const [command = '', name = '', ...others] = positionals;
  const isList = command === 'list' && name === '';
  const hasName = (command === 'create' || command === 'revoke') && name !== '' && others.length === 0;
  const hasOptions = Object.keys(values).length > 0;
  if ((!isList && !hasName) || (hasOptions && command !== 'create')) throw new StartupError(KEY_USAGE);
  const { scope = 'admin', model: models = null, expires = null } = values;
  return { command, name, settings: { scope, models, expires_at: expires } };
}

function parsed<T>(parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    throw new StartupError(`${(error as Error).message}\n${KEY_USAGE}`, { cause: error });
  }
}

async function open({ database, dataDir, migrate }: Config): Promise<Database> {
  return database.kind === 'sqlite'
    ? openDatabase(new SqliteThread(dataDir, database), migrate)
    : openPostgres({ url: database.url, onIdleError: () => undefined }, migrate);
}
