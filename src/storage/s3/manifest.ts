import type { S3Settings } from './s3-settings.js';

/** What a stored file consists of: objects of `partBytes` each, the last one of less. */
export interface Manifest {
  /** Random; the parts' keys begin with it. */
  id: string;
  sizeBytes: number;
  partBytes: number;
  /** The entity tags of the parts, in their order. */
  etags: string[];
}

/** Where a file is: its manifest, or the key of that. */
export type S3Location = { kind: 's3'; settings: S3Settings } & ({ key: string } | { manifest: Manifest });

/** What lies at the key of a file that comes in. */
export interface IncomingMark {
  /** The job that the file was about to be given to; null: none yet. */
  jobId: string | null;
}

export const JOBS = 'jobs/';
export const INCOMING = 'incoming/';
export const ORPHANS = 'orphans/';
const PARTS = 'parts/';

/** What the keys of a file's parts begin with. */
export function partsOf(id: string): string {
  return `${PARTS}${id}/`;
}

/** The key of a part, which are counted from 0. */
export function partKey(id: string, index: number): string {
  return partsOf(id) + String(index + 1).padStart(6, '0');
}

export function partKeys({ id, etags }: Manifest): string[] {
  return Array.from(etags, (_, index) => partKey(id, index));
}

/** Throws if the object was not written by this version, or an earlier one. */
export function readManifest(text: string): Manifest {
  const { version, ...manifest } = JSON.parse(text) as Manifest & { version: unknown };
  if (version !== 1) throw new Error(`A stored file has the unknown version ${String(version)}`);
  return manifest;
}

export function writeManifest(manifest: Manifest): string {
  return JSON.stringify({ version: 1, ...manifest });
}
