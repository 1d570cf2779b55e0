/** What bounds one WebSocket: the bytes its subscriptions may have queued, and its mistakes. Owned by an http thread. */
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
