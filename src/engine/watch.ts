/**
 * Finds threads that hang: looks at every heartbeat word now and then. Owned by the supervisor. Pure but for the board;
 * time is an argument.
 */
import type { Limits } from "../base/limits.ts";
import type { Role } from "../platform/port.ts";
import { type Board, ThreadState } from "../wire/board.ts";

/**
 * How long a thread may sleep that has nothing to do, and that the kernel wakes for whatever comes: twice as long as one whose
 * waits end with idleWaitMs, and never near to what hangs.
 */
export const longSleepMs = ({ idleWaitMs, heartbeatStaleMs }: Limits): number =>
  Math.max(idleWaitMs, Math.min(2 * idleWaitMs, heartbeatStaleMs / 4));

interface Watched {
  readonly role: Role;
  readonly name: string;
  readonly thread: number;
  readonly since: number;
  beat: number;
  movedAt: number;
}

export class Watch {
  readonly #board: Board;
  readonly #limits: Limits;
  readonly #watched: Watched[] = [];
  #lookedAt: number | null = null;

  constructor(board: Board, limits: Limits) {
    this.#board = board;
    this.#limits = limits;
  }

  add(role: Role, name: string, thread: number, nowMs: number): void {
    this.#watched.push({ role, name, thread, since: nowMs, beat: this.#board.heartbeat(thread), movedAt: nowMs });
  }

  /** A thread that has shown life in another way: progress at start. */
  alive(thread: number, nowMs: number): void {
    for (const each of this.#watched) if (each.thread === thread) each.movedAt = nowMs;
  }

  /** The thread for which the process must end, and why, or null. Call many times within a bound. */
  look(nowMs: number): { readonly name: string; readonly reason: string } | null {
    // The supervisor itself was late (a stopped process, a suspended machine, no core free): nobody else could move either,
    // so one look counts for a quarter of the bound at most. One that is late every time still finds who hangs.
    const unseenMs = this.#lookedAt === null ? 0 : Math.max(0, nowMs - this.#lookedAt - this.#limits.heartbeatStaleMs / 4);
    this.#lookedAt = nowMs;
    for (const each of this.#watched) {
      const beat = this.#board.heartbeat(each.thread);
      if (beat === each.beat) each.movedAt += unseenMs;
      else {
        each.beat = beat;
        each.movedAt = nowMs;
      }
      const reason = this.#stale(each, nowMs);
      if (reason !== null) return { name: each.name, reason };
    }
    return null;
  }

  #stale(each: Watched, nowMs: number): string | null {
    const { heartbeatStaleMs, storeStaleMs, startMs, idleWaitMs } = this.#limits;
    const state = this.#board.state(each.thread);
    if (state === ThreadState.stopped) return null;
    const idle = Math.round(nowMs - each.movedAt);
    if (state === ThreadState.starting && each.role !== "journal") {
      return nowMs - each.since > startMs ? `is not ready after ${startMs} ms` : null;
    }
    // A loop with nothing to do moves its word once per idleWaitMs: never call that hanging, whatever the bounds.
    const allowed = Math.max(
      each.role === "journal" || each.role === "sync" || each.role === "reader" ? storeStaleMs : heartbeatStaleMs,
      2 * idleWaitMs,
    );
    // A store that is being rebuilt shows progress; opening a large one is one long call.
    const bound = state === ThreadState.starting ? Math.max(allowed, startMs) : allowed;
    return idle > bound ? `hangs: no heartbeat for ${idle} ms` : null;
  }
}
