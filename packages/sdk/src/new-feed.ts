import type * as api from './api/types.gen.js';
import { type JobSettings, sourceBody } from './job-upload.js';

/** A feed to create. The settings of its jobs are those of an upload; what is not given has the contract's default. */
export interface NewFeed extends JobSettings {
  id: string;
  /** The URI of its files: it ends in `/`, or has `*` in its path. Without credentials: the server has those. */
  source: string;
  /** Seconds from one listing to the next. Default: 60. */
  every?: number | undefined;
  /** Whether a file that has changed is taken again. Default: `changed`, it is. */
  again?: api.FeedSummary['again'] | undefined;
  /** What becomes of a file once its rows are delivered, and in all sinks. Default: `keep`. */
  after?: api.FeedAfter | undefined;
  /** The same if some rows were rejected. Default: `keep`. */
  afterPartial?: api.FeedAfter | undefined;
  /** Where files are moved to: a URI that ends in `/`. */
  moveTo?: string | undefined;
  /** How a file is seen to be complete, besides by its name. */
  complete?: api.FeedComplete | undefined;
  /** Number of files in a row whose failure pauses the feed. Default: 10. */
  maxFailures?: number | undefined;
  /** What whoever notifies the feed must send; 16 to 256 characters. Default: it takes no notifications. */
  secret?: string | undefined;
}

/** As the contract has it. */
export function feedBody({ id, source, ...feed }: NewFeed): api.FeedCreate {
  const { every, again, after, afterPartial, moveTo, complete, maxFailures, secret, ...settings } = feed;
  const { model_id: modelId = feed.modelId, options, metadata } = sourceBody({ ...settings, source });
  const members = {
    options,
    metadata,
    every,
    again,
    after,
    after_partial: afterPartial,
    move_to: moveTo,
    complete,
    max_failures: maxFailures,
    secret,
  };
  const given = Object.entries(members).filter(([, value]) => value !== undefined);
  return { id, source: { uri: source }, model_id: modelId, ...Object.fromEntries(given) };
}
