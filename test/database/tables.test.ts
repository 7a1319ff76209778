import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sql } from 'kysely';
import ts from 'typescript';
import { openDatabase } from '../../src/database/index.js';

const folder = mkdtempSync(join(tmpdir(), 'batch-tables-'));
const TABLES = join(import.meta.dirname, '../../src/database/tables.ts');

afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** The interfaces of tables.ts: the type of each member, as it is written. */
function interfaces(): Map<string, Record<string, string>> {
  const source = ts.createSourceFile(TABLES, readFileSync(TABLES, 'utf8'), ts.ScriptTarget.Latest);
  const members = ({ members: all }: ts.InterfaceDeclaration): Record<string, string> =>
    Object.fromEntries(
      all.filter(ts.isPropertySignature).map(({ name, type }) => [name.getText(source), type!.getText(source)]),
    );
  return new Map(source.statements.filter(ts.isInterfaceDeclaration).map((node) => [node.name.text, members(node)]));
}

interface StoredColumn {
  table: string;
  name: string;
  type: string;
  notnull: number;
  pk: number;
}

/** The type of a column's values in tables.ts. SQLite does not count a primary key as NOT NULL. */
function typeOf({ type, notnull, pk }: StoredColumn): string {
  return `${type.toLowerCase() === 'text' ? 'string' : 'number'}${notnull + pk === 0 ? ' | null' : ''}`;
}

describe('the tables that statements are checked against', () => {
  it('are the ones that the migrations make, with the same columns', async () => {
    const db = await openDatabase(folder);
    const columns = await sql<StoredColumn>`
      SELECT t.name AS "table", c.name, c.type, c."notnull", c.pk
      FROM sqlite_schema t, pragma_table_info(t.name) c
      WHERE t.type = 'table' AND t.name NOT LIKE 'kysely_%'`.execute(db);
    await db.destroy();

    const declared = interfaces();
    const expected = Object.entries(declared.get('Tables')!).map(([table, type]) => [table, declared.get(type)]);
    const found: Record<string, Record<string, string>> = {};
    for (const column of columns.rows) found[column.table] = { ...found[column.table], [column.name]: typeOf(column) };
    expect(found).toEqual(Object.fromEntries(expected));
  });
});
