import type { ListedFile, SourceScheme } from './source.js';

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

/**
 * The MD5 of the content of a blob that has one, in Base64, by its version: the entity tag changes with its metadata, too. null: the
 * version alone tells.
 */
export function contentHash({ uri, version }: Pick<ListedFile, 'uri' | 'version'>): string | null {
  return uri.startsWith('az:') ? ((JSON.parse(version) as { md5?: string }).md5 ?? null) : null;
}
