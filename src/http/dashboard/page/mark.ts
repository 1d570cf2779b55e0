/** Which point of the track somebody looks at: pinned by a click, a row or the slider, or under the pointer. Owned by the page. */
import type { Timed } from "./timeline.ts";

export class Mark {
  readonly #changed: () => void;
  #pinned: Timed | null = null;
  #pointed: Timed | null = null;

  constructor(changed: () => void) {
    this.#changed = changed;
  }

  /** What it is on. */
  get on(): Timed | null {
    return this.#pointed ?? this.#pinned;
  }

  /** The pointer rests on it; null: on nothing. */
  point(at: Timed | null): void {
    if (at?.seq === this.#pointed?.seq) return;
    this.#pointed = at;
    this.#changed();
  }

  /** Stays. */
  pin(at: Timed | null): void {
    if (at?.seq === this.#pinned?.seq) return;
    this.#pinned = at;
    this.#changed();
  }

  clear(): void {
    this.#pinned = this.#pointed = null;
  }

  /** Where it is among these, oldest first; -1: nowhere. */
  index(points: readonly Timed[]): number {
    const { on } = this;
    return on === null ? -1 : points.findLastIndex(({ seq }) => seq === on.seq);
  }
}
