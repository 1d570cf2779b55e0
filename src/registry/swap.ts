/**
 * The swap: a newcomer is admitted with the next fence and whoever has to go is evicted, in one step; or it is refused and
 * the holder is untouched. The slot never passes through empty. Pure; part of the registry's step.
 */
import { asFence, type DeviceId } from "../base/brand.ts";
import { END_REASONS, type Refusal, type TakeoverCause } from "../wire/control.ts";
import type { Policy } from "../wire/policy.ts";
import type { Effects } from "./effect.ts";
import type { Claim } from "./event.ts";
import { countFrom, isAlive, type Owner } from "./owner.ts";
import { KeptClaim } from "./kept_claim.ts";
import { isAnnounced } from "./allow.ts";
import { countRefusal } from "./refused.ts";
import type { RegistryState } from "./state.ts";
import { isUnproven } from "./unproven.ts";

/** Fence = counter × 1024 + instance slot; the slot is 0 while the gateway is alone. */
const FENCE_STEP = 1024;
/** Position of a disconnect the worker has not told: what its ring holds by now counts. */
export const POSITION_UNKNOWN = -1;
const SUPERSEDED = END_REASONS.indexOf("superseded");

/** Why nobody can be admitted for this device, whatever the policy; or "none". */
export function whyBlocked(state: RegistryState, device: DeviceId, holder: Owner | null, policy: Policy): Refusal {
  if (state.released || state.draining) return "draining";
  if (!state.admitUnknown && !isAnnounced(state, device)) return "unknown_device";
  if (state.known.size >= state.limits.devices && !state.known.has(device)) return "device_limit";
  if (state.blocked !== "none") return state.blocked;
  // A replacement does not count, nor does what was evicted.
  if (state.living >= state.limits.connections && countFrom(holder) < policy.connections) return "connections";
  return state.counter >= state.counterEnd ? "store_failing" : "none";
}

export function admit(
  state: RegistryState,
  device: DeviceId,
  claim: Claim,
  policy: Policy,
  now: number,
  out: Effects,
  cause: TakeoverCause = "superseded",
): void {
  const holder = state.owners.get(device) ?? null;
  const owner: Owner = {
    device,
    fence: asFence(state.counter * FENCE_STEP),
    claim: new KeptClaim(claim),
    admittedAt: now,
    closing: false,
    older: holder,
    sent: null,
  };
  state.counter++;
  state.living++;
  state.owners.set(device, owner);
  if (holder === null) {
    state.known.add(device);
    out.connected(owner);
  } else makeRoom(state, owner, policy, now, out, cause);
  out.decided(claim, "admit", "none", owner.fence, 0, policy.name);
}

/** Evicts what is too many behind `owner`: those whose close has begun first, then the oldest. */
function makeRoom(state: RegistryState, owner: Owner, policy: Policy, now: number, out: Effects, cause: TakeoverCause): void {
  let tooMany = countFrom(owner) - policy.connections;
  if (tooMany <= 0) return out.connected(owner);
  // More than one only when the policy has changed to one that admits fewer.
  for (; tooMany > 1; tooMany--) {
    const old = takeOldest(owner);
    out.disconnected(old, POSITION_UNKNOWN, SUPERSEDED, owner.claim.at, old.claim.at, owner.older?.fence ?? 0);
    evict(state, old, out);
  }
  const old = takeOldest(owner);
  out.replaced(owner, old, old.closing ? "old_was_closing" : cause, policy.name, lowestAlive(owner));
  if (isAlive(old) && isWatched(policy) && !isUnproven(old.claim)) state.conflicts.takeover(old, owner, now);
  evict(state, old, out);
}

/** The others expect several connections of one identity. */
const isWatched = ({ name }: Policy): boolean => name === "takeover" || name === "reject";

function evict(state: RegistryState, old: Owner, out: Effects): void {
  if (!isAlive(old)) return;
  beginClose(state, old);
  out.evict(old, "superseded");
}

/** From here on it counts as absent. */
export function beginClose(state: RegistryState, owner: Owner): void {
  if (!isAlive(owner)) return;
  owner.closing = true;
  state.living--;
}

function takeOldest(owner: Owner): Owner {
  let found = owner.older!;
  for (let one: Owner | null = found; one !== null; one = one.older) if (one.closing || !found.closing) found = one;
  unlink(owner, found);
  return found;
}

/** Takes `old` out of the connections behind `owner`. */
export function unlink(owner: Owner, old: Owner): void {
  let one = owner;
  while (one.older !== old) one = one.older!;
  one.older = old.older;
  old.older = null;
}

/** What the store's floor is raised to: frames below it come from connections that are no more. */
function lowestAlive(owner: Owner): Owner["fence"] {
  let lowest = owner.fence;
  for (let one = owner.older; one !== null; one = one.older) if (isAlive(one)) lowest = one.fence;
  return lowest;
}

/** The holder is untouched and nothing is kept for the newcomer but a count. */
export function refuse(
  state: RegistryState,
  device: DeviceId,
  claim: Claim,
  refusal: Refusal,
  retryAfterMs: number,
  now: number,
  out: Effects,
): void {
  const policy = state.policies.of(device, claim).name;
  countRefusal(state, device, claim, state.owners.get(device) ?? null, refusal, policy, now);
  out.decided(claim, "refuse", refusal, 0, retryAfterMs, policy);
}
