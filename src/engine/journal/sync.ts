/**
 * How a commit gets to the disk. COMMIT writes the store's log; this has it synced: at once by the journal's own thread
 * when little waits to be written, or by the sync thread while the journal builds and writes the next commits. A sync covers all that
 * was written before it began, so one may answer several tickets.
 *
 * A sync that fails ends the process: the system forgets which pages it could not write, so a second attempt that
 * succeeds would prove nothing. The next start copies the log into the database before it trusts it (store/open.ts).
 */
import type { FileSync, Platform } from "../../platform/port.ts";
import { Bell } from "../../ring/wait.ts";
import { STORE_FILE } from "../../store/migrations.ts";
import { type Board, ThreadState } from "../../wire/board.ts";
import type { Boot } from "../boot.ts";
import { StoreError } from "./start.ts";

/** The store's log, opened to be synced. It is there while the store is open. */
export class LogFile {
  readonly #path: string;
  readonly #file: FileSync;

  constructor(boot: Boot, platform: Pick<Platform, "openForSync">) {
    this.#path = `${boot.settings.data}/${STORE_FILE}-wal`;
    this.#file = platform.openForSync(this.#path);
  }

  /** Returns when everything written before the call is on the disk. @throws StoreError when the disk does not do it. */
  sync(): void {
    try {
      this.#file.sync();
    } catch (error) {
      const { code, message } = error as { code?: string; message: string };
      throw new StoreError(
        code ?? "EIO",
        `Cannot sync ${this.#path}: ${message}. What was acknowledged is safe, what was not is asked for again. Look at the disk, then start again`,
      );
    }
  }

  close(): void {
    this.#file.close();
  }
}

/** The journal's side. */
export class JournalSync {
  readonly #board: Board;
  readonly #bell: Bell;
  readonly #thread: number;
  readonly #syncThread: number;
  readonly #waitMs: number;
  readonly #log: LogFile;
  #ticket: number;

  constructor(boot: Boot, platform: Pick<Platform, "openForSync">, board: Board) {
    this.#board = board;
    this.#bell = new Bell(boot.bells, boot.roster.sync);
    this.#thread = boot.thread;
    this.#syncThread = boot.roster.sync;
    this.#waitMs = boot.settings.limits.idleWaitMs;
    this.#log = new LogFile(boot, platform);
    this.#ticket = board.syncAnswered();
  }

  /** Syncs here and now. */
  now(): void {
    this.#log.sync();
  }

  /** Has it done by the sync thread; the ticket says when it is. */
  begin(): number {
    this.#ticket = (this.#ticket + 1) | 0;
    this.#board.wantSync(this.#ticket);
    this.#bell.ring();
    return this.#ticket;
  }

  /** Is what was begun with that ticket on the disk? */
  isDone(ticket: number): boolean {
    return this.#board.hasSynced(ticket);
  }

  /**
   * Sleeps until what was begun with that ticket is on the disk. False: the sync thread had left before it saw the ticket, as it may at the
   * end of a shutdown; then it was synced here, and no word was moved.
   */
  wait(ticket: number): boolean {
    const board = this.#board;
    while (!board.awaitSync(ticket, this.#waitMs)) {
      board.beat(this.#thread);
      if (board.state(this.#syncThread) !== ThreadState.stopped || board.hasSynced(ticket)) continue;
      this.#log.sync();
      return false;
    }
    return true;
  }

  close(): void {
    this.#log.close();
  }
}
