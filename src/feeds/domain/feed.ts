import { catalogue, type ErrorCode } from '../../errors/index.js';

export const AGAIN = ['changed', 'never'] as const;
export const AFTER = ['keep', 'move', 'delete'] as const;
/** Files beside a file that say that it is complete: `<name>.done`, `<name>.sha256` with its hash, `_SUCCESS` in its folder. */
export const MARKERS = ['done', 'sha256', '_SUCCESS'] as const;
export type After = (typeof AFTER)[number];
/** How a file is seen to be complete; null: by its name, and locally by its age of 2 s. */
export type Completeness = { readonly marker: (typeof MARKERS)[number] } | { readonly stable: number } | null;
/** PAUSED: it neither lists nor takes files; those that it has taken go on. */
export type FeedState = 'ACTIVE' | 'PAUSED';

/** What a feed was created with. */
export interface FeedDefinition {
  readonly uri: string;
  readonly modelId: string;
  /** Those of a job, as they were given. */
  readonly options: Readonly<Record<string, unknown>>;
  readonly metadata: Readonly<Record<string, string>>;
  /** Seconds from the end of one listing to the next. */
  readonly every: number;
  /** Whether a file that has changed is taken again. */
  readonly again: (typeof AGAIN)[number];
  /** What becomes of a file whose job is SUCCESS, or PARTIAL_SUCCESS, and whose rows are in all sinks of the job. */
  readonly after: After;
  readonly afterPartial: After;
  /** Prefix of the URIs that files are moved to; null: none is moved. */
  readonly moveTo: string | null;
  readonly complete: Completeness;
  /** Number of files in a row whose failure pauses the feed. */
  readonly maxFailures: number;
  /** The name of the API key that it was created with, and its jobs are; null: there was none. */
  readonly owner: string | null;
}

export interface FeedError {
  readonly code: ErrorCode;
  readonly message: string;
}

/** A feed as it is stored. Times are milliseconds since the epoch by the store's clock, or ISO 8601 in UTC if they are text. */
export interface StoredFeed {
  readonly id: string;
  /** Deleted for its users. */
  readonly hidden: boolean;
  readonly definition: FeedDefinition;
  readonly state: FeedState;
  /** Files in a row that have failed. */
  readonly failures: number;
  readonly error: FeedError | null;
  /** The path behind which the listing that is under way goes on; null: none is. */
  readonly listedTo: string | null;
  readonly lookedAt: number | null;
  readonly nextLookAt: number;
  readonly revision: number;
  /** SHA-256 of the secret of its notifications, in hex; null: it takes none. */
  readonly secretHash: string | null;
  readonly createdAt: string;
  readonly updatedAt: string;
}

/** The Feed as lists show it (openapi: FeedSummary). */
export interface FeedSummary {
  id: string;
  source: { uri: string };
  model_id: string;
  options: Readonly<Record<string, unknown>>;
  metadata: Readonly<Record<string, string>>;
  every: number;
  again: FeedDefinition['again'];
  after: After;
  after_partial: After;
  move_to: string | null;
  complete: Completeness;
  /** Whether it has a secret, and so takes notifications. */
  notifications: boolean;
  max_failures: number;
  /** The name of the API key that it was created with; null: there was none. */
  owner: string | null;
  state: FeedState;
  /** Files in a row that have failed. */
  failures: number;
  /** Why it is paused, or what is wrong now; null: nothing. */
  error: { code: ErrorCode; message: string; hint: string } | null;
  /** When the last whole listing ended; null: none has yet. */
  looked_at: string | null;
  created_at: string;
  updated_at: string;
}

/** The Feed as the API shows it (openapi: Feed). */
export interface Feed extends FeedSummary {
  files: { pending: number; in_progress: number; completed: number; failed: number };
}

export function toSummary({ id, definition, state, failures, error, ...stored }: StoredFeed): FeedSummary {
  const { uri, modelId, maxFailures, ...others } = definition;
  return {
    id,
    source: { uri },
    model_id: modelId,
    options: others.options,
    metadata: others.metadata,
    every: others.every,
    again: others.again,
    after: others.after,
    after_partial: others.afterPartial,
    move_to: others.moveTo,
    complete: others.complete,
    notifications: stored.secretHash !== null,
    max_failures: maxFailures,
    // One that was created before feeds had it has none.
    owner: others.owner ?? null,
    state,
    failures,
    error: error === null ? null : { ...error, hint: hintOf(error.code, id) },
    looked_at: stored.lookedAt === null ? null : new Date(stored.lookedAt).toISOString(),
    created_at: stored.createdAt,
    updated_at: stored.updatedAt,
  };
}

/** `{id}` in the hint of an error that only feeds have is the feed's. Others speak of a job, which a feed has none of. */
function hintOf(code: ErrorCode, id: string): string {
  const { hint } = catalogue[code];
  if (code.startsWith('FEED_')) return hint.replaceAll('{id}', id);
  const own = hint.replace(/ A failed job can [^.]*\./, '').replace(/ \(a failed job: [^)]*\)/, '');
  return `${own} The feed goes on by itself.`;
}
