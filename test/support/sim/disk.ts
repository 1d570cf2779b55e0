/**
 * The simulated disk: a database in memory that outlives the processes working on it. Each process gets a view of its
 * own, which can fail, be slow (others run meanwhile) or die at any statement; what was not committed then is gone.
 */
import { type Database, SqlError, type SqlRow, type SqlValue, type Statement } from "../../../src/platform/port.ts";
import { Crash } from "../crashing_database.ts";
import { here } from "../here.ts";

export class SimDisk {
  readonly raw: Database = here.openDatabase(":memory:", { readOnly: false });
  /** Writes fail with this code while it is set. */
  failure: string | null = null;
  /** Statements until the process dies. */
  countdown = Infinity;
  /** Inside a transaction of the journal: readers of this one connection would see what is not committed. */
  writing = false;
  readonly #pause: () => void;
  #life = 0;

  /** `pause` is called where the disk takes its time. */
  constructor(pause: () => void) {
    this.#pause = pause;
  }

  /** The process is gone, with what it had not committed. */
  lose(): void {
    this.#life++;
    this.countdown = Infinity;
    if (this.writing) this.raw.exec("ROLLBACK");
    this.writing = false;
  }

  open(): Database {
    const life = ++this.#life;
    const wrap = <T>(sql: string, writes: boolean, run: () => T): T => {
      this.#pass(life, sql, writes);
      const result = run();
      if (sql.startsWith("BEGIN")) this.writing = true;
      else if (sql === "COMMIT" || sql === "ROLLBACK") this.writing = false;
      return result;
    };
    return {
      exec: (sql) => wrap(sql, true, () => this.raw.exec(sql)),
      prepare: (sql): Statement => {
        const real = this.raw.prepare(sql);
        return {
          run: (...values: SqlValue[]) => wrap(sql, true, () => real.run(...values)),
          get: (...values: SqlValue[]): SqlRow | undefined => wrap(sql, false, () => real.get(...values)),
          all: (...values: SqlValue[]): SqlRow[] => wrap(sql, false, () => real.all(...values)),
          iterate: (...values: SqlValue[]) => wrap(sql, false, () => real.iterate(...values)),
        };
      },
      close: () => undefined,
    };
  }

  #pass(life: number, sql: string, writes: boolean): void {
    if (life !== this.#life) throw new Crash("dead");
    if (--this.countdown <= 0) {
      this.countdown = Infinity;
      throw new Crash("crash");
    }
    if (writes && sql !== "ROLLBACK" && this.failure !== null) throw new SqlError(this.failure, "made to fail");
    if (writes) this.#pause();
  }
}
