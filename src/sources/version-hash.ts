import { createHash } from 'node:crypto';
import type { SourceVersion } from './source.js';

/** 16 bytes in hex, for a checkpoint: a version itself would take too much of its room. */
export function versionHash({ version }: Pick<SourceVersion, 'version'>): string {
  return createHash('sha256').update(version).digest('hex').slice(0, 32);
}
