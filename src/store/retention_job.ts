/**
 * Deletes the oldest log rows, a few at a time, from the front only: by age, and while the store is too big or the disk too
 * full. Journal thread. Never beyond what runs refer to, so that a rebuild finds every row it needs.
 */
import type { Limits } from "../base/limits.ts";
import type { Database, SqlRow, Statement } from "../platform/port.ts";
import type { Job } from "./job.ts";
import { HELD } from "./quarantine.ts";

/** A slice ends at this many bytes of bodies: freeing their pages takes time. */
const SLICE_BYTES = 4 << 20;
/** This part of a full tail is flushed early when the store is too big. */
const WORTH_A_FLUSH = 64;
const META_NEXT_SEQ = "INSERT INTO meta (key, value) VALUES ('next_seq', ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value";

export interface RetentionWish {
  /** Rows whose newest arrival is before this (wall ms) go. */
  readonly before: number;
  /** Bytes to free beyond that. */
  readonly excessBytes: number;
}

export interface RetentionParts {
  readonly db: Database;
  readonly limits: Pick<Limits, "sliceRows" | "flushBytes">;
  wish(): RetentionWish;
  /** Rows that begin above this are not referred to by runs yet. */
  flushed(): number;
  nextSeq(): number;
  /** Called after every slice with the oldest seq kept, and how many bytes of bodies went. */
  trimmed(oldest: number, bytes: number): void;
  /** The same of frames kept raw: how many of those that went stood in their device's way. */
  released(held: number, bytes: number): void;
}

export class RetentionJob implements Job {
  readonly point = "journal.retention_slice";
  readonly #parts: RetentionParts;
  readonly #front: Statement;
  readonly #remove: Statement;
  readonly #takeovers: Statement;
  readonly #conflicts: Statement;
  readonly #quarantine: Statement;
  readonly #crcFailures: Statement;
  readonly #meta: Statement;
  /** The oldest row, once there is one: it stays the oldest until this deletes it. */
  #first: { readonly lastSeq: number; readonly at: number } | null = null;
  #oldest = 0;
  #bytes = 0;
  #kept: readonly SqlRow[] = [];

  constructor(parts: RetentionParts) {
    this.#parts = parts;
    const { db } = parts;
    this.#front = db.prepare("SELECT seq, next_seq, at, length(body) AS bytes FROM log ORDER BY seq LIMIT ?");
    this.#remove = db.prepare("DELETE FROM log WHERE seq < ?");
    this.#takeovers = db.prepare("DELETE FROM takeover WHERE seq IN (SELECT seq FROM takeover WHERE seq < ? ORDER BY seq LIMIT ?)");
    this.#conflicts = db.prepare("DELETE FROM conflict WHERE seq < ?");
    this.#quarantine = db.prepare(
      `DELETE FROM quarantine WHERE id IN (SELECT id FROM quarantine WHERE last_at < ? LIMIT ?)
        RETURNING length(bytes) AS bytes, ${HELD} AS held`,
    );
    this.#crcFailures = db.prepare("DELETE FROM crc_failure WHERE at < ?");
    this.#meta = db.prepare(META_NEXT_SEQ);
  }

  /** Is there a row to delete now? Cheap; asked between commits. */
  due(): boolean {
    const first = this.#oldestRow();
    if (first === null || first.lastSeq > this.#parts.flushed()) return false;
    const wish = this.#parts.wish();
    return wish.excessBytes > 0 || first.at < wish.before;
  }

  /**
   * Is the oldest row past its age while no run refers to it yet? Then a flush must come first. Of a store that is too big
   * too, but not for a handful of rows: on a disk that others fill, each commit would be flushed and deleted at once.
   */
  needsFlush(tailBytes: number): boolean {
    const first = this.#oldestRow();
    if (first === null || first.lastSeq <= this.#parts.flushed()) return false;
    const wish = this.#parts.wish();
    return first.at < wish.before || (wish.excessBytes > 0 && tailBytes >= this.#parts.limits.flushBytes / WORTH_A_FLUSH);
  }

  step(): boolean {
    const { limits } = this.#parts;
    const wish = this.#parts.wish();
    const flushed = this.#parts.flushed();
    let oldest = 0;
    let freed = 0;
    let last = true;
    for (const row of this.#front.all(limits.sliceRows)) {
      const over = Number(row["at"]) < wish.before || freed < wish.excessBytes;
      if (!over || Number(row["next_seq"]) - 1 > flushed) break;
      if (freed >= SLICE_BYTES) {
        last = false;
        break;
      }
      oldest = Number(row["next_seq"]);
      freed += Number(row["bytes"]);
    }
    this.#oldest = oldest;
    this.#bytes = freed;
    this.#kept = [];
    if (oldest === 0) return true;
    this.#meta.run(this.#parts.nextSeq());
    this.#remove.run(oldest);
    this.#takeovers.run(oldest, limits.sliceRows);
    this.#conflicts.run(oldest);
    this.#kept = this.#quarantine.all(wish.before, limits.sliceRows);
    this.#crcFailures.run(wish.before);
    return last;
  }

  committed(): void {
    this.#first = null;
    if (this.#oldest > 0) this.#parts.trimmed(this.#oldest, this.#bytes);
    if (this.#kept.length === 0) return;
    const sumOf = (column: string): number => this.#kept.reduce((sum, row) => sum + Number(row[column]), 0);
    this.#parts.released(sumOf("held"), sumOf("bytes"));
  }

  failed(): void {
    this.#oldest = 0;
  }

  #oldestRow(): { readonly lastSeq: number; readonly at: number } | null {
    if (this.#first !== null) return this.#first;
    const row = this.#front.all(1)[0];
    if (row === undefined) return null;
    this.#first = { lastSeq: Number(row["next_seq"]) - 1, at: Number(row["at"]) };
    return this.#first;
  }
}
