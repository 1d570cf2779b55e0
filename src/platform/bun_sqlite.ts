/** SQLite through bun:sqlite. A connection belongs to the thread that opened it. */
import { Database as Sqlite, SQLiteError, type SQLQueryBindings, type Statement as SqliteStatement } from "bun:sqlite";
import { type Database, SqlError, type SqlRow, type SqlValue, type Statement } from "./port.ts";

type Prepared = SqliteStatement<SqlRow, SQLQueryBindings[]>;

export function openBunDatabase(path: string, options: { readonly readOnly: boolean }): Database {
  const db = guarded(() => new Sqlite(path, options.readOnly ? { readonly: true } : { readwrite: true, create: true }));
  const prepared: Prepared[] = [];
  return {
    exec: (sql) => guarded(() => void db.run(sql)),
    prepare(sql) {
      const statement = guarded(() => db.prepare<SqlRow, SQLQueryBindings[]>(sql));
      prepared.push(statement);
      return new BunStatement(statement);
    },
    close() {
      // A connection with a live statement would stay open, with its locks, until the collector comes by.
      for (const statement of prepared) statement.finalize();
      guarded(() => db.close(true));
    },
  };
}

class BunStatement implements Statement {
  readonly #statement: Prepared;

  constructor(statement: Prepared) {
    this.#statement = statement;
  }

  run(...values: SqlValue[]): { changes: number } {
    try {
      return this.#statement.run(...(values as SQLQueryBindings[]));
    } catch (error) {
      throw sqlError(error);
    }
  }
  get(...values: SqlValue[]): SqlRow | undefined {
    try {
      return this.#statement.get(...(values as SQLQueryBindings[])) ?? undefined;
    } catch (error) {
      throw sqlError(error);
    }
  }
  all(...values: SqlValue[]): SqlRow[] {
    try {
      return this.#statement.all(...(values as SQLQueryBindings[]));
    } catch (error) {
      throw sqlError(error);
    }
  }
  *iterate(...values: SqlValue[]): IterableIterator<SqlRow> {
    try {
      yield* this.#statement.iterate(...(values as SQLQueryBindings[]));
    } catch (error) {
      throw sqlError(error);
    }
  }
}

function guarded<T>(call: () => T): T {
  try {
    return call();
  } catch (error) {
    throw sqlError(error);
  }
}

/** Bun names codes as SQLite does, extended ones too. Anything else is not the database's and passes. */
function sqlError(error: unknown): unknown {
  return error instanceof SQLiteError ? new SqlError(error.code ?? `SQLITE_${error.errno}`, error.message) : error;
}
