/**
 * The ticks of a codec worker on an event loop: often while there is something to hurry for, else as seldom as its deadlines allow.
 * Waking up is nearly all that a fleet costs which says nothing. A worker that blocks knows its next deadline: by_blocking.ts. Owned
 * by the codec worker.
 */
import type { Limits } from "../../base/limits.ts";
import { TICK_MS } from "./context.ts";

/** Deadlines are met this many times more exactly than they are long. */
const EXACTNESS = 8;
const LONGEST_MS = 250;

type Needs = Pick<Limits, "loginTimeoutMs" | "idleTimeoutMs" | "evictedCloseMs" | "heartbeatStaleMs">;

/** Between two ticks with nothing to hurry for. */
export function restMs({ loginTimeoutMs, idleTimeoutMs, evictedCloseMs, heartbeatStaleMs }: Needs): number {
  const shortest = Math.min(loginTimeoutMs, idleTimeoutMs, evictedCloseMs, heartbeatStaleMs);
  return Math.max(TICK_MS, Math.min(LONGEST_MS, Math.floor(shortest / EXACTNESS)));
}

export class CodecTicks {
  readonly #restMs: number;
  /** Does what a tick does; true when the next shall come soon. */
  readonly #tick: () => boolean;
  #timer: ReturnType<typeof setTimeout>;
  #resting = false;

  constructor(limits: Needs, tick: () => boolean) {
    this.#restMs = restMs(limits);
    this.#tick = tick;
    this.#timer = this.#after(TICK_MS);
  }

  /** The next tick comes soon. */
  hurry(): void {
    if (!this.#resting) return;
    clearTimeout(this.#timer);
    this.#resting = false;
    this.#timer = this.#after(TICK_MS);
  }

  stop(): void {
    clearTimeout(this.#timer);
  }

  #after(ms: number): ReturnType<typeof setTimeout> {
    return setTimeout(() => {
      this.#resting = !this.#tick();
      this.#timer = this.#after(this.#resting ? this.#restMs : TICK_MS);
    }, ms);
  }
}
