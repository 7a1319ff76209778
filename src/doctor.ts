import { existsSync } from 'node:fs';
import type { Config } from './config/index.js';
import { type Database, openDatabase, openPostgres } from './database/index.js';
import { SqliteThread } from './database/sqlite/index.js';
import { type Diagnosed, type Diagnosis, diagnose, existing } from './diagnostics/index.js';
import { type FileStore, LocalFileStore, S3FileStore } from './storage/index.js';

/**
 * What a service of these settings would meet, also if it does not start. It opens what the service would, and changes
 * nothing of it; SQLite is held meanwhile. Never rejects for what it looks at.
 */
export async function doctor(config: Config): Promise<Diagnosis> {
  const database = await openStore(config);
  const files = filesOf(config);
  try {
    return await diagnose({ config, database, files });
  } finally {
    await files.close();
    if (!('absent' in database)) await database.destroy();
  }
}

async function openStore({ database, dataDir }: Config): Promise<Diagnosed['database']> {
  if (database.kind === 'sqlite' && !existsSync(database.file)) {
    return { absent: `the service creates ${database.file} when it first starts` };
  }
  try {
    return await openAsIs(database, dataDir);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return { absent: database.kind === 'sqlite' ? `${reason} If that is the service, ask it: batch doctor` : reason };
  }
}

function openAsIs(database: Config['database'], dataDir: string): Promise<Database> {
  return database.kind === 'sqlite'
    ? openDatabase(new SqliteThread(dataDir, { file: database.file, busyTimeoutMs: 500 }), 'as-is')
    : openPostgres({ url: database.url, onIdleError: () => undefined }, 'as-is');
}

function filesOf({ storage, minFreeBytes, uploadBufferBytes, maxUploads }: Config): FileStore {
  if (storage.kind === 'local') {
    return new LocalFileStore(existing(storage.folder), minFreeBytes);
  }
  const { kind: _kind, ...settings } = storage;
  return new S3FileStore({ settings, installationId: 'doctor', bufferBytes: uploadBufferBytes, maxUploads });
}
