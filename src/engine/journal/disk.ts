/**
 * The journal's eye on the disk: how big the store is, how full the disk, what retention must reach, the reserve file that
 * is given back when nothing can be written, and the write-ahead log's way back into the database. Journal thread.
 */
import type { Platform, Statement } from "../../platform/port.ts";
import { Bell } from "../../ring/wait.ts";
import { BelievedClock } from "../../store/believed_clock.ts";
import type { Journal } from "../../store/journal.ts";
import { STORE_FILE } from "../../store/migrations.ts";
import { PAGE_BYTES } from "../../store/open.ts";
import type { RetentionWish } from "../../store/retention_job.ts";
import { sqlFailure } from "../../store/sql_error.ts";
import type { Board } from "../../wire/board.ts";
import type { Boot } from "../boot.ts";
import { SeenFiles } from "./seen.ts";

type PassMode = "NOOP" | "PASSIVE" | "RESTART" | "TRUNCATE";
type Needs = Pick<Platform, "fileSize" | "removeFile" | "allocateFile" | "space" | "exists" | "clock" | "readText" | "writeText">;

/** Name of the reserve file inside the data directory. */
export const RESERVE_FILE = "reserve";
/** A WAL frame: a page and its header. */
const FRAME_BYTES = PAGE_BYTES + 24;
/** The WAL this many triggers long means the passes do not get through: the journal waits for readers itself. */
const FORCE_AT = 3;
const FORCE_WAIT_MS = 200;
/** From here on it waits as long as it takes, within reason: four triggers is what the log may have. */
const INSIST_AT = 3.5;
const BUSY_MS = 5000;
/** The log's length is asked for when this part of a trigger may have been written: asking takes a tenth of a commit. */
const LOOK_PART = 16;
/** What a commit or a slice writes beside its bytes, at least: pages of the tree, each with a header. */
const OVERHEAD_BYTES = 4 * FRAME_BYTES;
/** Of a store nobody wrote to only the disk can have changed: then one look of so many is enough. */
const QUIET_LOOKS = 10;
/** Looked at this often while it waits for the reader's pass. */
const POLL_MS = 10;

export class JournalDisk {
  walBytes = 0;
  storeBytes = 0;
  released = 0;
  checkpoints = 0;
  readonly #files: Needs;
  /** Called before the journal's own part of a checkpoint: a fault point. */
  readonly #checkpoint: () => void;
  readonly #journal: Journal;
  readonly #board: Board;
  readonly #readerBell: Bell | null;
  readonly #bell: Bell;
  readonly #thread: number;
  readonly #data: string;
  readonly #reservePath: string;
  readonly #mostBytes: number;
  readonly #seen: SeenFiles;
  readonly #epoch: string;
  readonly #believed = new BelievedClock();
  readonly #passes: Readonly<Record<PassMode, Statement>>;
  readonly #pageCount: Statement;
  readonly #freeCount: Statement;
  #ticket = 0;
  #asked = false;
  #pages = 0;
  /** Bytes that may have been written since the log's length was read. */
  #unseen = 0;
  #freePages = 0;
  /** Bytes of the disk nobody uses. */
  #free = 0;
  /** Looks since something was written. */
  #quietLooks = 0;
  /** The last look did look. */
  #isFresh = false;

  constructor(boot: Boot, files: Needs, journal: Journal, board: Board, checkpoint: () => void) {
    this.#checkpoint = checkpoint;
    this.#files = files;
    this.#journal = journal;
    this.#board = board;
    const { db } = journal;
    const pass = (mode: PassMode): Statement => db.prepare(`PRAGMA wal_checkpoint(${mode})`);
    this.#passes = { NOOP: pass("NOOP"), PASSIVE: pass("PASSIVE"), RESTART: pass("RESTART"), TRUNCATE: pass("TRUNCATE") };
    this.#pageCount = db.prepare("PRAGMA page_count");
    this.#freeCount = db.prepare("PRAGMA freelist_count");
    const reader = boot.roster.reader[0];
    this.#readerBell = reader === undefined ? null : new Bell(boot.bells, reader);
    this.#bell = new Bell(boot.bells, boot.thread);
    this.#thread = boot.thread;
    this.#data = boot.settings.data;
    this.#reservePath = `${this.#data}/${RESERVE_FILE}`;
    this.#seen = new SeenFiles(files, this.#data);
    this.#epoch = journal.epoch;
    this.#ticket = board.checkpointAnswered();
    this.#measure();
    const half = (this.#free + this.storeBytes) / 2;
    this.#mostBytes = Math.min(journal.limits.retentionBytes, Math.max(half, 0));
  }

  /** What retention must reach now. Looks at clock and disk. */
  wish(nowMs: number): RetentionWish {
    const { limits } = this.#journal;
    this.#isFresh = this.#quietLooks++ % QUIET_LOOKS === 0;
    if (this.#isFresh) this.#measure();
    // Free pages inside the file are room too: deleting more would not give the disk back any faster.
    const inside = this.#freePages * PAGE_BYTES;
    const over = this.storeBytes - inside - this.#mostBytes;
    const short = limits.freeDiskBytes - (this.#free + inside);
    const now = this.#believed.now(nowMs, this.#files.clock.mono());
    return { before: now - limits.retentionMs, excessBytes: Math.max(0, over, short) };
  }

  /** Pages that should go back to the disk. */
  get looseFreePages(): boolean {
    return this.#freePages * 4 > this.#pages && this.#freePages > 256;
  }

  /** Gives the reserve back: the disk is full. True when there was one. */
  releaseReserve(): boolean {
    if (!this.#files.exists(this.#reservePath)) return false;
    this.#files.removeFile(this.#reservePath);
    this.#quietLooks = 0;
    this.released++;
    return true;
  }

  /** While commits succeed: the reserve is there, and what is on the disk is noted beside it. */
  keepUp(): void {
    this.#keepReserve();
    this.#note();
  }

  /** At the end: everything back into the database, and it is closed. */
  close(): void {
    this.truncateLog();
    this.#note();
    this.#journal.db.close();
  }

  #note(): void {
    this.#seen.note({ epoch: this.#epoch, committed: this.#board.committed(), fences: this.#board.fenceReserved() });
  }

  /** Makes the reserve file when there is room for it and some more. */
  #keepReserve(): void {
    const { reserveBytes, freeDiskBytes } = this.#journal.limits;
    if (reserveBytes === 0 || !this.#isFresh || this.#files.exists(this.#reservePath)) return;
    if (this.#free < reserveBytes + freeDiskBytes) return;
    try {
      this.#files.allocateFile(this.#reservePath, reserveBytes);
    } catch (error) {
      // Somebody else took the room in between: the next look tries again.
      if (!isNoSpace(error)) throw error;
      if (this.#files.exists(this.#reservePath)) this.#files.removeFile(this.#reservePath);
    }
  }

  /** After a commit or a slice of `bytes`: asks reader 0 for a pass when the log is long, and does the rest when it has made one. */
  followLog(bytes: number): void {
    const { checkpointBytes } = this.#journal.limits;
    this.#quietLooks = 0;
    this.#unseen += bytes + OVERHEAD_BYTES;
    const answered = this.#asked && this.#answered();
    if (!answered && this.#unseen < checkpointBytes / LOOK_PART) return;
    if (this.#asked && !answered) {
      this.#readLog("NOOP");
      if (this.walBytes > FORCE_AT * checkpointBytes) this.#force();
      return;
    }
    if (answered) {
      this.#asked = false;
      this.#checkpoint();
      this.#readLog("PASSIVE");
      this.checkpoints++;
      return;
    }
    this.#readLog("NOOP");
    if (this.walBytes <= checkpointBytes) return;
    if (this.walBytes > FORCE_AT * checkpointBytes || this.#readerBell === null) return this.#force();
    this.#asked = true;
    this.#board.wantCheckpoint(++this.#ticket);
    this.#readerBell.ring();
  }

  /** Everything back into the database, and the log's room back to the disk. */
  truncateLog(): void {
    this.#readLog("TRUNCATE");
  }

  #answered(): boolean {
    return this.#board.checkpointAnswered() === this.#ticket;
  }

  /**
   * Waits for readers, so that the next commit begins the log again: a little at first, then as long as a slow disk needs.
   * A pass of the reader's that is under way is waited for by its ticket: SQLite refuses a second one at once, without waiting.
   */
  #force(): void {
    const waitMs = this.walBytes > INSIST_AT * this.#journal.limits.checkpointBytes ? BUSY_MS : FORCE_WAIT_MS;
    const deadline = this.#files.clock.mono() + waitMs;
    while (this.#asked && !this.#answered() && this.#files.clock.mono() < deadline) {
      this.#board.beat(this.#thread);
      this.#bell.wait(POLL_MS, () => this.#answered());
    }
    this.#journal.db.exec(`PRAGMA busy_timeout = ${waitMs}`);
    this.#readLog("RESTART");
    this.#journal.db.exec(`PRAGMA busy_timeout = ${BUSY_MS}`);
    this.checkpoints++;
  }

  #readLog(mode: PassMode): void {
    try {
      this.#quietLooks = 0;
      const row = this.#passes[mode].get();
      this.#unseen = 0;
      const frames = Number(row?.["log"] ?? 0);
      const copied = Number(row?.["checkpointed"] ?? 0);
      // A log that is copied whole begins again with the next commit.
      this.walBytes = frames > copied ? frames * FRAME_BYTES : 0;
    } catch (error) {
      // A full or failing disk stops a checkpoint; commits will say so.
      if (sqlFailure(error) === null) throw error;
    }
  }

  #measure(): void {
    this.#pages = Number(this.#pageCount.get()!["page_count"]);
    this.#freePages = Number(this.#freeCount.get()!["freelist_count"]);
    const walFile = Math.max(0, this.#files.fileSize(`${this.#data}/${STORE_FILE}-wal`));
    this.storeBytes = this.#pages * PAGE_BYTES + walFile;
    this.#free = this.#files.space(this.#data).free;
  }
}

const isNoSpace = (error: unknown): boolean =>
  error instanceof Error && "code" in error && (error.code === "ENOSPC" || error.code === "EDQUOT");
