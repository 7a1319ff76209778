import { type ErrorCode, ServiceError } from '../../errors/index.js';
import type { Clock } from '../../jobs/index.js';
import { type ListedFile, MIN_LOCAL_AGE_MS, type Sources } from '../../sources/index.js';
import type { Completeness } from '../domain/feed.js';

const MAX_MARKER_BYTES = 4_096;
/** Files of which it is remembered how long they have been the same. Others wait until there is room. */
const MAX_WATCHED = 10_000;
/** Markers that are asked for side by side. */
const ASKED_AT_ONCE = 8;
/** Answers to the question for a marker that mean that there is none, or none yet. */
const ABSENT: readonly ErrorCode[] = ['SOURCE_NOT_FOUND', 'SOURCE_CHANGED', 'SOURCE_UNSUPPORTED', 'INVALID_SOURCE'];

/** A marker's name, encoded as it is in a URI: it has nothing that would have to be. */
export function markerOf(uri: string, marker: 'done' | 'sha256' | '_SUCCESS'): string {
  return marker === '_SUCCESS' ? `${uri.slice(0, uri.lastIndexOf('/') + 1)}_SUCCESS` : `${uri}.${marker}`;
}

/** Whether the file is a marker of others, which a feed with markers does not take itself. */
export function isMarker(uri: string, complete: Completeness): boolean {
  if (complete === null || 'stable' in complete) return false;
  return complete.marker === '_SUCCESS' ? uri.endsWith('/_SUCCESS') : uri.endsWith(`.${complete.marker}`);
}

/**
 * The hash that `<name>.sha256` says, in hex, as sha256sum writes it. Throws READ_ERROR if it says none; what `Sources.find` does.
 */
export async function readSha256(sources: Sources, uri: string): Promise<string> {
  const marker = markerOf(uri, 'sha256');
  const text = await beginningOf(sources, marker);
  const [, hash] = /^\\?([0-9a-f]{64})(?:\s|$)/i.exec(text) ?? [];
  if (hash !== undefined) return hash.toLowerCase();
  throw new ServiceError('READ_ERROR', `${marker} does not begin with a SHA-256 in hex`);
}

async function beginningOf(sources: Sources, uri: string): Promise<string> {
  const found = await sources.find(uri);
  if (found.sizeBytes === 0) return '';
  try {
    const file = await sources.open(found);
    try {
      const buffer = Buffer.alloc(Math.min(file.sizeBytes, MAX_MARKER_BYTES));
      const { bytesRead } = await file.read(buffer, 0, buffer.length, 0);
      return buffer.toString('latin1', 0, bytesRead);
    } finally {
      await file.close();
    }
  } catch (error) {
    if (error instanceof ServiceError) throw error;
    // One marker that cannot be read must not keep the others waiting.
    throw new ServiceError('SOURCE_UNAVAILABLE', `${uri} could not be read`, { cause: error });
  }
}

/** When a local file was changed last, in ms since the epoch, by its version. */
function modifiedMs(version: string): number {
  return Number(BigInt(version.split('-')[1] ?? '0') / 1_000_000n);
}

interface Watched {
  version: string;
  since: number;
  /** The number of the listing that has shown it last. */
  listing: number;
}

/**
 * Which of the files of one feed are complete. What it has seen of files that have to be stable goes with the process: they are
 * watched anew.
 */
export class CompleteFiles {
  readonly #watched = new Map<string, Watched>();
  #listing = 0;
  #soonMs: number | null = null;
  #revision: number | null = null;

  constructor(
    private readonly sources: Pick<Sources, 'find'>,
    private readonly clock: Clock,
  ) {}

  /** A listing begins at the first file. `revision`: of the feed. */
  begin(revision: number | null = null): void {
    this.#revision = revision;
    this.#listing += 1;
    this.#soonMs = null;
  }

  /** That of the feed when the listing has begun; null: that was in another process. */
  get revision(): number | null {
    return this.#revision;
  }

  /** The listing has ended. Time in ms after which files may be complete that it has shown and are not; null: there are none. */
  end(): number | null {
    for (const [uri, { listing }] of this.#watched) if (listing < this.#listing) this.#watched.delete(uri);
    return this.#soonMs;
  }

  /** Those of a page of a listing that are complete. Throws what `Sources.find` does, except that there is no such marker. */
  async among(files: readonly ListedFile[], complete: Completeness): Promise<readonly ListedFile[]> {
    const old = files.filter((file) => this.#isOld(file));
    if (complete === null || old.length === 0) return old;
    if ('stable' in complete) return old.filter((file) => this.#isStable(file, complete.stable * 1_000));
    const { marker } = complete;
    // One that was left by an earlier version says nothing of this one. A hash is checked, and is often sent first.
    const since = ({ modifiedAt }: ListedFile): number => (marker === 'done' ? modifiedAt.getTime() : 0);
    const there = await this.#there(new Map(old.map((file) => [markerOf(file.uri, marker), since(file)])));
    return old.filter(({ uri }) => there.has(markerOf(uri, marker)));
  }

  /** Objects in stores are there when they are complete. */
  #isOld(file: ListedFile): boolean {
    const { uri, modifiedAt } = file;
    const age = this.clock.now() - modifiedAt.getTime();
    if (age >= MIN_LOCAL_AGE_MS || !uri.startsWith('file:')) return true;
    // By the clock of another machine, or ours was set back: its age says nothing.
    if (age < 0) return this.#isStable(file, MIN_LOCAL_AGE_MS);
    this.#lookSoon(MIN_LOCAL_AGE_MS);
    return false;
  }

  #isStable({ uri, version }: ListedFile, ms: number): boolean {
    if (!uri.startsWith('file:')) return true;
    const now = this.clock.monotonic();
    const known = this.#watched.get(uri);
    if (known?.version === version && now - known.since >= ms) return true;
    this.#lookSoon(ms);
    if (known === undefined && this.#watched.size >= MAX_WATCHED) return false;
    const since = known?.version === version ? known.since : now;
    this.#watched.set(uri, { version, since, listing: this.#listing });
    return false;
  }

  #lookSoon(ms: number): void {
    this.#soonMs = Math.min(ms, this.#soonMs ?? ms);
  }

  /** `markers`: with the time in ms since the epoch before which they count for nothing. */
  async #there(markers: ReadonlyMap<string, number>): Promise<Set<string>> {
    const there = new Set<string>();
    const left = [...markers];
    const ask = async (): Promise<void> => {
      for (let next = left.pop(); next !== undefined; next = left.pop()) {
        const [marker, sinceMs] = next;
        if (await this.#isThere(marker, sinceMs)) there.add(marker);
      }
    };
    await Promise.all(Array.from({ length: ASKED_AT_ONCE }, ask));
    return there;
  }

  async #isThere(marker: string, sinceMs: number): Promise<boolean> {
    const isLocal = marker.startsWith('file:');
    try {
      const { version } = await this.sources.find(marker);
      return !isLocal || modifiedMs(version) >= sinceMs;
    } catch (error) {
      if (!(error instanceof ServiceError)) throw error;
      // One that was written a moment ago is found by the next listing.
      if (ABSENT.includes(error.code)) return false;
      // It is there, whatever is in it. Stores say so of their credentials.
      if (error.code === 'FILE_TOO_LARGE' || (isLocal && error.code === 'SOURCE_FORBIDDEN')) return true;
      throw error;
    }
  }
}
