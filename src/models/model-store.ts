import { type Selectable, sql } from 'kysely';
import { beforeSeq, type Database, nextSeq, type Page, type Tables, toPage } from '../database/index.js';
import { ServiceError } from '../errors/index.js';
import type { SinkName } from '../ingest/index.js';
import type { Column, CompiledSchema } from './schema/index.js';

/** One version of a model. Times are ISO 8601 in UTC. */
export interface ModelRecord extends CompiledSchema {
  readonly id: string;
  readonly name: string;
  /** From 1. */
  readonly version: number;
  /** As its author spelled it. */
  readonly schema: unknown;
  /** Those of jobs that name none; null: those of the service. */
  readonly sinks: readonly SinkName[] | null;
  /** Time at which the model was created. */
  readonly createdAt: string;
  /** Time at which this version was created. */
  readonly updatedAt: string;
}

export interface NewModelVersion {
  name: string;
  /** As its author spelled it: plain JSON. */
  schema: unknown;
  /** See ModelRecord; absent: null for a new model, those of the last version for an update. */
  sinks?: readonly SinkName[] | null | undefined;
  compiled: CompiledSchema;
}

export interface ModelFilter {
  limit: number;
  cursor?: string | undefined;
  /** Absent or null: all. */
  models?: readonly string[] | null | undefined;
}

type JoinedRow = Selectable<Tables['model_versions']> & { model_created_at: string; seq: number };

/** The models in the database. A version never changes and never goes: jobs pin it. */
export class ModelStore {
  constructor(
    private readonly db: Database,
    private readonly now: () => number = Date.now,
  ) {}

  /**
   * A new model. An id that was deleted may be used again; its versions go on counting, because jobs may have pinned
   * the old ones. Throws MODEL_ALREADY_EXISTS.
   */
  async create(id: string, model: NewModelVersion): Promise<ModelRecord> {
    return this.db.transaction().execute(async (transaction) => {
      const old = await transaction.selectFrom('models').selectAll().where('id', '=', id).executeTakeFirst();
      if (old?.hidden === 0) throw taken(id);
      const row = { version: (old?.version ?? 0) + 1, hidden: 0, created_at: this.#timestamp() };
      const seq = nextSeq(transaction, 'models');
      // What another one has written meanwhile is left alone.
      const written =
        old === undefined
          ? await transaction
              .insertInto('models')
              .values({ id, seq, ...row })
              .onConflict((conflict) => conflict.column('id').doNothing())
              .returning('id')
              .executeTakeFirst()
          : await transaction
              .updateTable('models')
              .set({ seq, ...row })
              .where('id', '=', id)
              .where('hidden', '=', 1)
              .returning('id')
              .executeTakeFirst();
      if (written === undefined) throw taken(id);
      return this.#addVersion(transaction, id, row.version, row.created_at, model);
    });
  }

  /** The newest version; undefined: there is no such model. */
  async get(id: string): Promise<ModelRecord | undefined> {
    const row = await this.#newest().where('models.id', '=', id).executeTakeFirst();
    return row && fromRow(row);
  }

  /** A version that a job has pinned, of a deleted model too; undefined: there is none. */
  async getVersion(id: string, version: number): Promise<ModelRecord | undefined> {
    const row = await this.#joined()
      .where('models.id', '=', id)
      .where('model_versions.version', '=', version)
      .executeTakeFirst();
    return row && fromRow(row);
  }

  /** A page of a model's versions, newest first, of a deleted model too. Throws INVALID_REQUEST for a foreign cursor. */
  async versions(
    id: string,
    { limit, cursor }: { limit: number; cursor?: string | undefined },
  ): Promise<Page<ModelRecord>> {
    const rows = await this.#joined()
      .where('models.id', '=', id)
      // A PostgreSQL compares an integer with nothing that is larger than an integer.
      .where(sql<number>`CAST(model_versions.version AS bigint)`, '<', beforeSeq(cursor))
      .orderBy('model_versions.version', 'desc')
      .limit(limit + 1)
      .execute();
    return toPage(
      rows.map((row) => ({ ...row, seq: row.version })),
      limit,
      fromRow,
    );
  }

  /**
   * A page of models in their newest version, newest model first; `models`: only of those of these ids. Throws INVALID_REQUEST for a foreign
   * cursor.
   */
  async list({ limit, cursor, models }: ModelFilter): Promise<Page<ModelRecord>> {
    const rows = await this.#newest()
      .$if(models != null, (query) => query.where('models.id', 'in', models ?? []))
      .where('models.seq', '<', beforeSeq(cursor))
      .orderBy('models.seq', 'desc')
      .limit(limit + 1)
      .execute();
    return toPage(rows, limit, fromRow);
  }

  /** The next version; without a name or sinks it keeps the last one's. undefined: there is no such model. */
  async update(
    id: string,
    model: Omit<NewModelVersion, 'name'> & { name?: string | undefined },
  ): Promise<ModelRecord | undefined> {
    return this.db.transaction().execute(async (transaction) => {
      const raised = await transaction
        .updateTable('models')
        .set((eb) => ({ version: eb('version', '+', 1) }))
        .where('id', '=', id)
        .where('hidden', '=', 0)
        .returningAll()
        .executeTakeFirst();
      if (raised === undefined) return undefined;
      const last = await transaction
        .selectFrom('model_versions')
        .select(['name', 'sinks'])
        .where('model_id', '=', id)
        .where('version', '=', raised.version - 1)
        .executeTakeFirstOrThrow();
      return this.#addVersion(transaction, id, raised.version, raised.created_at, {
        ...model,
        name: model.name ?? last.name,
        // null is an answer: the service's.
        sinks: model.sinks === undefined ? sinksOf(last) : model.sinks,
      });
    });
  }

  /** Hides the model; jobs keep the versions they have pinned. false: there is no such model. */
  async delete(id: string): Promise<boolean> {
    const { numUpdatedRows } = await this.db
      .updateTable('models')
      .set({ hidden: 1 })
      .where('id', '=', id)
      .where('hidden', '=', 0)
      .executeTakeFirst();
    return numUpdatedRows > 0n;
  }

  async #addVersion(
    db: Pick<Database, 'insertInto'>,
    id: string,
    version: number,
    modelCreatedAt: string,
    { name, schema, sinks = null, compiled }: NewModelVersion,
  ): Promise<ModelRecord> {
    const row = await db
      .insertInto('model_versions')
      .values({
        model_id: id,
        version,
        name,
        schema: JSON.stringify(schema),
        columns: JSON.stringify(compiled.columns),
        additional_columns: Number(compiled.additionalColumns),
        sinks: sinks === null ? null : JSON.stringify(sinks),
        created_at: this.#timestamp(),
      })
      .returningAll()
      .executeTakeFirstOrThrow();
    return fromRow({ ...row, model_created_at: modelCreatedAt, seq: 0 });
  }

  #joined() {
    return this.db
      .selectFrom('models')
      .innerJoin('model_versions', 'model_versions.model_id', 'models.id')
      .selectAll('model_versions')
      .select(['models.seq', 'models.created_at as model_created_at']);
  }

  #newest() {
    return this.#joined().whereRef('model_versions.version', '=', 'models.version').where('models.hidden', '=', 0);
  }

  #timestamp(): string {
    return new Date(this.now()).toISOString();
  }
}

function taken(id: string): ServiceError {
  return new ServiceError('MODEL_ALREADY_EXISTS', `The model id '${id}' is taken`);
}

function fromRow(row: JoinedRow): ModelRecord {
  return {
    id: row.model_id,
    name: row.name,
    version: row.version,
    schema: JSON.parse(row.schema) as unknown,
    columns: JSON.parse(row.columns) as Column[],
    additionalColumns: row.additional_columns === 1,
    sinks: sinksOf(row),
    createdAt: row.model_created_at,
    updatedAt: row.created_at,
  };
}

function sinksOf({ sinks }: Pick<JoinedRow, 'sinks'>): SinkName[] | null {
  return sinks === null ? null : (JSON.parse(sinks) as SinkName[]);
}
