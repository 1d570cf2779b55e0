/**
 * Frames kept raw in a data directory no gateway holds, decoded again. Used by the command line, in place of a running gateway; it holds
 * the directory as a gateway does.
 */
import { limitsWith } from "../base/limits.ts";
import { asDeviceId } from "../base/brand.ts";
import { toHex } from "../base/bytes.ts";
import { err, ok, type Result } from "../base/result.ts";
import type { Database, Platform } from "../platform/port.ts";
import { IncomingFrame } from "../store/incoming_frame.ts";
import { Journal } from "../store/journal.ts";
import { STORE_FILE } from "../store/migrations.ts";
import { openStore, refusal } from "../store/open.ts";
import type { StoredQuarantined } from "../store/port.ts";
import { QuarantineReader } from "../store/quarantine_reader.ts";
import { Redecoder } from "../store/redecode.ts";
import { sqlFailure } from "../store/sql_error.ts";
import { lockData } from "./lock.ts";
import { replay, type Replayed } from "./journal/quarantine.ts";

const EPOCH_BYTES = 8;
const PAGE = 100;

export class ReplayData {
  readonly #db: Database;
  readonly #journal: Journal;
  readonly #reader: QuarantineReader;
  readonly #decoder = new Redecoder();
  readonly #frame = new IncomingFrame();
  readonly #clock: Platform["clock"];
  readonly #release: () => void;

  private constructor(db: Database, clock: Platform["clock"], release: () => void) {
    this.#db = db;
    this.#journal = new Journal(db, limitsWith(), () => false);
    this.#reader = new QuarantineReader(db);
    this.#clock = clock;
    this.#release = release;
  }

  /** Holds the directory until `close`. */
  static open(platform: Platform, data: string): Result<ReplayData, string> {
    const path = `${data}/${STORE_FILE}`;
    if (!platform.exists(path)) return err("no_store", `Cannot read ${path}: there is no store`);
    const lock = lockData(platform, data);
    if (!lock.ok) {
      return lock.fault === "data_held" ? err(lock.fault, `${lock.message}; without --data the running gateway is asked`) : lock;
    }
    const { checkpointBytes } = limitsWith();
    const newEpoch = toHex(platform.randomBytes(EPOCH_BYTES));
    const opened = openStore({ path, checkpointBytes, newEpoch, open: () => platform.openDatabase(path, { readOnly: false }) });
    if (!opened.ok) {
      lock.value.release();
      return opened;
    }
    try {
      return ok(new ReplayData(opened.value, platform.clock, () => lock.value.release()));
    } catch (error) {
      const failure = sqlFailure(error);
      if (failure === null) throw error;
      opened.value.close();
      lock.value.release();
      return refusal(path, failure.code, failure.message);
    }
  }

  /** Newest first, of one device or (null) of all. */
  *frames(device: string | null): IterableIterator<StoredQuarantined> {
    const { ledger, limits, committed } = this.#journal;
    const no = device === null ? null : ledger.byId(asDeviceId(device))?.no;
    if (no === undefined) return;
    const nameOf = (of: number): string | null => ledger.ids.has(of) ? ledger.ids.name(of) : null;
    for (let [upTo, more] = [committed as number, true]; more;) {
      const page = this.#reader.page(no, { upTo, limit: PAGE, held: false }, limits.pageBytes, nameOf);
      yield* page.frames;
      upTo = (page.frames.at(-1)?.id ?? 1) - 1;
      more = page.more;
    }
  }

  /** Decodes a kept frame and stores what it yields. */
  replay(id: number): Result<Replayed, string> {
    const done = replay(this.#journal, id, this.#clock.wall(), this.#decoder, this.#frame);
    const committed = this.#journal.commit();
    return committed.ok ? ok(done) : err(committed.failure.code, `Cannot keep what frame ${id} holds: ${committed.failure.message}`);
  }

  /** What was committed goes to the disk, and the directory is free. */
  close(): void {
    try {
      this.#db.prepare("PRAGMA wal_checkpoint(TRUNCATE)").get();
    } catch (error) {
      // Without room for it the log stays; the next start copies it.
      if (sqlFailure(error) === null) throw error;
    }
    this.#db.close();
    this.#release();
  }
}
