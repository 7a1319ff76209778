import { ServiceError } from '../errors/index.js';
import { type OpenFile, RangedFile, SequentialFile } from '../storage/index.js';
import { type AllowedSource, isUnder, requireAllowed } from './allowed-sources.js';
import { connectionOf, type SourceConnection } from './connections.js';
import type { FolderWatch } from './local/watch-local-folder.js';
import {
  type ListedFile,
  type ListOptions,
  MAX_PAGE,
  type Source,
  type SourceUri,
  type SourceVersion,
} from './source.js';
import { parseSourcePrefix, parseSourceUri } from './source-uri.js';
import { until } from './until.js';

/** What SOURCES, SOURCE_CONNECTIONS and MAX_SOURCE_BYTES say. */
export interface SourceSettings {
  readonly allowed: readonly AllowedSource[];
  readonly connections: readonly SourceConnection[];
  readonly maxBytes: number;
  /** Time in ms for an answer to begin, and between any two of its bytes; 15 s if it is left out. */
  readonly idleMs?: number;
}

/** Which file a job reads where it lies. */
export interface JobSource extends SourceVersion {
  readonly uri: string;
}

const PIECE_BYTES = 8 * 1024 ** 2;
const IDLE_MS = 15_000;
const STAT_MS = 30_000;

/** The files that a process may read where they lie. SDKs are loaded when they are needed first. */
export class Sources {
  readonly #open = new Map<string, Promise<Source>>();

  constructor(private readonly settings: SourceSettings) {}

  /**
   * The file as it is now. Throws INVALID_SOURCE, SOURCE_NOT_ALLOWED, SOURCE_NOT_FOUND, SOURCE_FORBIDDEN, SOURCE_CHANGED,
   * SOURCE_UNSUPPORTED, SOURCE_UNAVAILABLE, FILE_TOO_LARGE.
   */
  async find(text: string): Promise<JobSource> {
    const uri = this.#require(text);
    const version = await this.#stat(uri);
    if (version.sizeBytes > this.settings.maxBytes) {
      throw new ServiceError(
        'FILE_TOO_LARGE',
        `${uri.href} has ${version.sizeBytes} bytes, more than MAX_SOURCE_BYTES (${this.settings.maxBytes})`,
      );
    }
    return { uri: uri.href, ...version };
  }

  /** Opens that version. Throws as `find`, or what may pass; so do reads. */
  async open({ uri: text, version, sizeBytes, ranges }: JobSource): Promise<OpenFile> {
    const uri = this.#require(text);
    if (uri.scheme === 'file') {
      const { openLocalSource } = await import('./local/local-source.js');
      return openLocalSource(uri, { version, sizeBytes });
    }
    const source = await this.#sourceOf(uri);
    const idleMs = this.settings.idleMs ?? IDLE_MS;
    if (ranges === false) {
      const whole = { version, sizeBytes, ranges };
      const fetch = (signal: AbortSignal) => source.fetch(uri, whole, 0, sizeBytes, signal);
      return new SequentialFile({ sizeBytes, fetch }, idleMs);
    }
    return new RangedFile(
      {
        sizeBytes,
        pieceBytes: PIECE_BYTES,
        leavesChunks: source.leavesChunks === true,
        fetch: (from, to, signal) => source.fetch(uri, { version, sizeBytes }, from, to, signal),
      },
      idleMs,
    );
  }

  /**
   * Whether files under a prefix may be listed: gives the prefix. Throws INVALID_SOURCE, SOURCE_NOT_ALLOWED, SOURCE_UNSUPPORTED if
   * that kind of source has no listing.
   */
  requirePrefix(text: string): SourceUri {
    const prefix = parseSourcePrefix(text);
    if (prefix.scheme === 'http' || prefix.scheme === 'https') {
      throw new ServiceError('SOURCE_UNSUPPORTED', `${prefix.href}: web servers have no listing of their files`);
    }
    requireAllowed(prefix, this.settings.allowed);
    return prefix;
  }

  /**
   * The files under a prefix that SOURCES allows, as `Source.list` says. Throws as `requirePrefix`; SOURCE_NOT_FOUND,
   * SOURCE_FORBIDDEN, SOURCE_UNAVAILABLE.
   */
  async *list(
    text: string,
    { limit = MAX_PAGE, ...options }: Omit<ListOptions, 'limit'> & { limit?: number },
  ): AsyncGenerator<readonly ListedFile[]> {
    const prefix = this.requirePrefix(text);
    const { allowed } = this.settings;
    try {
      for await (const page of await this.#list(prefix, { ...options, limit })) {
        // A prefix may end within the name of a folder, and go on in that of another one.
        const own = page.filter(({ uri }) => allowed.some((each) => isUnder(parseSourceUri(uri), each)));
        if (own.length > 0) yield own;
      }
    } catch (error) {
      throw options.signal.aborted ? error : unavailable(prefix, error);
    }
  }

  async #list(prefix: SourceUri, options: ListOptions): Promise<AsyncIterable<readonly ListedFile[]>> {
    if (prefix.scheme === 'file') {
      const { listLocalFiles } = await import('./local/list-local-files.js');
      return listLocalFiles(prefix, options);
    }
    return (await this.#sourceOf(prefix)).list(prefix, options);
  }

  /**
   * Calls `onFile` with the name of each file that comes into the last folder of a local prefix, as `watchLocalFolder` does. Throws as
   * `requirePrefix`, and what the system does.
   */
  async watch(text: string, onFile: (name: string) => void): Promise<FolderWatch> {
    const { scheme, path, href } = this.requirePrefix(text);
    if (scheme !== 'file') throw new ServiceError('SOURCE_UNSUPPORTED', `${href} is not a local folder`);
    const { watchLocalFolder } = await import('./local/watch-local-folder.js');
    return watchLocalFolder(path.slice(0, path.lastIndexOf('/') + 1), onFile);
  }

  /**
   * Deletes one version of a file, or moves it to `target` (an absolute path) if that is not null. `tag`: the same whenever that
   * is tried again. Throws SOURCE_CHANGED if it is another version, which stays; SOURCE_NOT_FOUND, SOURCE_FORBIDDEN,
   * SOURCE_UNSUPPORTED, SOURCE_UNAVAILABLE.
   */
  async dispose({ uri: text, ...version }: JobSource, tag: string, target: string | null): Promise<void> {
    const uri = this.#require(text);
    this.requireDisposal(uri, target !== null);
    try {
      if (uri.scheme === 'file') {
        const { disposeOfLocalFile } = await import('./local/dispose-local-file.js');
        return await disposeOfLocalFile(uri, version, tag, target);
      }
      const source = await this.#sourceOf(uri);
      await source.delete?.(uri, version, AbortSignal.timeout(STAT_MS));
    } catch (error) {
      if (error instanceof ServiceError) throw error;
      const { code, name } = error as NodeJS.ErrnoException;
      throw new ServiceError('SOURCE_UNAVAILABLE', `${uri.href} cannot be removed (${code ?? name})`, { cause: error });
    }
  }

  /** Throws SOURCE_UNSUPPORTED if files of that kind of source cannot be deleted, or moved. */
  requireDisposal({ scheme }: Pick<SourceUri, 'scheme'>, moves: boolean): void {
    if (scheme === 'file' || (!moves && scheme !== 'http' && scheme !== 'https')) return;
    const isWeb = scheme === 'http' || scheme === 'https';
    const may = isWeb ? 'only kept' : 'only kept or deleted';
    throw new ServiceError(
      'SOURCE_UNSUPPORTED',
      `Files of ${scheme}: cannot be ${moves ? 'moved' : 'deleted'}, ${may}`,
    );
  }

  async close(): Promise<void> {
    const opened = await Promise.allSettled(this.#open.values());
    this.#open.clear();
    for (const each of opened) if (each.status === 'fulfilled') await each.value.close();
  }

  #require(text: string): SourceUri {
    const uri = parseSourceUri(text);
    requireAllowed(uri, this.settings.allowed);
    return uri;
  }

  async #stat(uri: SourceUri): Promise<SourceVersion> {
    try {
      if (uri.scheme === 'file') {
        const { statLocalFile } = await import('./local/local-source.js');
        // A network mount that is away lets nobody end what waits for it.
        return await until(statLocalFile(uri), AbortSignal.timeout(STAT_MS));
      }
      return await (await this.#sourceOf(uri)).stat(uri, AbortSignal.timeout(STAT_MS));
    } catch (error) {
      const refused = unavailable(uri, error);
      if (refused.code !== 'SOURCE_NOT_FOUND' || !uri.path.includes('*')) throw refused;
      throw new ServiceError(refused.code, `${refused.message}; * stands for any text in the URI of a feed only`, {
        cause: error,
      });
    }
  }

  /** One for each connection: it keeps its sockets from file to file. */
  async #sourceOf(uri: SourceUri): Promise<Source> {
    const { allowed, connections } = this.settings;
    const connection = connectionOf(uri, connections);
    const isWeb = uri.scheme === 'http' || uri.scheme === 'https';
    const key = isWeb ? 'web' : `${uri.scheme} ${connection === undefined ? '' : connections.indexOf(connection)}`;
    const options = connection?.options ?? {};
    const open = async (): Promise<Source> => {
      switch (uri.scheme) {
        case 's3':
          return new (await import('./s3/s3-source.js')).S3Source(options);
        case 'http':
        case 'https':
          return new (await import('./https/https-source.js')).HttpsSource({ allowed, connections });
        case 'gs':
          return new (await import('./gcs/gcs-source.js')).GcsSource(options);
        case 'az':
          return new (await import('./azure/azure-source.js')).AzureSource(options);
        default:
          throw new Error(`${uri.scheme}: has no source of this kind`);
      }
    };
    const known = this.#open.get(key) ?? open();
    this.#open.set(key, known);
    return known;
  }
}

/** Codes of OpenSSL and Node.js for a certificate that does not hold, which another attempt would not change. */
const CERTIFICATE = /^(?:ERR_TLS_|CERT_|UNABLE_TO_|DEPTH_ZERO_|SELF_SIGNED_)/;

/** What another attempt may mend, for a caller that makes none. */
function unavailable({ scheme, href }: SourceUri, error: unknown): ServiceError {
  if (error instanceof ServiceError) return error;
  const { code, name } = error as NodeJS.ErrnoException;
  // The code of a DOMException is a number.
  const why = typeof code === 'string' ? code : name;
  // It may be known later, but a name that is misspelled should not be waited for.
  if (why === 'ENOTFOUND')
    return new ServiceError('SOURCE_NOT_FOUND', `${href}: there is no host of this name`, { cause: error });
  if (scheme === 'https' && CERTIFICATE.test(why)) {
    const detail = `The certificate of ${href} is not trusted (${why}): name its authority as ca_file in SOURCE_CONNECTIONS`;
    return new ServiceError('SOURCE_UNSUPPORTED', detail, { cause: error });
  }
  return new ServiceError('SOURCE_UNAVAILABLE', `${href} does not answer (${why})`, { cause: error });
}
