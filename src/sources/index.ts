export { type AllowedSource, hrefsUnder, isHrefUnder, parseAllowedSource } from './allowed-sources.js';
export { parseConnections, type SourceConnection } from './connections.js';
export { contentHash, listedVersion } from './listed-version.js';
export type { FolderWatch } from './local/watch-local-folder.js';
export { type JobSource, type SourceSettings, Sources } from './open-source.js';
export { type ListedFile, MIN_LOCAL_AGE_MS, type SourceUri } from './source.js';
export { SourceFile } from './source-file.js';
export { filenameOf, parseSourceUri } from './source-uri.js';
export { versionHash } from './version-hash.js';
