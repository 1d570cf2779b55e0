/**
 * Has what a thread's work left behind collected once the thread has nothing to do. A runtime collects by how much the heap
 * has grown beside what it holds, and it counts the rings, which all threads share, as held by each: a thread that
 * blocks on its bell would let 200 MB of garbage pile up first. Owned by the thread.
 */
import type { Platform } from "../platform/port.ts";

/** Nothing to do for this long: a collection then makes nobody wait. */
const QUIET_MS = 1000;

export class Leftovers {
  readonly #platform: Pick<Platform, "clock" | "collect">;
  readonly #intervalMs: number;
  #worked = true;
  #quietSince = -1;
  #collectedAt: number;

  /** `intervalMs`: least time between two collections. */
  constructor(platform: Pick<Platform, "clock" | "collect">, intervalMs: number) {
    this.#platform = platform;
    this.#intervalMs = intervalMs;
    this.#collectedAt = platform.clock.mono();
  }

  /** A turn of the loop did something. */
  worked(): void {
    this.#worked = true;
    this.#quietSince = -1;
  }

  /** A turn of the loop found nothing to do. */
  idle(): void {
    if (!this.#worked) return;
    const now = this.#platform.clock.mono();
    if (this.#quietSince < 0) this.#quietSince = now;
    if (now - this.#quietSince < QUIET_MS || now - this.#collectedAt < this.#intervalMs) return;
    this.#platform.collect();
    this.#worked = false;
    this.#collectedAt = now;
  }
}
