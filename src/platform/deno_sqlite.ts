/** SQLite through node:sqlite. A connection belongs to the thread that opened it. */
import { DatabaseSync, type SQLInputValue, type StatementSync } from "node:sqlite";
import { type Database, SqlError, type SqlRow, type SqlValue, type Statement } from "./port.ts";

export function openDenoDatabase(path: string, options: { readonly readOnly: boolean }): Database {
  const db = guarded(() => new DatabaseSync(path, { readOnly: options.readOnly }));
  return {
    exec: (sql) => guarded(() => db.exec(sql)),
    prepare: (sql) => new DenoStatement(guarded(() => db.prepare(sql))),
    close: () => guarded(() => db.close()),
  };
}

class DenoStatement implements Statement {
  readonly #statement: StatementSync;

  constructor(statement: StatementSync) {
    this.#statement = statement;
  }

  run(...values: SqlValue[]): { changes: number } {
    return guarded(() => ({ changes: Number(this.#statement.run(...(values as SQLInputValue[])).changes) }));
  }
  get(...values: SqlValue[]): SqlRow | undefined {
    return guarded(() => this.#statement.get(...(values as SQLInputValue[])) as SqlRow | undefined);
  }
  all(...values: SqlValue[]): SqlRow[] {
    return guarded(() => this.#statement.all(...(values as SQLInputValue[])) as SqlRow[]);
  }
  *iterate(...values: SqlValue[]): IterableIterator<SqlRow> {
    const rows = guarded(() => this.#statement.iterate(...(values as SQLInputValue[])) as IterableIterator<SqlRow>);
    for (;;) {
      const next = guarded(() => rows.next());
      if (next.done === true) return;
      yield next.value;
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

/** Extended result codes Berth tells apart; any other is named by its primary code (the low byte). */
const EXTENDED: Readonly<Record<number, string>> = {
  266: "SQLITE_IOERR_READ",
  522: "SQLITE_IOERR_SHORT_READ",
  778: "SQLITE_IOERR_WRITE",
  1034: "SQLITE_IOERR_FSYNC",
  1290: "SQLITE_IOERR_DIR_FSYNC",
  1546: "SQLITE_IOERR_TRUNCATE",
  1555: "SQLITE_CONSTRAINT_PRIMARYKEY",
  2067: "SQLITE_CONSTRAINT_UNIQUE",
};
const PRIMARY = [
  "OK",
  "ERROR",
  "INTERNAL",
  "PERM",
  "ABORT",
  "BUSY",
  "LOCKED",
  "NOMEM",
  "READONLY",
  "INTERRUPT",
  "IOERR",
  "CORRUPT",
  "NOTFOUND",
  "FULL",
  "CANTOPEN",
  "PROTOCOL",
  "EMPTY",
  "SCHEMA",
  "TOOBIG",
  "CONSTRAINT",
  "MISMATCH",
  "MISUSE",
  "NOLFS",
  "AUTH",
  "FORMAT",
  "RANGE",
  "NOTADB",
];

function sqlError(error: unknown): unknown {
  const { errcode, message } = error as { errcode?: number; message: string };
  if (typeof errcode !== "number") return error;
  return new SqlError(EXTENDED[errcode] ?? `SQLITE_${PRIMARY[errcode & 0xff] ?? errcode}`, message);
}
