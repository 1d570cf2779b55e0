/** The ordered shutdown: walks the phases of wire/board.ts. Owned by the supervisor. */
import type { Limits } from "../base/limits.ts";
import type { Clock } from "../base/clock.ts";
import { Bell, type Poke } from "../ring/wait.ts";
import { type Board, DrainPhase } from "../wire/board.ts";

export interface DrainNeeds {
  readonly board: Board;
  readonly bells: SharedArrayBuffer;
  readonly poke: Poke;
  readonly limits: Limits;
  readonly clock: Clock;
  /** Threads that were ready when it began: name and index. */
  readonly threads: readonly { readonly name: string; readonly thread: number }[];
  /** Told once, when the shutdown takes longer than it should: the phase and who is not done. */
  readonly late: (phase: string, names: readonly string[]) => void;
}

const LOOK_MS = 2;
const PHASES = Object.entries(DrainPhase).slice(1) as [keyof typeof DrainPhase, DrainPhase][];

/** Resolves with null when every thread has left its loop, or with what it was waiting for at the hard limit. */
export async function drain(needs: DrainNeeds): Promise<string | null> {
  const { board, bells, poke, limits, clock, threads, late } = needs;
  const began = clock.mono();
  let toldLate = false;
  for (const [name, phase] of PHASES) {
    board.setPhase(phase);
    for (const { thread } of threads) new Bell(bells, thread, poke).ring();
    for (;;) {
      const missing = threads.filter(({ thread }) => board.phaseDone(thread) < phase).map((each) => each.name);
      if (missing.length === 0) break;
      const passed = clock.mono() - began;
      if (passed > limits.shutdownHardMs) return `${name}: ${missing.join(", ")}`;
      if (passed > limits.shutdownMs && !toldLate) {
        toldLate = true;
        late(name, missing);
      }
      // Out of time, but not at the end: the later phases still save what can be saved.
      if (passed > limits.shutdownMs && phase < DrainPhase.commitLast) break;
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    }
  }
  return null;
}
