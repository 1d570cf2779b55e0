/**
 * Whether commits succeed: the back-off between attempts while they do not, and the gate that keeps new devices out when
 * it lasts. Owned by the journal thread; time is an argument.
 */
import type { Limits } from "../../base/limits.ts";
import { failureKind, type SqlFailure } from "../../store/sql_error.ts";
import type { Log } from "../../telemetry/log.ts";
import { type Board, Gate } from "../../wire/board.ts";

/** A failure that lasts is said again after this. */
const SAY_AGAIN_MS = 10_000;

export class JournalHealth {
  readonly #board: Board;
  readonly #limits: Pick<Limits, "probeCommitMinMs" | "probeCommitMaxMs" | "commitFailingMs">;
  readonly #log: Pick<Log, "error" | "warn">;
  #failingSince: number | null = null;
  #saidAt = -Infinity;
  #attempts = 0;
  #pauseMs = 0;
  #nextAt = 0;

  constructor(
    board: Board,
    limits: Pick<Limits, "probeCommitMinMs" | "probeCommitMaxMs" | "commitFailingMs">,
    log: Pick<Log, "error" | "warn">,
  ) {
    this.#board = board;
    this.#limits = limits;
    this.#log = log;
  }

  get failing(): boolean {
    return this.#failingSince !== null;
  }

  /** Has it failed for so long that devices shall go elsewhere? */
  get closed(): boolean {
    return this.#board.gate() === Gate.failing;
  }

  /** True when it had failed before. */
  succeeded(): boolean {
    const was = this.failing;
    if (was) {
      this.#log.warn({ attempts: this.#attempts }, "commits succeed again");
      this.#attempts = 0;
      this.#saidAt = -Infinity;
    }
    this.#board.setStoreFailure("none");
    this.#failingSince = null;
    this.#pauseMs = 0;
    if (this.#board.gate() !== Gate.open) this.#board.setGate(Gate.open);
    return was;
  }

  failed(nowMs: number, { code, message }: SqlFailure): void {
    this.#failingSince ??= nowMs;
    this.#attempts++;
    this.#board.setStoreFailure(failureKind(code));
    if (nowMs - this.#saidAt >= SAY_AGAIN_MS) {
      this.#saidAt = nowMs;
      const fields = { code, attempts: this.#attempts, failingMs: Math.round(nowMs - this.#failingSince) };
      this.#log.error(fields, `Cannot commit: ${message} (${code}). Nothing is acknowledged until a commit succeeds; it is tried again`);
    }
    this.#pauseMs = Math.min(this.#limits.probeCommitMaxMs, this.#pauseMs === 0 ? this.#limits.probeCommitMinMs : this.#pauseMs * 2);
    this.#nextAt = nowMs + this.#pauseMs;
    this.look(nowMs);
  }

  /** Closes the gate when it is time. A gate that never opened stays as it is: nobody is there to be sent away. */
  look(nowMs: number): void {
    if (this.#failingSince === null || this.#board.gate() !== Gate.open) return;
    if (nowMs - this.#failingSince >= this.#limits.commitFailingMs) this.#board.setGate(Gate.failing);
  }

  /** Ms until the next attempt. */
  waitMs(nowMs: number): number {
    return Math.max(0, this.#nextAt - nowMs);
  }
}
