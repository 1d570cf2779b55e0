/**
 * The registry: who owns a device. `step(state, event, now)` adds its effects to a list; no I/O, clock or promise.
 * Everything that decides about ownership goes through here, one event at a time. Owned by the registry thread.
 *
 * The swap of a takeover is one step: look up, decide, then admit with the next fence and evict the old one. The slot
 * never passes through empty, and every outward effect of a close is gated on `removeIfMatches`.
 */
import { assertNever } from "../base/assert.ts";
import { asFence, type DeviceId } from "../base/brand.ts";
import { END_REASONS, ORDERS, type Outcome, type Refusal } from "../wire/control.ts";
import type { Effects } from "./effect.ts";
import type { Claim, Close, Order, RegistryEvent } from "./event.ts";
import { normaliseIdentity } from "./identity.ts";
import { countRefusal, flushRefused } from "./refused.ts";
import { isAlive, type Owner } from "./owner.ts";
import type { RegistryState } from "./state.ts";

/** Fence = counter × 1024 + instance slot; the slot is 0 while the gateway is alone. */
export const FENCE_STEP = 1024;
const SHUTDOWN = END_REASONS.indexOf("shutdown");

export function step(state: RegistryState, event: RegistryEvent, now: number, out: Effects): void {
  switch (event.type) {
    case "claim":
      return claim(state, event, now, out);
    case "close":
      return close(state, event, now, out);
    case "order":
      return order(state, event, out);
    case "probed":
      return probed(state, event.device, event.fence, event.answers, now, out);
    case "ask":
      return ask(state, event, out);
    case "tick":
      return tick(state, now, out);
    case "releaseAll":
      return releaseAll(state, event.at, event.positions, out);
    default:
      assertNever(event, "registry event");
  }
}

function claim(state: RegistryState, event: Claim, now: number, out: Effects): void {
  const device = normaliseIdentity(event.device);
  if (device === null) return out.decided(event.ring, event.conn, "refuse", "bad_login", 0, 0);
  const holder = state.owners.get(device) ?? null;
  const blocked = whyBlocked(state, device);
  if (blocked !== "none") return refuse(state, device, event, holder, blocked, 0, now, out);
  const living = holder !== null && isAlive(holder) ? holder : null;
  const ruling = state.decide(policyOf(state, event), living, event);
  switch (ruling.act) {
    case "admit":
      cancelPending(state, device, "held", out);
      return admit(state, device, event, holder, out);
    case "refuse":
      return refuse(state, device, event, holder, ruling.refusal, ruling.retryAfterMs, now, out);
    case "wait":
      if (living === null || state.pending.has(device) || state.pending.size >= state.limits.pendingCandidates) {
        return refuse(state, device, event, holder, "held", ruling.waitMs, now, out);
      }
      state.pending.set(device, { device, claim: event, holder: living.fence, deadline: now + ruling.waitMs });
      out.decided(event.ring, event.conn, "pending", "none", 0, ruling.waitMs);
      return out.probe(living);
    default:
      assertNever(ruling, "ruling");
  }
}

const policyOf = (state: RegistryState, event: Claim) => state.classes.get(event.deviceClass) ?? state.policy;

function whyBlocked(state: RegistryState, device: DeviceId): Refusal {
  if (state.released) return "draining";
  if (!state.known.has(device)) {
    if (!state.admitUnknown) return "unknown_device";
    if (state.known.size >= state.limits.devices) return "device_limit";
  }
  if (state.blocked !== "none") return state.blocked;
  // A replacement does not count, nor does what was evicted.
  if (state.owners.size >= state.limits.connections && !state.owners.has(device)) return "connections";
  return state.counter >= state.counterEnd ? "store_failing" : "none";
}

function admit(state: RegistryState, device: DeviceId, claim: Claim, holder: Owner | null, out: Effects): void {
  const owner: Owner = { device, fence: asFence(state.counter * FENCE_STEP), claim, closing: false };
  state.counter++;
  state.owners.set(device, owner);
  if (holder === null) {
    state.known.add(device);
    out.connected(owner);
  } else {
    const closing = holder.closing;
    out.replaced(owner, holder, closing, policyOf(state, claim), owner.fence);
    if (!closing) {
      holder.closing = true;
      out.evict(holder, "superseded");
    }
  }
  out.decided(claim.ring, claim.conn, "admit", "none", owner.fence, 0);
}

/** The holder is untouched and nothing is kept for the newcomer but a count. */
function refuse(
  state: RegistryState,
  device: DeviceId,
  claim: Claim,
  holder: Owner | null,
  refusal: Refusal,
  retryAfterMs: number,
  now: number,
  out: Effects,
): void {
  countRefusal(state, device, claim, holder, refusal, policyOf(state, claim), now);
  out.decided(claim.ring, claim.conn, "refuse", refusal, 0, retryAfterMs);
}

function close(state: RegistryState, event: Close, now: number, out: Effects): void {
  const device = normaliseIdentity(event.device);
  if (device === null) return;
  const waiting = state.pending.get(device);
  if (waiting !== undefined && waiting.claim.ring === event.ring && waiting.claim.conn === event.conn) {
    state.pending.delete(device);
    return;
  }
  const owner = removeIfMatches(state, device, event);
  if (owner === null) return;
  out.disconnected(owner, event.position, event.reason, event.at, event.lastByteAt);
  if (waiting !== undefined) settlePending(state, device, now, out);
}

/** Takes the device from the closing connection if it owns it: same fence, or itself before it learned its fence. */
function removeIfMatches(state: RegistryState, device: DeviceId, event: Close): Owner | null {
  const owner = state.owners.get(device);
  if (owner === undefined) return null;
  const same = event.fence === 0 ? owner.claim.conn === event.conn && owner.claim.ring === event.ring : owner.fence === event.fence;
  if (!same) return null;
  owner.closing = true;
  state.owners.delete(device);
  return owner;
}

function order(state: RegistryState, event: Order, out: Effects): void {
  const outcome = ORDERS[event.verb] === "kick" ? kick(state, event.device, out) : "refused";
  out.done(event.ring, event.request, outcome, "");
}

/** Ends the connection of a device and raises its floor, so that nothing it still has in flight is stored. */
function kick(state: RegistryState, text: string, out: Effects): Outcome {
  const device = normaliseIdentity(text);
  if (device === null || !state.known.has(device)) return "unknown";
  const owner = state.owners.get(device);
  if (owner === undefined || owner.closing) return "not_connected";
  owner.closing = true;
  out.raiseFloor(owner.device, asFence(owner.fence + 1));
  out.evict(owner, "kicked");
  return "done";
}

function probed(state: RegistryState, text: string, fence: number, answers: boolean, now: number, out: Effects): void {
  const device = normaliseIdentity(text);
  const waiting = device === null ? undefined : state.pending.get(device);
  // A result that comes after the decision, or about an earlier holder, says nothing any more.
  if (waiting === undefined || waiting.holder !== fence) return;
  if (!answers) return settlePending(state, waiting.device, now, out);
  state.pending.delete(waiting.device);
  refuse(state, waiting.device, waiting.claim, state.owners.get(waiting.device) ?? null, "held", 0, now, out);
}

/** The holder is silent or gone: the waiting newcomer is admitted, if anyone can be. */
function settlePending(state: RegistryState, device: DeviceId, now: number, out: Effects): void {
  const waiting = state.pending.get(device)!;
  state.pending.delete(device);
  const holder = state.owners.get(device) ?? null;
  const blocked = whyBlocked(state, device);
  if (blocked !== "none") return refuse(state, device, waiting.claim, holder, blocked, 0, now, out);
  admit(state, device, waiting.claim, holder, out);
}

function cancelPending(state: RegistryState, device: DeviceId, refusal: Refusal, out: Effects): void {
  if (state.pending.size === 0) return;
  const waiting = state.pending.get(device);
  if (waiting === undefined) return;
  state.pending.delete(device);
  out.decided(waiting.claim.ring, waiting.claim.conn, "refuse", refusal, 0, 0);
}

function ask(
  state: RegistryState,
  event: { readonly ring: number; readonly request: number; readonly device: string },
  out: Effects,
): void {
  const device = normaliseIdentity(event.device);
  const known = device !== null && state.known.has(device);
  out.answer(event.ring, event.request, known, device === null ? null : state.owners.get(device) ?? null);
}

function tick(state: RegistryState, now: number, out: Effects): void {
  if (state.refused.size > 0) flushRefused(state, now, out);
  if (state.pending.size === 0) return;
  // One at a time: a step makes at most one admission, so that the thread can see to room for its event before.
  for (const waiting of state.pending.values()) if (waiting.deadline <= now) return settlePending(state, waiting.device, now, out);
}

function releaseAll(state: RegistryState, at: number, positions: readonly number[], out: Effects): void {
  state.released = true;
  for (const device of state.pending.keys()) cancelPending(state, device, "draining", out);
  for (const owner of state.owners.values()) {
    owner.closing = true;
    out.disconnected(owner, positions[owner.claim.ring] ?? 0, SHUTDOWN, at, owner.claim.at);
  }
  state.owners.clear();
}
