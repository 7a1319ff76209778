import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

setFlagsFromString('--expose-gc');
const gc = runInNewContext('gc') as (options: { type: 'minor' }) => void;

/** Chunks are collected together once they have this many bytes. */
const COLLECT_BYTES = 2 * 1024 * 1024;

let released = 0;

/**
 * Says that chunks from the network with this number of bytes are not needed any more. The young generation of the
 * heap is collected now and then, in under a millisecond because it is small. V8 decides when to do that by the size of
 * the objects alone, and those of a chunk are a thousandth of its bytes, which lie outside of the heap: an upload would
 * leave some 60 MB of chunks that nobody needs, and be held up by collections of the whole heap.
 */
export function releaseChunks(bytes: number): void {
  released += bytes;
  if (released < COLLECT_BYTES) return;
  released = 0;
  gc({ type: 'minor' });
}
