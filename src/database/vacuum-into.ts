import { sql } from 'kysely';
import { ServiceError } from '../errors/index.js';
import type { Database } from './open-database.js';

const SQLITE_IOERR = 10;

/**
 * Writes the whole of a SQLite, as it is at one moment, to a file that is not there yet. Other statements wait meanwhile.
 * Throws INSUFFICIENT_STORAGE if the file cannot be written: SQLite does not say of it whether the disk is full.
 */
export async function vacuumInto(db: Database, file: string): Promise<void> {
  try {
    await sql`VACUUM INTO ${file}`.execute(db);
  } catch (error) {
    if (!(error instanceof Error) || !('errcode' in error) || error.errcode !== SQLITE_IOERR) throw error;
    throw new ServiceError('INSUFFICIENT_STORAGE', `The backup cannot be written: ${error.message}`, { cause: error });
  }
}
