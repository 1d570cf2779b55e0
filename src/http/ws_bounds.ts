/** What bounds one WebSocket: the bytes its subscriptions may have queued, its mistakes, and how fast it asks. Owned by an http thread. */
import type { Limits } from "../base/limits.ts";
import { Account } from "../broker/subscriber.ts";

/** What of a subscription's bytes the runtime still holds is what its socket still holds. */
export class SocketAccount extends Account {
  readonly #held: () => number;

  constructor(held: () => number) {
    super();
    this.#held = held;
  }
  override get inHand(): number {
    return this.#held();
  }
  override set inHand(_bytes: number) {}
}

const MINUTE_MS = 60_000;

/** Messages that could not be used, in the running minute. */
export class Mistakes {
  #count = 0;
  #endsAt = -Infinity;

  /** One more at `now`, ms of any clock: how many that makes. */
  inMinute(now: number): number {
    if (now >= this.#endsAt) {
      this.#count = 0;
      this.#endsAt = now + MINUTE_MS;
    }
    return ++this.#count;
  }
}

/** A bucket of asks: a burst at once, and again so many a second. */
export class Pace {
  readonly #costMs: number;
  readonly #mostMs: number;
  /** When it is full again. */
  #fullAt = -Infinity;

  constructor({ socketAsksPerSecond, socketAskBurst }: Pick<Limits, "socketAsksPerSecond" | "socketAskBurst">) {
    this.#costMs = 1000 / socketAsksPerSecond;
    this.#mostMs = socketAskBurst * this.#costMs;
  }

  /** One more at `now`, ms of any clock; false: one too many. */
  takes(now: number): boolean {
    const fullAt = Math.max(this.#fullAt, now) + this.#costMs;
    if (fullAt - now > this.#mostMs) return false;
    this.#fullAt = fullAt;
    return true;
  }
}
