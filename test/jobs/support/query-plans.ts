import { CompiledQuery, createQueryId, type KyselyPlugin, type RootOperationNode } from 'kysely';
import type { Database } from '../../../src/database/index.js';

/** What a database was asked, in order. */
class Queries implements KyselyPlugin {
  readonly nodes: RootOperationNode[] = [];

  transformQuery({ node }: { node: RootOperationNode }): RootOperationNode {
    this.nodes.push(node);
    return node;
  }

  async transformResult<R>({ result }: { result: R }): Promise<R> {
    return result;
  }
}

/** Tells how SQLite goes about what it is asked through `db`. */
export class QueryPlans {
  readonly db: Database;
  readonly #queries = new Queries();

  constructor(private readonly plain: Database) {
    this.db = plain.withPlugin(this.#queries);
  }

  /** A line for each table and index that is visited for what `ask` asks. */
  async of(ask: () => Promise<unknown>): Promise<string[]> {
    const { nodes } = this.#queries;
    nodes.length = 0;
    await ask();
    const plan: string[] = [];
    for (const node of nodes) {
      const { sql, parameters } = this.plain.getExecutor().compileQuery(node, createQueryId());
      const { rows } = await this.plain.executeQuery<{ detail: string }>(
        CompiledQuery.raw(`explain query plan ${sql}`, [...parameters]),
      );
      plan.push(...rows.map(({ detail }) => detail));
    }
    expect(plan).not.toEqual([]);
    return plan;
  }
}
