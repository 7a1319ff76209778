import type { DatabaseError } from 'pg';
import type { Client } from './connections.js';
import { isRefusal } from './errors.js';

/**
 * Runs `attempt` for the items `[0, count)` in as few pieces as go through; `refused` is called for each item that the
 * database does not take. Everything happens in the transaction that is open. At most 2 × count attempts.
 */
export async function isolate(
  client: Client,
  count: number,
  attempt: (from: number, to: number) => Promise<void>,
  refused: (index: number, error: DatabaseError) => void,
): Promise<void> {
  if (count === 0) return;
  await client.query('SAVEPOINT batch_piece');
  const pieces: [from: number, to: number][] = [[0, count]];
  for (let piece = pieces.pop(); piece !== undefined; piece = pieces.pop()) {
    const [from, to] = piece;
    try {
      await attempt(from, to);
    } catch (error) {
      if (!isRefusal(error)) throw error;
      // The savepoint stays.
      await client.query('ROLLBACK TO SAVEPOINT batch_piece');
      if (to - from === 1) {
        refused(from, error);
        continue;
      }
      const middle = (from + to) >>> 1;
      pieces.push([middle, to], [from, middle]);
      continue;
    }
    if (pieces.length > 0) await client.query('RELEASE SAVEPOINT batch_piece; SAVEPOINT batch_piece');
  }
  await client.query('RELEASE SAVEPOINT batch_piece');
}
