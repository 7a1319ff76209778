import { createHash, type Hash } from 'node:crypto';
import { closeSync, openSync, readSync } from 'node:fs';
import { parentPort } from 'node:worker_threads';
import type { HashAnswer, HashRequest } from './hash-thread.js';

// The thread of HashThread. Nothing else runs here, so it reads synchronously.

interface OpenFile {
  descriptor: number;
  hash: Hash;
  position: number;
}

const files = new Map<number, OpenFile>();
const buffer = Buffer.allocUnsafeSlow(512 * 1024);

function answer(request: HashRequest): HashAnswer | null {
  const { id } = request;
  try {
    if ('isDropped' in request) {
      forget(id);
      return null;
    }
    const file = files.get(id) ?? open(id, request.path);
    readOn(file, request.upTo);
    if (!request.isWhole) return { id, upTo: request.upTo };
    forget(id);
    return { id, digest: file.hash.digest('hex') };
  } catch (error) {
    forget(id);
    return { id, failure: error as Error };
  }
}

function open(id: number, path: string): OpenFile {
  const file = { descriptor: openSync(path, 'r'), hash: createHash('sha256'), position: 0 };
  files.set(id, file);
  return file;
}

function readOn(file: OpenFile, upTo: number): void {
  while (file.position < upTo) {
    const length = Math.min(buffer.length, upTo - file.position);
    const bytesRead = readSync(file.descriptor, buffer, 0, length, file.position);
    if (bytesRead === 0) throw new Error(`The file ends at ${file.position} of ${upTo} bytes`);
    file.hash.update(buffer.subarray(0, bytesRead));
    file.position += bytesRead;
  }
}

function forget(id: number): void {
  const file = files.get(id);
  files.delete(id);
  if (file !== undefined) closeSync(file.descriptor);
}

parentPort?.on('message', (request: HashRequest) => {
  const reply = answer(request);
  if (reply !== null) parentPort?.postMessage(reply);
});
