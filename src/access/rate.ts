/** Requests of each token in the running second. Pure; owned by an http thread. */
import type { Limits } from "../base/limits.ts";

const SECOND_MS = 1000;

export class TokenRate {
  readonly #limits: Pick<Limits, "requestsPerSecondPerToken">;
  /** By id; there are no more of them than tokens. */
  readonly #asked = new Map<string, number>();
  #endsAt = Number.NEGATIVE_INFINITY;

  constructor(limits: Pick<Limits, "requestsPerSecondPerToken">) {
    this.#limits = limits;
  }

  /** One more at `now`, ms of any clock. False: it is one too many. */
  asks(token: string, now: number): boolean {
    if (now >= this.#endsAt) {
      this.#asked.clear();
      this.#endsAt = now + SECOND_MS;
    }
    const count = (this.#asked.get(token) ?? 0) + 1;
    this.#asked.set(token, count);
    return count <= this.#limits.requestsPerSecondPerToken;
  }
}
