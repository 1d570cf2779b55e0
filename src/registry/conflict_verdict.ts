/**
 * What a takeover of a living holder means, judged by two things: did another origin take the device, and was the loser's
 * stack heard after it had lost? Pure.
 *
 *                    loser was heard                      loser was silent
 *   same origin      restart_loop, when it is often       flaky_link: its old connection was dead
 *   other origin     clone, when they come back           nat_rebind: the old address was dead
 *
 * Live origins that follow one another and do not come back are a rolling deploy: no verdict. Positions that no vehicle can
 * have both been at are of two, heard or not: when they come back, that is a clone as well.
 */
import type { Limits } from "../base/limits.ts";
import type { ConflictRule, ConflictVerdict } from "../wire/control.ts";
import type { Movement, Sent } from "../wire/sent.ts";
import { differencesBetween, isReachable, isSameParty, movementBetween, type Party } from "./origin.ts";
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
  | "takeoverWindowMs"
  | "takeoversInWindow"
  | "returnsInWindow"
  | "alternationWindowMs"
  | "alternationsInWindow"
  | "movementWindowMs"
  | "impossibleKmh"
  | "impossibleKm"
>;

/** Two that take the device from each other. */
export interface Fight {
  readonly rule: ConflictRule;
  readonly alternations: number;
  /** Takeovers of a live holder, or of one that was elsewhere, within `windowMs`. */
  readonly takeovers: number;
  readonly windowMs: number;
  readonly last: Takeover;
  /** Of the last one's two sides, by their newest connection that sent anything. */
  readonly oldSent: Sent | null;
  readonly ownerSent: Sent | null;
  /** What tells them apart: bits by the index in CONFLICT_DIFFERENCES. */
  readonly differ: number;
  /** What one vehicle would have had to do, if that is impossible. */
  readonly movement: Movement | null;
}

/** Are two connections of one side? */
type IsSame = (a: Party, b: Party) => boolean;

/** Does `next` give the device back to the side that `before` took it from? */
const isReturn = (before: Takeover, next: Takeover, isSame: IsSame): boolean =>
  isSame(next.old, before.owner) && isSame(next.owner, before.old);

/**
 * How often the device went from one to the other and back, between the two of `last`. A→B→A is one, A→B→A→B→A are two: no
 * takeover counts twice, so that in a rolling deploy an old instance may try once more.
 */
function alternations(fought: readonly Takeover[], last: Takeover, isSame: IsSame): number {
  const isBetween = (one: Takeover): boolean => isReturn(one, last, isSame) || (isSame(one.old, last.old) && isSame(one.owner, last.owner));
  let count = 0;
  for (let i = 0; i + 1 < fought.length; i++) {
    if (!isBetween(fought[i]!) || !isReturn(fought[i]!, fought[i + 1]!, isSame)) continue;
    count++;
    i++;
  }
  return count;
}

/** How often the winner of `last` has taken the device after it had lost it while it was live. */
function returns(live: readonly Takeover[], { owner }: Takeover, isSame: IsSame): number {
  let [count, hadLost] = [0, false];
  for (const one of live) {
    if (hadLost && isSame(one.owner, owner)) count++;
    hadLost ||= isSame(one.old, owner);
  }
  return count;
}

/** Judges takeovers by another origin, oldest first. Null: no fight, or not known to be one yet. */
export const fightOf = (takeovers: readonly Takeover[], limits: VerdictLimits): Fight | null =>
  liveFight(takeovers, limits) ?? movementFight(takeovers, limits);

function liveFight(takeovers: readonly Takeover[], limits: VerdictLimits): Fight | null {
  const live = takeovers.filter(({ heard }) => heard === true);
  const last = live.at(-1);
  if (last === undefined) return null;
  const isSame = (a: Party, b: Party): boolean => isSameParty(a, b, limits);
  const slow = within(live, last, limits.alternationWindowMs);
  const fast = within(live, last, limits.takeoverWindowMs);
  const named = namedIn(takeovers, last, isSame, limits);
  const swings = alternations(slow, last, isSame);
  if (swings >= limits.alternationsInWindow) {
    return { rule: "alternations", alternations: swings, takeovers: slow.length, windowMs: limits.alternationWindowMs, ...named };
  }
  if (fast.length < limits.takeoversInWindow || returns(fast, last, isSame) < limits.returnsInWindow) return null;
  const windowMs = limits.takeoverWindowMs;
  return { rule: "takeovers", alternations: alternations(fast, last, isSame), takeovers: fast.length, windowMs, ...named };
}

/** Whatever their addresses are and whoever was heard: the device went there and back, and there and back again. */
function movementFight(takeovers: readonly Takeover[], limits: VerdictLimits): Fight | null {
  const moved = takeovers.filter(({ old, owner }) => movementBetween(old, owner, limits) !== null);
  const last = moved.at(-1);
  if (last === undefined) return null;
  const isSame = (a: Party, b: Party): boolean => isReachable(a, b, limits);
  const slow = within(moved, last, limits.movementWindowMs);
  const swings = alternations(slow, last, isSame);
  if (swings < limits.alternationsInWindow) return null;
  const named = namedIn(takeovers, last, isSame, limits);
  return { rule: "movement", alternations: swings, takeovers: slow.length, windowMs: limits.movementWindowMs, ...named };
}

const within = (all: readonly Takeover[], last: Takeover, ms: number): Takeover[] => all.filter(({ at }) => at >= last.at - ms);

/** The two sides of `last`. What the new one has sent may be known of an earlier connection of it only. */
function namedIn(takeovers: readonly Takeover[], last: Takeover, isSame: IsSame, limits: VerdictLimits) {
  const sentOf = (side: Owner): Sent | null =>
    side.sent ?? takeovers.findLast(({ old }) => old.sent !== null && isSame(old, side))?.old.sent ?? null;
  const [oldSent, ownerSent] = [sentOf(last.old), sentOf(last.owner)];
  const [old, owner] = [{ claim: last.old.claim, sent: oldSent }, { claim: last.owner.claim, sent: ownerSent }];
  return { last, oldSent, ownerSent, differ: differencesBetween(old, owner, limits), movement: movementBetween(old, owner, limits) };
}

/** Judges one takeover by the origin that had the device already; `takeovers`: all of those, oldest first. */
export function ownVerdict(takeover: Takeover, takeovers: readonly Takeover[], limits: VerdictLimits): ConflictVerdict | null {
  if (takeover.heard === false) return "flaky_link";
  const { at } = takeover;
  let often = 0;
  for (const other of takeovers) if (other.heard === true && Math.abs(other.at - at) <= limits.takeoverWindowMs) often++;
  return often >= limits.takeoversInWindow ? "restart_loop" : null;
}
