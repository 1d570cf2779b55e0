/**
 * Which of two connections of one device wins: one function, one place to change a rule. Pure.
 *
 *   takeover    the newcomer                      initiator   the one the bigger identity dialled; of two it dialled, the newer
 *   reject      the holder, if it answers         recent      the newer, as the bigger side sees it; the smaller side waits
 *   multi(n)    both, and beyond n the newest n
 */
import { assertNever } from "../base/assert.ts";
import type { DeviceId } from "../base/brand.ts";
import type { Refusal } from "../wire/control.ts";
import type { Policy } from "../wire/policy.ts";
import type { Claim } from "./event.ts";
import type { Owner } from "./owner.ts";

export type Ruling =
  | { readonly act: "admit" }
  | { readonly act: "refuse"; readonly refusal: Exclude<Refusal, "none"> }
  /** The newcomer waits, the holder is probed: one that answers keeps the device, a silent one is taken over. */
  | { readonly act: "probe" }
  /** The newcomer waits for the other side to end one of the two; at the deadline it takes over. */
  | { readonly act: "park" };

/** `holder`: the newest live connection, null when there is none. `self`: our own identity, for the symmetric policies. */
export type Decide = (policy: Policy, holder: Owner | null, newcomer: Claim, device: DeviceId, self: string) => Ruling;

const ADMIT: Ruling = { act: "admit" };
const PROBE: Ruling = { act: "probe" };
const PARK: Ruling = { act: "park" };
const EQUAL: Ruling = { act: "refuse", refusal: "equal_identities" };

export const decide: Decide = (policy, holder, newcomer, device, self) => {
  switch (policy.name) {
    case "takeover":
    case "multi":
      return ADMIT;
    case "reject":
      return holder === null ? ADMIT : PROBE;
    case "initiator": {
      if (device === self) return EQUAL;
      if (holder === null) return ADMIT;
      const bigger = self > device;
      const newByBigger = newcomer.dialled === bigger;
      // A side dials again when it has lost the connection before: between two of one side the newer is the live one.
      return newByBigger || holder.claim.dialled !== bigger ? ADMIT : PROBE;
    }
    case "recent":
      if (device === self) return EQUAL;
      return holder === null || self > device ? ADMIT : PARK;
    default:
      return assertNever(policy.name, "policy");
  }
};
