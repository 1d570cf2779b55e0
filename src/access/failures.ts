/**
 * Wrong tokens per address and minute, in a table of bounded size. Pure; owned by an http thread. It only decides what a wrong
 * token is told: a right one always works, as a whole office may sit behind one address.
 */
import type { Limits } from "../base/limits.ts";

const MINUTE_MS = 60_000;

interface Failures {
  count: number;
  readonly endsAt: number;
}

export class FailedTokens {
  readonly #limits: Pick<Limits, "failedTokensPerMinute" | "failedTokenAddresses">;
  /** Oldest first. */
  readonly #addresses = new Map<string, Failures>();

  constructor(limits: Pick<Limits, "failedTokensPerMinute" | "failedTokenAddresses">) {
    this.#limits = limits;
  }

  get size(): number {
    return this.#addresses.size;
  }

  /** One more at `now`, ms of any clock. Seconds to wait when that was too many, else 0. */
  failed(address: string, now: number): number {
    let known = this.#addresses.get(address);
    if (known === undefined || now >= known.endsAt) {
      this.#addresses.delete(address);
      if (this.#addresses.size >= this.#limits.failedTokenAddresses) this.#forgetOldest();
      known = { count: 0, endsAt: now + MINUTE_MS };
      this.#addresses.set(address, known);
    }
    known.count++;
    return known.count <= this.#limits.failedTokensPerMinute ? 0 : Math.ceil((known.endsAt - now) / 1000);
  }

  #forgetOldest(): void {
    for (const address of this.#addresses.keys()) {
      this.#addresses.delete(address);
      return;
    }
  }
}
