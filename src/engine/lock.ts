/**
 * One process per data directory. The lock is an exclusive transaction held open on a file of its own: the kernel frees
 * it whatever way the process ends. A file beside it names the holder, for the message only.
 */
import { err, ok, type Result } from "../base/result.ts";
import { type Platform, SqlError } from "../platform/port.ts";

export interface DataLock {
  release(): void;
}

type Needs = Pick<Platform, "makeDirectory" | "openDatabase" | "readText" | "writeText" | "removeFile" | "exists" | "pid">;

export type LockFault = "data_held" | "data_unusable";

const LOCK_FILE = "lock.sqlite";
const PID_FILE = "berth.pid";

/** Takes the directory, making it when it is not there. `data_held`: another process has it, named as far as it is known. */
export function lockData(platform: Needs, data: string): Result<DataLock, LockFault> {
  const pidPath = `${data}/${PID_FILE}`;
  try {
    const release = take(platform, data, pidPath);
    return ok({ release });
  } catch (error) {
    if (error instanceof SqlError && (error.code.startsWith("SQLITE_BUSY") || error.code.startsWith("SQLITE_LOCKED"))) {
      return err("data_held", `Cannot use ${data}: the process with pid ${readPid(platform, pidPath)} holds it`);
    }
    if ((error as { code?: unknown }).code === "EEXIST") return err("data_unusable", `Cannot use ${data}: it is not a directory`);
    const reason = error instanceof Error ? error.message : String(error);
    return err("data_unusable", `Cannot use ${data}: ${reason}. Make it writable, or choose another directory with --data`);
  }
}

/** Takes the lock and returns how to give it back. @throws what the file system or SQLite says. */
function take(platform: Needs, data: string, pidPath: string): () => void {
  platform.makeDirectory(data);
  const db = platform.openDatabase(`${data}/${LOCK_FILE}`, { readOnly: false });
  try {
    // In memory: the lock must be had on a full disk, and nothing is ever written.
    db.exec("PRAGMA journal_mode = MEMORY");
    db.exec("BEGIN EXCLUSIVE");
    writePid(platform, pidPath);
  } catch (error) {
    db.close();
    throw error;
  }
  return () => {
    platform.removeFile(pidPath);
    db.close();
  };
}

/** On a full disk the name of the holder is lost; the lock is not. */
function writePid(platform: Needs, path: string): void {
  try {
    platform.writeText(path, `${platform.pid}\n`);
  } catch (error) {
    if ((error as { code?: string }).code !== "ENOSPC") throw error;
  }
}

function readPid(platform: Needs, path: string): string {
  const text = platform.exists(path) ? platform.readText(path).trim() : "";
  return text === "" ? "unknown" : text;
}
