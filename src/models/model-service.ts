import type { Page } from '../database/index.js';
import { ServiceError } from '../errors/index.js';
import { SINK_NAMES, type SinkName } from '../ingest/index.js';
import { type Model, toModel } from './model.js';
import { isModelId, newModelId } from './model-id.js';
import type { ModelFilter, ModelRecord, ModelStore } from './model-store.js';
import { compileSchema } from './schema/index.js';

/** What users give of a model. Sinks in any order; null: those of the service. */
export interface GivenModel {
  name: string;
  schema: unknown;
  sinks?: readonly SinkName[] | null | undefined;
}

/** What users do with models. */
export class ModelService {
  constructor(private readonly store: ModelStore) {}

  /**
   * A new model. Without an id: the name if that is a valid id, otherwise 8 random characters.
   * Throws INVALID_SCHEMA, MODEL_ALREADY_EXISTS.
   */
  async create(given: GivenModel & { id?: string | undefined }): Promise<Model> {
    const { name, schema, sinks } = given;
    const id = given.id ?? (isModelId(name) ? name : newModelId());
    const compiled = compileSchema(schema);
    return toModel(await this.store.create(id, { name, schema, sinks: sinks && inOrder(sinks), compiled }));
  }

  async list(filter: ModelFilter): Promise<Page<Model>> {
    const { items, nextCursor } = await this.store.list(filter);
    return { items: items.map(toModel), nextCursor };
  }

  /** Throws MODEL_NOT_FOUND. */
  async get(id: string): Promise<Model> {
    return toModel(await this.require(id));
  }

  /** Every version that the model had, newest first; of a deleted one too. Throws MODEL_NOT_FOUND. */
  async versions(id: string, page: { limit: number; cursor?: string | undefined }): Promise<Page<Model>> {
    const first = isModelId(id) ? await this.store.getVersion(id, 1) : undefined;
    if (first === undefined) throw notFound(id);
    const { items, nextCursor } = await this.store.versions(id, page);
    return { items: items.map(toModel), nextCursor };
  }

  /** One version, which a job may have pinned; of a deleted model too. Throws MODEL_NOT_FOUND. */
  async version(id: string, version: string): Promise<Model> {
    const isNumber = /^[1-9]\d{0,8}$/.test(version);
    const record = isModelId(id) && isNumber ? await this.store.getVersion(id, Number(version)) : undefined;
    if (record === undefined) throw notFound(id, version);
    return toModel(record);
  }

  /** The next version; without a name or sinks the model keeps its own. Throws INVALID_SCHEMA, MODEL_NOT_FOUND. */
  async update(id: string, given: Omit<GivenModel, 'name'> & { name?: string | undefined }): Promise<Model> {
    const { name, schema, sinks } = given;
    await this.require(id);
    const compiled = compileSchema(schema);
    const updated = await this.store.update(id, { name, schema, sinks: sinks && inOrder(sinks), compiled });
    return updated === undefined ? this.get(id) : toModel(updated);
  }

  /** Hides the model from new jobs. Throws MODEL_NOT_FOUND. */
  async delete(id: string): Promise<void> {
    await this.require(id);
    await this.store.delete(id);
  }

  /** The newest version. Throws MODEL_NOT_FOUND, also for what cannot be an id. */
  async require(id: string): Promise<ModelRecord> {
    const record = isModelId(id) ? await this.store.get(id) : undefined;
    if (record !== undefined) return record;
    throw notFound(id);
  }
}

function inOrder(sinks: readonly SinkName[]): SinkName[] {
  return SINK_NAMES.filter((name) => sinks.includes(name));
}

function notFound(id: string, version?: string): ServiceError {
  const which = version === undefined ? '' : ` version '${shown(version)}' of`;
  return new ServiceError('MODEL_NOT_FOUND', `There is no${which} model '${shown(id)}'`);
}

function shown(id: string): string {
  return id.length > 63 ? `${id.slice(0, 63)}…` : id;
}
