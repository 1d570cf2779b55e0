/**
 * What the page says about its connection to the gateway, and never more than it knows: a stream that is open and silent is
 * stale, an attempt that is due is counted down to, and what was missed is said. Pure; owned by the page.
 */

export type LinkState = "connecting" | "hydrating" | "catching_up" | "live" | "stale" | "renewing" | "reconnecting" | "refused";

/** The gateway is heard every 15 s by default, if only by a heartbeat. */
const STALE_MS = 20_000;
/** Events older than this when they arrive: the page is being told of the past. */
const BEHIND_MS = 10_000;
const JUST_HEARD_MS = 2000;

/** Each browser has words of its own for a server that is not there. */
const BROWSERS_WORDS: readonly (readonly [RegExp, string])[] = [
  [/^(Failed to fetch|Load failed|NetworkError when attempting to fetch resource\.?)$/, "it does not answer"],
  [/^(network error|Error in (input|body) stream|The network connection was lost\.)$/i, "the connection broke"],
];

/** Without the address that is in every message: the page has only one gateway. */
const plain = (reason: string): string => {
  const text = reason.replace(/^Cannot reach \S+: /, "");
  return BROWSERS_WORDS.find(([pattern]) => pattern.test(text))?.[1] ?? text;
};

export class Link {
  #phase: "connecting" | "hydrating" | "open" | "lost" | "refused" = "connecting";
  #heardAt = 0;
  #lostAt: number | null = null;
  #retryAt = 0;
  /** Why the gateway ended the stream in order; "" when it did not. */
  #farewell = "";
  /** The gateway ended the stream for its age, and nothing has failed since. */
  #isRenewal = false;
  #behindMs = 0;
  #behindAt = -Infinity;
  /** Why the last connection ended, or was refused. */
  reason = "";
  /** Connections lost since the page was opened. */
  losses = 0;

  hydrating(now: number): void {
    this.#phase = "hydrating";
    this.#heardAt = now;
  }

  opened(now: number): void {
    this.#phase = "open";
    this.#heardAt = now;
    this.#farewell = "";
  }

  bye(reason: string): void {
    this.#farewell = reason;
  }

  heard(now: number): void {
    this.#heardAt = now;
  }

  /** An event that the gateway got `ageMs` ago. */
  event(ageMs: number, now: number): void {
    this.#behindMs = ageMs;
    if (ageMs > BEHIND_MS) this.#behindAt = now;
  }

  lost(reason: string, waitMs: number, now: number): void {
    const before = this.#phase;
    const wasRenewal = this.#isRenewal;
    this.#isRenewal = before === "open" && this.#farewell === "age";
    if (!this.#isRenewal) {
      if (before === "open" || wasRenewal) this.losses++;
      this.#lostAt ??= now;
    }
    this.#phase = "lost";
    this.reason = this.#farewell === "shutdown" ? "it was stopped" : plain(reason);
    this.#retryAt = now + waitMs;
  }

  refused(reason: string): void {
    this.#phase = "refused";
    this.reason = reason;
  }

  /** How long the outage lasted that has just ended; null when there was none. */
  takeOutage(now: number): number | null {
    const since = this.#lostAt;
    this.#lostAt = null;
    return since === null ? null : now - since;
  }

  state(now: number): LinkState {
    switch (this.#phase) {
      case "open":
        if (now - this.#heardAt > STALE_MS) return "stale";
        return now - this.#behindAt < JUST_HEARD_MS ? "catching_up" : "live";
      case "lost":
        return this.#isRenewal ? "renewing" : "reconnecting";
      default:
        return this.#phase;
    }
  }

  /** One line for people. */
  words(now: number): string {
    switch (this.state(now)) {
      case "connecting":
        return "Connecting";
      case "hydrating":
        return "Reading devices";
      case "live":
        return "Live";
      case "catching_up":
        return `Catching up, ${Math.round(this.#behindMs / 1000)} s behind`;
      case "stale":
        return `Stale: silent for ${Math.round((now - this.#heardAt) / 1000)} s`;
      case "renewing":
        return "Renewing the stream";
      case "reconnecting": {
        const left = Math.ceil((this.#retryAt - now) / 1000);
        return left > 0 ? `Reconnecting in ${left} s` : "Reconnecting";
      }
      case "refused":
        return "Refused";
    }
  }
}
