import { createHash, type Hash } from 'node:crypto';
import { parentPort } from 'node:worker_threads';
import { crc32 } from 'node:zlib';
import type { PartHashAnswer, PartHashRequest } from './part-hash-thread.js';

// The thread of PartHashThread.

const hashes = new Map<number, Hash>();

function answer(request: PartHashRequest): PartHashAnswer | null {
  const { file } = request;
  const hash = hashes.get(file) ?? createHash('sha256');
  if ('bytes' in request) {
    hashes.set(file, hash);
    hash.update(request.bytes);
    return { crc32: crc32(request.bytes) };
  }
  hashes.delete(file);
  return 'isEnd' in request ? { digest: hash.digest('hex') } : null;
}

parentPort?.on('message', (request: PartHashRequest) => {
  const reply = answer(request);
  if (reply !== null) parentPort?.postMessage(reply);
});
