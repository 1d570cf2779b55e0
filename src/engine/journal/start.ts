/**
 * Opens the store for the journal thread and brings it to where the last process left it. What only a person can heal
 * (a damaged, read-only or newer store) is thrown with its path and what to run: the process ends with it.
 */
import { toHex } from "../../base/bytes.ts";
import type { Database, Platform } from "../../platform/port.ts";
import { Bell } from "../../ring/wait.ts";
import { Journal, type Probe } from "../../store/journal.ts";
import { STORE_FILE } from "../../store/migrations.ts";
import { beginAnew, openStore, refusal } from "../../store/open.ts";
import { sqlFailure } from "../../store/sql_error.ts";
import { Board } from "../../wire/board.ts";
import type { Boot, Report } from "../boot.ts";
import { createLog } from "../../telemetry/log.ts";
import { RESERVE_FILE } from "./disk.ts";
import { fencesAnew } from "./seen.ts";

const EPOCH_BYTES = 8;
/** Less free than this, and a store that cannot be opened is taken for one on a full disk. */
const ROOM_TO_OPEN = 256 * 1024;

/** The store has failed in a way no retry heals; carries the code so that no stack is printed for it. */
export class StoreError extends Error {
  override readonly name = "Error";
  readonly code: string;
  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}

/**
 * Opens the store. A disk so full that not even that can be done gets the reserve back, then is waited for: HTTP says so
 * meanwhile. Every other refusal is thrown.
 */
function openWhenRoom(boot: Boot, platform: Platform, path: string, report: (r: Report) => void): Database {
  const { data, limits } = boot.settings;
  const board = new Board(boot.board);
  const bell = new Bell(boot.bells, boot.thread);
  const reserve = `${data}/${RESERVE_FILE}`;
  const newEpoch = toHex(platform.randomBytes(EPOCH_BYTES));
  for (let said = false;;) {
    const { checkpointBytes } = limits;
    const opened = openStore({ path, checkpointBytes, newEpoch, open: () => platform.openDatabase(path, { readOnly: false }) });
    if (opened.ok) return opened.value;
    // Opening needs room for the index of the log; without it SQLite reports an I/O error.
    const full = opened.fault === "store_full" || (opened.fault === "store_unusable" && platform.space(data).free < ROOM_TO_OPEN);
    if (!full) throw new StoreError(opened.fault, opened.message);
    if (platform.exists(reserve)) {
      platform.removeFile(reserve);
      continue;
    }
    board.setStoreFailure("full");
    if (!said) {
      report({
        type: "waiting",
        reason: `Cannot open store ${path}: the disk is full (${opened.message}). Waiting for room; run: df -h ${data}`,
      });
    }
    said = true;
    board.beat(boot.thread);
    bell.wait(Math.min(limits.probeCommitMaxMs, limits.idleWaitMs), () => false);
  }
}

/** A store that was put back from a backup: who comes with a cursor is told to begin anew, and no fence comes twice. */
function lookWhose(journal: Journal, boot: Boot, platform: Platform): void {
  const { data, logLevel } = boot.settings;
  const { epoch, committed, fenceReserved } = journal;
  const fences = fencesAnew(platform, data, { epoch, committed, fences: fenceReserved });
  if (fences === null) return;
  beginAnew(journal.db, toHex(platform.randomBytes(EPOCH_BYTES)), fences);
  const text = `Store ${data}/${STORE_FILE} is not as this gateway left it: put back from a backup, or another one. Its cursors begin anew`;
  createLog(platform, logLevel, { role: "journal" }).warn({ code: "store_put_back", committed }, text);
}

export function openJournal(boot: Boot, platform: Platform, probe: Probe, report: (r: Report) => void): Journal {
  const { data, limits } = boot.settings;
  const path = `${data}/${STORE_FILE}`;
  const board = new Board(boot.board);
  platform.makeDirectory(data);
  const db = openWhenRoom(boot, platform, path, report);
  try {
    const journal = new Journal(db, limits, probe, (rows) => {
      board.beat(boot.thread);
      report({ type: "progress", text: `rebuilding from the journal: ${rows} rows` });
    });
    lookWhose(journal, boot, platform);
    return journal;
  } catch (error) {
    const failure = sqlFailure(error);
    if (failure === null) throw error;
    const refused = refusal(path, failure.code, failure.message);
    throw new StoreError(failure.code, refused.ok ? failure.message : refused.message);
  }
}
