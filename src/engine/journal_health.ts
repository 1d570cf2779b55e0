/**
 * Whether commits succeed: the back-off between attempts while they do not, and the gate that keeps new devices out when
 * it lasts. Owned by the journal thread; time is an argument.
 */
import type { Limits } from "../base/limits.ts";
import { type Board, Gate } from "../wire/board.ts";

export class JournalHealth {
  readonly #board: Board;
  readonly #limits: Pick<Limits, "probeCommitMinMs" | "probeCommitMaxMs" | "commitFailingMs">;
  #failingSince: number | null = null;
  #pauseMs = 0;
  #nextAt = 0;

  constructor(board: Board, limits: Pick<Limits, "probeCommitMinMs" | "probeCommitMaxMs" | "commitFailingMs">) {
    this.#board = board;
    this.#limits = limits;
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
    this.#failingSince = null;
    this.#pauseMs = 0;
    if (this.#board.gate() !== Gate.open) this.#board.setGate(Gate.open);
    return was;
  }

  failed(nowMs: number): void {
    this.#failingSince ??= nowMs;
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
