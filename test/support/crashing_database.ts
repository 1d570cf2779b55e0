/** A database that fails or dies at a chosen statement. For tests of what the store survives. */
import { type Database, SqlError, type SqlRow, type SqlValue, type Statement } from "../../src/platform/port.ts";

/** The process is gone: nothing after it runs, nothing was answered. */
export class Crash extends Error {
  override readonly name = "Crash";
}

export class CrashingDatabase implements Database {
  readonly #real: Database;
  /** Statements until the event; Infinity: none. */
  countdown = Infinity;
  /** What happens then: an SQLite failure with this code, or a crash. */
  failure = "crash";
  #dead = false;

  constructor(real: Database) {
    this.#real = real;
  }

  /** A failure is one of a write; a crash may come at any statement. */
  #pass(writes: boolean): void {
    if (this.#dead) throw new Crash("dead");
    if (!writes && this.failure !== "crash") return;
    if (--this.countdown > 0) return;
    this.countdown = Infinity;
    if (this.failure !== "crash") throw new SqlError(this.failure, "made to fail");
    this.#dead = true;
    throw new Crash("crash");
  }

  exec(sql: string): void {
    this.#pass(true);
    this.#real.exec(sql);
  }

  prepare(sql: string): Statement {
    const real = this.#real.prepare(sql);
    const pass = (writes: boolean): void => this.#pass(writes);
    return {
      run(...values: SqlValue[]) {
        pass(true);
        return real.run(...values);
      },
      get(...values: SqlValue[]): SqlRow | undefined {
        pass(false);
        return real.get(...values);
      },
      all(...values: SqlValue[]): SqlRow[] {
        pass(false);
        return real.all(...values);
      },
      iterate(...values: SqlValue[]) {
        pass(false);
        return real.iterate(...values);
      },
    };
  }

  close(): void {
    this.#real.close();
  }
}
