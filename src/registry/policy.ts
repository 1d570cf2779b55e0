/**
 * Which of two connections of one device wins: one function, one place to change a rule. Pure.
 * Only `takeover` can be chosen today; the configuration refuses the others by name.
 */
import { assert } from "../base/assert.ts";
import type { PolicyName, Refusal } from "../wire/control.ts";
import type { Claim } from "./event.ts";
import type { Owner } from "./owner.ts";

export type Ruling =
  | { readonly act: "admit" }
  | { readonly act: "refuse"; readonly refusal: Refusal; readonly retryAfterMs: number }
  /** The newcomer waits, the holder is probed; at the deadline a holder that stayed silent is taken over. */
  | { readonly act: "wait"; readonly waitMs: number };

export type Decide = (policy: PolicyName, holder: Owner | null, newcomer: Claim) => Ruling;

const ADMIT: Ruling = { act: "admit" };

/** `holder` is null when there is none or its close has begun. */
export function decide(policy: PolicyName, holder: Owner | null, _newcomer: Claim): Ruling {
  if (holder === null) return ADMIT;
  assert(policy === "takeover", `policy ${policy} cannot be chosen`);
  return ADMIT;
}
