import type { S3Settings } from './s3-settings.js';

/** What a stored file consists of: objects of `partBytes` each, the last one of less. */
export interface Manifest {
  /** The file's key, a UUID. */
  id: string;
  sizeBytes: number;
  partBytes: number;
  /** The entity tags of the parts, in their order. */
  etags: string[];
}

/** Where a file is: its manifest, or the key of that. */
export type S3Location = { kind: 's3'; settings: S3Settings } & ({ key: string } | { manifest: Manifest });

const FILES = 'files/';

/** What the keys of all objects of a file begin with. */
export function objectsOf(id: string): string {
  return `${FILES}${id}/`;
}

/** The key of a part, which are counted from 0. */
export function partKey(id: string, index: number): string {
  return objectsOf(id) + String(index + 1).padStart(6, '0');
}

export function manifestKey(id: string): string {
  return `${objectsOf(id)}manifest`;
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
