/** The live segments: sorted runs over consecutive pieces of the log. Owned by the thread that reads or writes them. */
import type { Database, Statement } from "../platform/port.ts";

export const SegmentState = { building: 0, complete: 1, dead: 2 } as const;

export interface Segment {
  readonly id: number;
  readonly level: number;
  readonly state: number;
  readonly firstSeq: number;
  readonly lastSeq: number;
  /** Times of its records; Infinity to -Infinity when it has none. */
  readonly minTime: number;
  readonly maxTime: number;
  readonly entries: number;
}

export class SegmentTable {
  readonly #all: Statement;
  readonly #version: Statement;
  readonly #bump: Statement;
  readonly #insert: Statement;
  readonly #mark: Statement;
  readonly #remove: Statement;

  constructor(db: Database) {
    this.#all = db.prepare(
      "SELECT id, level, state, first_seq, last_seq, min_time, max_time, entries FROM segment ORDER BY first_seq, level",
    );
    this.#version = db.prepare("SELECT value FROM meta WHERE key = 'runs'");
    this.#bump = db.prepare("INSERT INTO meta (key, value) VALUES ('runs', 1) ON CONFLICT (key) DO UPDATE SET value = value + 1");
    this.#insert = db.prepare(
      "INSERT INTO segment (id, level, state, first_seq, last_seq, min_time, max_time, entries) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
    );
    this.#mark = db.prepare("UPDATE segment SET state = ? WHERE id = ?");
    this.#remove = db.prepare("DELETE FROM segment WHERE id = ?");
  }

  /** Rises whenever the live segments change: readers look here before they trust what they know. */
  version(): number {
    return Number(this.#version.get()?.["value"] ?? 0);
  }

  load(): Segment[] {
    return this.#all.all().map((row) => ({
      id: Number(row["id"]),
      level: Number(row["level"]),
      state: Number(row["state"]),
      firstSeq: Number(row["first_seq"]),
      lastSeq: Number(row["last_seq"]),
      minTime: row["min_time"] === null ? Infinity : Number(row["min_time"]),
      maxTime: row["max_time"] === null ? -Infinity : Number(row["max_time"]),
      entries: Number(row["entries"]),
    }));
  }

  insert(s: Segment): void {
    const timed = s.minTime <= s.maxTime;
    this.#insert.run(s.id, s.level, s.state, s.firstSeq, s.lastSeq, timed ? s.minTime : null, timed ? s.maxTime : null, s.entries);
  }

  mark(id: number, state: number): void {
    this.#mark.run(state, id);
    this.#bump.run();
  }

  remove(id: number): void {
    this.#remove.run(id);
    this.#bump.run();
  }
}

/** Complete segments, oldest first. */
export const complete = (segments: readonly Segment[]): Segment[] => segments.filter((s) => s.state === SegmentState.complete);

/** Seq up to which runs refer to everything; 0 when there are none. */
export const flushedThrough = (segments: readonly Segment[]): number =>
  complete(segments).reduce((last, s) => Math.max(last, s.lastSeq), 0);
