/**
 * The wall clock as far as what is deleted may rely on it: one that was set ahead is believed only after it has stayed so for an hour, as
 * what was deleted for a wrong time does not come back. One that was set back is believed at once. Pure; owned by the journal thread.
 */

/** Ahead by no more than this is no step: clocks are slewed. */
const SLACK_MS = 60_000;
export const DOUBT_MS = 3_600_000;

export class BelievedClock {
  /** Wall minus monotonic ms, as believed. */
  #offset = Number.NaN;
  /** Since when the wall clock has been further ahead than that; monotonic ms. */
  #aheadSince = Number.NaN;

  /** The wall time to go by. The first one there is is believed. */
  now(wall: number, mono: number): number {
    const offset = wall - mono;
    if (!(offset > this.#offset + SLACK_MS)) {
      this.#offset = offset;
      this.#aheadSince = Number.NaN;
    } else if (Number.isNaN(this.#aheadSince)) this.#aheadSince = mono;
    else if (mono - this.#aheadSince >= DOUBT_MS) this.#offset = offset;
    return mono + this.#offset;
  }
}
