import type { SinkName } from '../ingest/index.js';
import type { ModelRecord } from './model-store.js';
import type { Column } from './schema/index.js';

/** The Model as the API shows it (openapi: Model). Times are ISO 8601 in UTC. */
export interface Model {
  id: string;
  name: string;
  version: number;
  /** As it was given. */
  schema: unknown;
  columns: Column[];
  /** Those of jobs that name none; null: those of the service. */
  sinks: readonly SinkName[] | null;
  created_at: string;
  updated_at: string;
}

export function toModel(record: ModelRecord): Model {
  return {
    id: record.id,
    name: record.name,
    version: record.version,
    schema: record.schema,
    columns: record.columns,
    sinks: record.sinks,
    created_at: record.createdAt,
    updated_at: record.updatedAt,
  };
}
