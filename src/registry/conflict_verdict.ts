/**
 * What a takeover of a living holder means, judged by two things: did another origin take the device, and was the loser's
 * stack heard after it had lost? Pure.
 *
 *                    loser was heard                      loser was silent
 *   same origin      restart_loop, when it is often       flaky_link: its old connection was dead
 *   other origin     clone, when they come back           nat_rebind: the old address was dead
 *
 * Live origins that follow one another and do not come back are a rolling deploy: no verdict.
 */
import type { Limits } from "../base/limits.ts";
import type { ConflictVerdict } from "../wire/control.ts";
import { isSameOrigin } from "./origin.ts";
import type { Owner } from "./owner.ts";

export interface Takeover {
  readonly old: Owner;
  readonly owner: Owner;
  /** Monotonic ms. */
  readonly at: number;
  /** Null until it is known what became of the loser. */
  heard: boolean | null;
}

export type VerdictLimits = Pick<Limits, "takeoverWindowMs" | "takeoversInWindow" | "alternationWindowMs" | "alternationsInWindow">;

/** Two live origins that take the device from each other. */
export interface Fight {
  readonly alternations: number;
  /** Takeovers of a live holder within `windowMs`. */
  readonly takeovers: number;
  readonly windowMs: number;
  readonly last: Takeover;
}

/** Does `next` give the device back to the origin that `before` took it from? */
const isReturn = (before: Takeover, next: Takeover): boolean =>
  isSameOrigin(next.old.claim, before.owner.claim) && isSameOrigin(next.owner.claim, before.old.claim);

/** A→B→A is one, A→B→A→B→A are two: no takeover counts twice, so that an old instance may try once more in a rolling deploy. */
function alternations(live: readonly Takeover[]): number {
  let count = 0;
  for (let i = 0; i + 1 < live.length; i++) {
    if (!isReturn(live[i]!, live[i + 1]!)) continue;
    count++;
    i++;
  }
  return count;
}

/** Has any origin taken the device that had lost it while it was live? */
const anyReturn = (live: readonly Takeover[]): boolean =>
  live.some((later, i) => live.slice(0, i).some(({ old }) => isSameOrigin(later.owner.claim, old.claim)));

/** Judges takeovers by another origin, oldest first. Null: no fight, or not known to be one yet. */
export function fightOf(takeovers: readonly Takeover[], limits: VerdictLimits): Fight | null {
  const live = takeovers.filter(({ heard }) => heard === true);
  const last = live.at(-1);
  if (last === undefined) return null;
  const within = (ms: number): Takeover[] => live.filter(({ at }) => at >= last.at - ms);
  const slow = within(limits.alternationWindowMs);
  const fast = within(limits.takeoverWindowMs);
  const swings = alternations(slow);
  if (swings >= limits.alternationsInWindow) {
    return { alternations: swings, takeovers: slow.length, windowMs: limits.alternationWindowMs, last };
  }
  if (fast.length < limits.takeoversInWindow || !anyReturn(fast)) return null;
  return { alternations: alternations(fast), takeovers: fast.length, windowMs: limits.takeoverWindowMs, last };
}

/** Judges one takeover by the origin that had the device already; `takeovers`: all of those, oldest first. */
export function ownVerdict(takeover: Takeover, takeovers: readonly Takeover[], limits: VerdictLimits): ConflictVerdict | null {
  if (takeover.heard === false) return "flaky_link";
  const { at } = takeover;
  let often = 0;
  for (const other of takeovers) if (other.heard === true && Math.abs(other.at - at) <= limits.takeoverWindowMs) often++;
  return often >= limits.takeoversInWindow ? "restart_loop" : null;
}
