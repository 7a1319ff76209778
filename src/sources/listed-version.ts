import type { SourceScheme } from './source.js';

/** What a listing shows of a version that `stat` has found: how a file that was listed is recognized. */
export function listedVersion(scheme: SourceScheme, version: string): string {
  switch (scheme) {
    case 'file':
      // Without the hash of its beginning and end: a listing opens no file.
      return version.split('-', 2).join('-');
    case 's3': {
      // Listings do not say ids of versions.
      const { versionId, ...listed } = JSON.parse(version) as Record<string, string>;
      return JSON.stringify(listed);
    }
    default:
      return version;
  }
}
