/**
 * The simulated disk: a database in memory that outlives the processes working on it. A commit is written, and on the disk
 * only when it was synced: when the machine dies, any number of the commits since then is lost, the last ones first. Each
 * process gets a view of its own, which can fail, be slow (others run meanwhile) or die at any statement.
 */
import { type Database, type FileSync, SqlError, type SqlRow, type SqlValue, type Statement } from "../../../src/platform/port.ts";
import type { Prng } from "../../../src/base/prng.ts";
import { Crash } from "../crashing_database.ts";
import { here } from "../here.ts";

interface Written {
  readonly statements: readonly (() => void)[];
  /** The seq after it. */
  readonly nextSeq: number;
}

/** A sync takes so long that others get somewhere meanwhile. */
const SYNC_PAUSES = 12;

export class SimDisk {
  raw: Database = here.openDatabase(":memory:", { readOnly: false });
  /** Writes fail with this code while it is set. */
  failure: string | null = null;
  /** The next sync fails. */
  failSync = false;
  /** Statements until the process dies. */
  countdown = Infinity;
  /** Inside a transaction of the journal: readers of this one connection would see what is not committed. */
  writing = false;
  /** Commits in order, and how many of them are on the disk. */
  readonly #commits: Written[] = [];
  #synced = 0;
  /** How many commits the sync under way covers. */
  #syncing: number | null = null;
  #statements: (() => void)[] = [];
  readonly #pause: () => void;
  readonly #kept: (nextSeq: number) => void;
  #life = 0;

  /** `pause` is called where the disk takes its time, `kept` when more is on it. */
  constructor(pause: () => void, kept: (nextSeq: number) => void) {
    this.#pause = pause;
    this.#kept = kept;
  }

  get nextSeq(): number {
    return this.#commits[this.#synced - 1]?.nextSeq ?? 1;
  }
  get isSyncing(): boolean {
    return this.#syncing !== null;
  }

  /** The process is gone, with what it had not committed; `power`: and the machine, with what it had not synced. */
  lose(power: boolean, random: Prng): void {
    this.#life++;
    this.countdown = Infinity;
    this.#syncing = null;
    if (this.writing) this.raw.exec("ROLLBACK");
    this.writing = false;
    this.#statements = [];
    const survived = this.#synced + random.below(this.#commits.length - this.#synced + 1);
    if (!power || survived === this.#commits.length) return;
    this.#commits.length = survived;
    this.raw.close();
    this.raw = here.openDatabase(":memory:", { readOnly: false });
    for (const { statements } of this.#commits) for (const again of statements) again();
  }

  beginSync(): void {
    this.#syncing = this.#commits.length;
  }
  finishSync(): void {
    const covered = this.#syncing!;
    this.#syncing = null;
    if (this.failSync) {
      this.failSync = false;
      throw Object.assign(new Error("made to fail"), { code: "EIO" });
    }
    if (covered <= this.#synced) return;
    this.#synced = covered;
    this.#kept(this.nextSeq);
  }

  /** The log, to be synced by the journal itself. */
  readonly log: FileSync = {
    sync: () => {
      this.beginSync();
      for (let i = 0; i < SYNC_PAUSES; i++) this.#pause();
      this.finishSync();
    },
    close: () => undefined,
  };

  open(): Database {
    const life = ++this.#life;
    return {
      exec: (sql) => this.#do(life, sql, true, () => this.raw.exec(sql)),
      prepare: (sql): Statement => {
        const real = this.raw.prepare(sql);
        return {
          run: (...values: SqlValue[]) => {
            const own = values.map((value) => (value instanceof Uint8Array ? value.slice() : value));
            return this.#do(life, sql, true, () => real.run(...values), () => void this.raw.prepare(sql).run(...own));
          },
          get: (...values: SqlValue[]): SqlRow | undefined => this.#do(life, sql, false, () => real.get(...values)),
          all: (...values: SqlValue[]): SqlRow[] => this.#do(life, sql, false, () => real.all(...values)),
          iterate: (...values: SqlValue[]) => this.#do(life, sql, false, () => real.iterate(...values)),
        };
      },
      close: () => undefined,
    };
  }

  #do<T>(life: number, sql: string, writes: boolean, run: () => T, again: () => void = () => this.raw.exec(sql)): T {
    this.#pass(life, sql, writes);
    const result = run();
    // The log is copied into the database, which is synced.
    if (sql.startsWith("PRAGMA wal_checkpoint")) {
      this.beginSync();
      this.finishSync();
    } else if (sql.startsWith("BEGIN")) this.writing = true;
    else if (sql === "ROLLBACK") {
      this.writing = false;
      this.#statements = [];
    } else if (sql === "COMMIT") this.#committed();
    else if (writes && this.writing) this.#statements.push(again);
    return result;
  }

  #committed(): void {
    this.writing = false;
    const row = this.raw.prepare("SELECT max(next_seq) AS next FROM log").get();
    const before = this.#commits.at(-1)?.nextSeq ?? 1;
    this.#commits.push({ statements: this.#statements, nextSeq: Math.max(before, Number(row?.["next"] ?? 1)) });
    this.#statements = [];
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
