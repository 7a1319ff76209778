import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

setFlagsFromString('--expose-gc');
const gc = runInNewContext('gc') as (options: { type: 'minor' }) => void;

/**
 * Collects the young generation of the heap: under a millisecond, because it is small. V8 decides when to do that by
 * the size of the objects alone, and those of a chunk that arrived are a thousandth of its bytes, which lie outside of
 * the heap: an upload would leave some 60 MB of chunks that nobody needs.
 */
export function collectMinorGarbage(): void {
  gc({ type: 'minor' });
}
