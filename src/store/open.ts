/**
 * Opens the store: pragmas, migrations, and what the failures mean to the person who reads them. Used by the journal
 * (writing) and by readers. Never makes a new store over one that cannot be read.
 */
import { err, ok, type Result } from "../base/result.ts";
import type { Database } from "../platform/port.ts";
import { MIGRATIONS } from "./migrations.ts";
import { isCorrupt, sqlFailure } from "./sql_error.ts";

export type OpenFault = "store_corrupt" | "store_read_only" | "store_full" | "store_newer" | "store_unusable";

export interface OpenChoice {
  readonly path: string;
  readonly checkpointBytes: number;
  /** Made once per database: cursors are `epoch.seq`. */
  readonly newEpoch: string;
  open(): Database;
}

const BUSY_MS = 5000;
export const PAGE_BYTES = 8192;
/** The log is at most so many checkpoint triggers long: then commits wait for readers (engine/journal/disk.ts). */
const MOST_LOG = 4;

/** Opens for writing, making the store when there is none. */
export function openStore(choice: OpenChoice): Result<Database, OpenFault> {
  let db: Database | null = null;
  try {
    db = choice.open();
    db.exec(`PRAGMA busy_timeout = ${BUSY_MS}`);
    // Both are fixed when the file is made.
    db.exec(`PRAGMA page_size = ${PAGE_BYTES}`);
    db.exec("PRAGMA auto_vacuum = INCREMENTAL");
    db.prepare("PRAGMA journal_mode = WAL").get();
    // COMMIT writes the log and does not sync it: that is a step of its own (engine/journal/sync.ts). Checkpoints sync by themselves.
    db.exec("PRAGMA synchronous = NORMAL");
    // Checkpoints are the journal's and reader 0's business, between commits.
    db.prepare("PRAGMA wal_autocheckpoint = 0").get();
    // As long as it may get: cutting it at every restart and growing it again costs more than the room.
    db.prepare(`PRAGMA journal_size_limit = ${MOST_LOG * choice.checkpointBytes}`).get();
    // Commits append and slices read what the system has in memory anyway: more than the processor's cache holds is slower to fill.
    db.prepare("PRAGMA cache_size = -8192").get();
    copyLog(db);
    const version = Number(db.prepare("PRAGMA user_version").get()!["user_version"]);
    if (version > MIGRATIONS.length) {
      db.close();
      return err(
        "store_newer",
        `Cannot open store ${choice.path}: it has version ${version}, this Berth knows ${MIGRATIONS.length}. Run a newer Berth on it`,
      );
    }
    if (version < MIGRATIONS.length) migrate(db, version, choice.newEpoch);
    return ok(db);
  } catch (error) {
    const failure = sqlFailure(error);
    if (failure === null) throw error;
    try {
      db?.close();
    } catch (closing) {
      if (sqlFailure(closing) === null) throw closing;
    }
    return refusal(choice.path, failure.code, failure.message);
  }
}

/**
 * What the log still holds goes into the database, which is synced. A process that could not sync its log has left there
 * what is perhaps in the system's memory only, and looks as if it were kept. Without room for it the log stays.
 */
function copyLog(db: Database): void {
  try {
    db.prepare("PRAGMA wal_checkpoint(TRUNCATE)").get();
  } catch (error) {
    if (sqlFailure(error) === null) throw error;
  }
}

/** A connection for a reader thread. */
export function prepareReading(db: Database): void {
  db.exec(`PRAGMA busy_timeout = ${BUSY_MS}`);
  db.prepare("PRAGMA wal_autocheckpoint = 0").get();
  db.exec("PRAGMA query_only = ON");
}

function migrate(db: Database, from: number, epoch: string): void {
  db.exec("BEGIN IMMEDIATE");
  for (let version = from; version < MIGRATIONS.length; version++) db.exec(MIGRATIONS[version]!);
  db.prepare("INSERT OR IGNORE INTO meta (key, value) VALUES ('epoch', ?)").run(epoch);
  db.prepare("INSERT OR IGNORE INTO meta (key, value) VALUES ('fence_reserved', 1)").run();
  db.exec(`PRAGMA user_version = ${MIGRATIONS.length}`);
  db.exec("COMMIT");
}

/** The store is not the one that was here: its cursors begin anew, and its fences go on from `fences`. */
export function beginAnew(db: Database, epoch: string, fences: number): void {
  db.exec("BEGIN IMMEDIATE");
  db.prepare("UPDATE meta SET value = ? WHERE key = 'epoch'").run(epoch);
  db.prepare("UPDATE meta SET value = ? WHERE key = 'fence_reserved'").run(fences);
  // One that waited then may have been given to its device since: it ends as those do that had been.
  db.exec("UPDATE command SET state = 'routed' WHERE state = 'queued'");
  db.exec("COMMIT");
}

/** What a failure of the store means, and what to run. */
export function refusal(path: string, code: string, message: string): Result<never, OpenFault> {
  if (isCorrupt(code)) {
    return err(
      "store_corrupt",
      `Cannot open store ${path}: it is damaged (${code}: ${message}). Nothing was changed. Save what can be read with: sqlite3 ${path} ".recover" | sqlite3 recovered.db, then put recovered.db in its place; or start with another --data directory`,
    );
  }
  if (code.startsWith("SQLITE_READONLY") || code.startsWith("SQLITE_CANTOPEN") || code.startsWith("SQLITE_PERM")) {
    return err(
      "store_read_only",
      `Cannot open store ${path}: it cannot be written (${code}: ${message}). Run: chown -R "$(id -un)" on its directory, or mount -o remount,rw; or start with another --data directory`,
    );
  }
  if (code.startsWith("SQLITE_FULL")) {
    return err("store_full", `Cannot open store ${path}: the disk is full (${code}). Run: df -h, and make room`);
  }
  return err("store_unusable", `Cannot open store ${path}: ${code}: ${message}. Look at the disk, then start again`);
}
