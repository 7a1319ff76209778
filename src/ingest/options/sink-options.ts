import { invalidOption } from './invalid-option.js';
import type { Parse } from './option.js';

/** The systems that rows can be loaded into from a job's topics. */
export const SINK_NAMES = ['clickhouse', 'postgres'] as const;
export type SinkName = (typeof SINK_NAMES)[number];

/** `success`: once the whole file is delivered. `streaming`: while it is being delivered, too. */
export const SINK_WHEN = ['success', 'streaming'] as const;
export type SinkWhen = (typeof SINK_WHEN)[number];

/** What becomes of a row of PostgreSQL that is there already. */
export const ON_CONFLICT = ['update', 'skip'] as const;
export type OnConflict = (typeof ON_CONFLICT)[number];

/** `clickhouse,postgres`, each once and in this order afterwards; `none` is the empty list. Throws INVALID_OPTION. */
export const parseSinks: Parse<SinkName[]> = (text, name) => {
  const given = text.split(',').map((each) => each.trim());
  if (given.length === 1 && given[0] === 'none') return [];
  const known: readonly string[] = SINK_NAMES;
  if (given.some((each) => !known.includes(each)) || new Set(given).size < given.length) {
    throw invalidOption(name, `must be none, or one or more of ${SINK_NAMES.join(', ')} with commas between them`);
  }
  return SINK_NAMES.filter((each) => given.includes(each));
};
