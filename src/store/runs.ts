/** Looks up one device's references in the runs. Owned by the thread that owns the database connection. */
import type { Database, SqlRow, Statement } from "../platform/port.ts";
import { type CachedRun, RunCache } from "./run_cache.ts";
import { MAX_PART, runKey, SEGMENT_KEYS } from "./run_key.ts";
import { RunRefs, type RunWriter } from "./run_refs.ts";
import { RunTimes } from "./run_times.ts";
import type { Segment } from "./segments.ts";

/** Where a run row goes. */
export interface RunPlace {
  readonly segment: Pick<Segment, "id" | "level">;
  readonly device: number;
  readonly part: number;
}

/** A run row as read for a merge. */
export interface RunRow {
  readonly device: number;
  readonly part: number;
  readonly firstSeq: number;
  readonly refs: Uint8Array;
}

const CACHE_BYTES = 32 << 20;

export class RunTable {
  readonly cache = new RunCache(CACHE_BYTES);
  readonly #times: Statement;
  readonly #one: Statement;
  readonly #bySeq: Statement;
  readonly #bySeqBack: Statement;
  readonly #insert: Statement;
  readonly #page: Statement;
  readonly #boundary: Statement;
  readonly #remove: Statement;
  readonly #removeBelow: Statement;
  readonly #refs = new RunRefs();

  constructor(db: Database) {
    this.#times = db.prepare("SELECT part, first_seq, min_time, max_time FROM run WHERE key BETWEEN ? AND ? ORDER BY key");
    this.#one = db.prepare("SELECT refs FROM run WHERE key = ?");
    this.#bySeq = db.prepare("SELECT first_seq, refs FROM run WHERE key BETWEEN ? AND ? AND last_seq >= ? ORDER BY key");
    // As text: more digits than a number has.
    this.#bySeqBack = db.prepare(
      "SELECT CAST(key AS TEXT) AS key, first_seq, refs FROM run WHERE key >= ? AND key < ? AND first_seq <= ? ORDER BY run.key DESC LIMIT 1",
    );
    this.#insert = db.prepare(
      "INSERT INTO run (key, device, part, first_seq, last_seq, min_time, max_time, refs) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
    );
    this.#page = db.prepare("SELECT device, part, first_seq, refs FROM run WHERE key > ? AND key <= ? ORDER BY key LIMIT ?");
    this.#boundary = db.prepare("SELECT device, part FROM run WHERE key > ? AND key <= ? ORDER BY key LIMIT 1 OFFSET ?");
    this.#remove = db.prepare("DELETE FROM run WHERE key > ? AND key <= ?");
    this.#removeBelow = db.prepare("DELETE FROM run WHERE key > ? AND key <= ? AND last_seq < ?");
  }

  insert(place: RunPlace, run: RunWriter): void {
    const { segment, device, part } = place;
    const timed = run.minTime <= run.maxTime;
    const key = runKey(segment.level, segment.id, device, part);
    this.#insert.run(key, device, part, run.firstSeq, run.lastSeq, timed ? run.minTime : null, timed ? run.maxTime : null, run.bytes());
  }

  /** Up to `limit` rows of the segment with keys above `after`. */
  page(segment: Segment, after: bigint, limit: number): RunRow[] {
    return this.#page.all(after, endKey(segment), limit).map((row) => ({
      device: Number(row["device"]),
      part: Number(row["part"]),
      firstSeq: Number(row["first_seq"]),
      refs: row["refs"] as Uint8Array,
    }));
  }

  /** Deletes up to about `limit` rows above `after`, only those below `seq` when it is given; returns where to go on, or null at the end. */
  remove(segment: Segment, after: bigint, limit: number, seq: number | null): bigint | null {
    const end = endKey(segment);
    const row = this.#boundary.get(after, end, limit);
    const upTo = row === undefined ? end : runKey(segment.level, segment.id, Number(row["device"]), Number(row["part"]));
    if (seq === null) this.#remove.run(after, upTo);
    else this.#removeBelow.run(after, upTo, seq);
    return row === undefined ? null : upTo;
  }

  /** Calls back with the row's seq and offset of every frame of the device in the segment whose times meet [lo, hi]. */
  overlapping(segment: Segment, device: number, lo: number, hi: number, found: (rowSeq: number, offset: number) => void): void {
    if (segment.minTime > hi || segment.maxTime < lo) return;
    for (const run of this.cache.get(segment, device) ?? this.#rowsOf(segment, device)) {
      if (run.minTime > hi || run.maxTime < lo) continue;
      const times = run.times ?? this.#load(segment, device, run);
      times.find(lo, hi, (ref) => found(times.refs.rowSeq(ref), times.refs.offset(ref)));
    }
  }

  #rowsOf(segment: Segment, device: number): readonly CachedRun[] {
    const runs = this.#times.all(...range(segment, device)).map(cached);
    this.cache.put(segment, device, runs);
    return runs;
  }

  #load(segment: Segment, device: number, run: CachedRun): RunTimes {
    const row = this.#one.get(runKey(segment.level, segment.id, device, run.part))!;
    const times = new RunTimes(run.firstSeq, row["refs"] as Uint8Array);
    this.cache.load(run, times);
    return times;
  }

  /** The device's references in the segment that may end at or after `from`, in seq order, row by row. */
  *from(segment: Segment, device: number, from: number): IterableIterator<RunRefs> {
    // A frame entry takes at most 255 seqs: one that begins a little before `from` may hold it.
    for (const row of this.#bySeq.all(...range(segment, device), from - 255)) yield this.#over(row);
  }

  /** The device's references in the segment that begin at or below `upTo`, newest rows first. */
  *back(segment: Segment, device: number, upTo: number): IterableIterator<RunRefs> {
    const [first, last] = range(segment, device);
    for (let below = last + 1n;;) {
      const row = this.#bySeqBack.get(first, below, upTo);
      if (row === undefined) return;
      below = BigInt(String(row["key"]));
      yield this.#over(row);
    }
  }

  #over(row: SqlRow): RunRefs {
    return this.#refs.over(Number(row["first_seq"]), row["refs"] as Uint8Array);
  }
}

const range = (segment: Segment, device: number): [bigint, bigint] => [
  runKey(segment.level, segment.id, device, 0),
  runKey(segment.level, segment.id, device, MAX_PART),
];

const endKey = (segment: Segment): bigint => runKey(segment.level, segment.id, 0, 0) + SEGMENT_KEYS;
/** The key before the segment's first. */
export const beforeSegment = (segment: Pick<Segment, "level" | "id">): bigint => runKey(segment.level, segment.id, 0, 0) - 1n;

const cached = (row: SqlRow): CachedRun => ({
  part: Number(row["part"]),
  firstSeq: Number(row["first_seq"]),
  minTime: row["min_time"] === null ? Infinity : Number(row["min_time"]),
  maxTime: row["max_time"] === null ? -Infinity : Number(row["max_time"]),
  times: null,
});
