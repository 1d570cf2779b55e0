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

export type VerdictLimits = Pick<
  Limits,
  "takeoverWindowMs" | "takeoversInWindow" | "returnsInWindow" | "alternationWindowMs" | "alternationsInWindow"
>;

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

/**
 * How often the device went from one to the other and back, between the two of `last`. A→B→A is one, A→B→A→B→A are two: no
 * takeover counts twice, so that in a rolling deploy an old instance may try once more.
 */
function alternations(live: readonly Takeover[], last: Takeover): number {
  const isBetween = (one: Takeover): boolean =>
    isReturn(one, last) || (isSameOrigin(one.old.claim, last.old.claim) && isSameOrigin(one.owner.claim, last.owner.claim));
  let count = 0;
  for (let i = 0; i + 1 < live.length; i++) {
    if (!isBetween(live[i]!) || !isReturn(live[i]!, live[i + 1]!)) continue;
    count++;
    i++;
  }
  return count;
}

/** How often the winner of `last` has taken the device after it had lost it while it was live. */
function returns(live: readonly Takeover[], { owner }: Takeover): number {
  let [count, hadLost] = [0, false];
  for (const one of live) {
    if (hadLost && isSameOrigin(one.owner.claim, owner.claim)) count++;
    hadLost ||= isSameOrigin(one.old.claim, owner.claim);
  }
  return count;
}

/** Judges takeovers by another origin, oldest first. Null: no fight, or not known to be one yet. */
export function fightOf(takeovers: readonly Takeover[], limits: VerdictLimits): Fight | null {
  const live = takeovers.filter(({ heard }) => heard === true);
  const last = live.at(-1);
  if (last === undefined) return null;
  const within = (ms: number): Takeover[] => live.filter(({ at }) => at >= last.at - ms);
  const slow = within(limits.alternationWindowMs);
  const fast = within(limits.takeoverWindowMs);
  const swings = alternations(slow, last);
  if (swings >= limits.alternationsInWindow) {
    return { alternations: swings, takeovers: slow.length, windowMs: limits.alternationWindowMs, last };
  }
  if (fast.length < limits.takeoversInWindow || returns(fast, last) < limits.returnsInWindow) return null;
  return { alternations: alternations(fast, last), takeovers: fast.length, windowMs: limits.takeoverWindowMs, last };
}

/** Judges one takeover by the origin that had the device already; `takeovers`: all of those, oldest first. */
export function ownVerdict(takeover: Takeover, takeovers: readonly Takeover[], limits: VerdictLimits): ConflictVerdict | null {
  if (takeover.heard === false) return "flaky_link";
  const { at } = takeover;
  let often = 0;
  for (const other of takeovers) if (other.heard === true && Math.abs(other.at - at) <= limits.takeoverWindowMs) often++;
  return often >= limits.takeoversInWindow ? "restart_loop" : null;
}
