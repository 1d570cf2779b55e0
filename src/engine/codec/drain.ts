/** The part of who holds connections in the ordered shutdown, phase by phase. Owned by the codec worker; the peer thread has its own. */
import { DrainPhase } from "../../wire/board.ts";
import type { CodecContext } from "./context.ts";
import type { CodecWorker } from "./worker.ts";
import type { SocketSource } from "../source/socket.ts";

type Needs = Pick<CodecContext, "board" | "limits" | "clock">;
type Worker = Pick<CodecWorker, "pause" | "quiet" | "farewell" | "endAll" | "sockets" | "resetAll">;
type Source = Pick<SocketSource, "stopAccepting">;

export class CodecDrain {
  readonly #at: Needs;
  readonly #worker: Worker;
  readonly #source: Source;
  readonly #done: (phase: DrainPhase) => void;
  /** The phase being worked on, or done when `#open` is false. */
  #phase: DrainPhase = DrainPhase.running;
  #open = false;
  #deadline = 0;

  constructor(context: Needs, worker: Worker, source: Source, done: (phase: DrainPhase) => void) {
    this.#at = context;
    this.#worker = worker;
    this.#source = source;
    this.#done = done;
  }

  get ended(): boolean {
    return this.#phase === DrainPhase.end;
  }

  /** A shutdown is under way. */
  get going(): boolean {
    return this.#phase !== DrainPhase.running;
  }

  hasWork(): boolean {
    return this.#at.board.phase() !== this.#phase && !this.#open;
  }

  /** Looks at the phase asked for; every phase has its turn, also one that was passed over. */
  advance(): void {
    const wanted = this.#at.board.phase();
    for (;;) {
      if (this.#open) {
        // A later phase wanted means that this one is out of time.
        if (!this.#isDone() && wanted === this.#phase) return;
        this.#finish();
      }
      if (this.#phase >= wanted) return;
      this.#phase = (this.#phase + 1) as DrainPhase;
      this.#begin();
    }
  }

  #begin(): void {
    const { limits, clock } = this.#at;
    this.#open = true;
    if (this.#phase === DrainPhase.stopAccepting) this.#source.stopAccepting();
    else if (this.#phase === DrainPhase.pauseDevices) {
      this.#worker.pause();
      this.#deadline = clock.mono() + limits.drainMs;
    } else if (this.#phase === DrainPhase.sayBye) {
      this.#worker.endAll();
      this.#deadline = clock.mono() + limits.evictedCloseMs;
    }
  }

  #isDone(): boolean {
    if (this.#phase === DrainPhase.pauseDevices) return this.#worker.quiet || this.#at.clock.mono() >= this.#deadline;
    if (this.#phase === DrainPhase.sayBye) return this.#worker.sockets === 0 || this.#at.clock.mono() >= this.#deadline;
    return true;
  }

  #finish(): void {
    this.#open = false;
    if (this.#phase === DrainPhase.pauseDevices) this.#worker.farewell();
    else if (this.#phase === DrainPhase.sayBye) this.#worker.resetAll();
    if (this.#phase !== DrainPhase.end) this.#done(this.#phase);
  }
}
