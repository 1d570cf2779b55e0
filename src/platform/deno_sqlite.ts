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

/** What SQLite says for each of them, where nothing but words is given. */
const SAID: readonly (readonly [words: string, name: string])[] = [
  ["UNIQUE constraint failed", "CONSTRAINT_UNIQUE"],
  ["constraint failed", "CONSTRAINT"],
  ["access permission denied", "PERM"],
  ["database is locked", "BUSY"],
  ["database table is locked", "LOCKED"],
  ["out of memory", "NOMEM"],
  ["attempt to write a readonly database", "READONLY"],
  ["disk I/O error", "IOERR"],
  ["database disk image is malformed", "CORRUPT"],
  ["database or disk is full", "FULL"],
  ["unable to open database file", "CANTOPEN"],
  ["locking protocol", "PROTOCOL"],
  ["database schema has changed", "SCHEMA"],
  ["file is not a database", "NOTADB"],
];

/** Statements tell SQLite's number. Deno's `exec` and its open do not: their message begins with SQLite's own words. */
function sqlError(error: unknown): unknown {
  const { code, errcode, message } = error as { code?: string; errcode?: number; message: string };
  if (typeof errcode === "number") return new SqlError(EXTENDED[errcode] ?? `SQLITE_${PRIMARY[errcode & 0xff] ?? errcode}`, message);
  if (code !== "ERR_SQLITE_ERROR") return error;
  const known = SAID.find(([words]) => message.includes(words));
  return new SqlError(`SQLITE_${known?.[1] ?? "ERROR"}`, message);
}
