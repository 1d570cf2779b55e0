/** Why a connection is gone, was not made, or will not be made again. Pure. */

/**
 * `unreachable`: no answer. `busy`: the gateway asks to come later. `broken`: the connection broke, or ended without a word. `silent`: nothing
 * was heard for too long. `age`, `shutdown`, `slow`, `ended`: the gateway ended it and said so. `reader`: events came faster than
 * they were taken; it goes on when there is room. Never retried: `auth` (no token, a wrong or revoked one, or one without the scope),
 * `superseded` (another connection has the device), `refused` (the request is wrong), `closed` (by `close()`).
 */
export type LossCause =
  | "unreachable"
  | "busy"
  | "broken"
  | "silent"
  | "age"
  | "shutdown"
  | "slow"
  | "ended"
  | "reader"
  | "auth"
  | "superseded"
  | "refused"
  | "closed";

export interface Loss {
  readonly cause: LossCause;
  /** In plain words. */
  readonly reason: string;
  /** Of the answer over HTTP, where there was one. */
  readonly status: number | null;
  /** The next attempt follows after this time; null: none follows. */
  readonly waitMs: number | null;
}

const FINAL: ReadonlySet<LossCause> = new Set(["auth", "superseded", "refused", "closed"]);
export const isFinal = (cause: LossCause): boolean => FINAL.has(cause);

/** What an HTTP status other than 2xx means. A request that is wrong will be wrong next time too. */
export function causeOfStatus(status: number): LossCause {
  if (status === 401 || status === 403) return "auth";
  if (status === 408 || status === 425 || status === 426 || status === 429) return "busy";
  return (status >= 400 && status < 500) || status === 501 ? "refused" : "busy";
}

/** What the gateway's last word on a stream means. */
export function causeOfBye(reason: string): LossCause {
  switch (reason) {
    case "auth":
    case "superseded":
    case "age":
    case "shutdown":
    case "slow":
      return reason;
    default:
      return "ended";
  }
}
