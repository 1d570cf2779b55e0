/**
 * Opens the store for the journal thread and brings it to where the last process left it. What only a person can heal
 * (a damaged, read-only or newer store) is thrown with its path and what to run: the process ends with it.
 */
import { toHex } from "../base/bytes.ts";
import type { Platform } from "../platform/port.ts";
import { Journal, type Probe } from "../store/journal.ts";
import { STORE_FILE } from "../store/migrations.ts";
import { openStore, refusal } from "../store/open.ts";
import { sqlFailure } from "../store/sql_error.ts";
import { Board } from "../wire/board.ts";
import type { Boot, Report } from "./boot.ts";

const EPOCH_BYTES = 8;

/** The store has failed in a way no retry heals; carries the code so that no stack is printed for it. */
export class StoreError extends Error {
  override readonly name = "Error";
  readonly code: string;
  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}

export function openJournal(boot: Boot, platform: Platform, probe: Probe, report: (r: Report) => void): Journal {
  const { data, limits } = boot.settings;
  const path = `${data}/${STORE_FILE}`;
  const board = new Board(boot.board);
  platform.makeDirectory(data);
  const opened = openStore({
    path,
    checkpointBytes: limits.checkpointBytes,
    newEpoch: toHex(platform.randomBytes(EPOCH_BYTES)),
    open: () => platform.openDatabase(path, { readOnly: false }),
  });
  if (!opened.ok) throw new StoreError(opened.fault, opened.message);
  // Never set but by the durability proofs, which must find it out.
  if (probe("journal.synchronous_off")) opened.value.exec("PRAGMA synchronous = OFF");
  try {
    return new Journal(opened.value, limits, probe, (rows) => {
      board.beat(boot.thread);
      report({ type: "progress", text: `rebuilding from the journal: ${rows} rows` });
    });
  } catch (error) {
    const failure = sqlFailure(error);
    if (failure === null) throw error;
    const refused = refusal(path, failure.code, failure.message);
    throw new StoreError(failure.code, refused.ok ? failure.message : refused.message);
  }
}
