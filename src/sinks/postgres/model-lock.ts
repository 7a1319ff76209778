import type { Client } from './connections.js';

/** First of the two keys of our advisory locks; any number that other programs do not use is as good. */
const MODEL_LOCKS = 730_522_910;

/**
 * Until the transaction ends. Blocks of a model share it, whoever takes rows out has it alone: a row that a job links to
 * while its last link is being deleted would be lost otherwise. Rows of different models never are the same.
 */
export async function lockModel(client: Client, modelId: string, mode: 'shared' | 'exclusive'): Promise<void> {
  const lock = mode === 'shared' ? 'pg_advisory_xact_lock_shared' : 'pg_advisory_xact_lock';
  await client.query(`SELECT ${lock}($1, hashtext($2))`, [MODEL_LOCKS, modelId]);
}
