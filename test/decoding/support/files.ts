import { type FileHandle, mkdtemp, open, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ByteSource } from '../../../src/decoding/index.js';

/** Opens a file with these bytes for the time of `use`. */
export async function withFile<T>(bytes: Uint8Array, use: (file: FileHandle) => Promise<T>): Promise<T> {
  const dir = await mkdtemp(join(tmpdir(), 'batch-source-'));
  const path = join(dir, 'file');
  await writeFile(path, bytes);
  const file = await open(path, 'r');
  try {
    return await use(file);
  } finally {
    await file.close();
    await rm(dir, { recursive: true, force: true });
  }
}

/** Everything that is left of a source, read into spaces of this size. */
export async function drain(source: ByteSource, spaceBytes = 65_536): Promise<Buffer> {
  const chunks: Buffer[] = [];
  try {
    for (;;) {
      const space = Buffer.alloc(spaceBytes);
      const bytes = await source.read(space);
      if (bytes === 0) return Buffer.concat(chunks);
      chunks.push(space.subarray(0, bytes));
    }
  } finally {
    source.close();
  }
}
