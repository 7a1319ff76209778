export { type AllowedSource, parseAllowedSource } from './allowed-sources.js';
export { parseConnections, type SourceConnection } from './connections.js';
export { type JobSource, type SourceSettings, Sources } from './open-source.js';
export { SourceFile } from './source-file.js';
export { filenameOf, parseSourceUri } from './source-uri.js';
