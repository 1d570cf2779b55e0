/**
 * The registry: who owns a device. `step(state, event, now)` adds its effects to a list; no I/O, clock or promise.
 * Everything that decides about ownership goes through here, one event at a time. Owned by the registry thread.
 *
 * A claim is one step: look up, decide, then the swap (swap.ts), a refusal, or a wait (waiting.ts). Every outward effect
 * of a close is gated on `removeIfMatches`.
 */
import { assertNever } from "../base/assert.ts";
import type { DeviceId } from "../base/brand.ts";
import { END_REASONS } from "../wire/control.ts";
import type { Effects } from "./effect.ts";
import type { Afterlife, Claim, Close, RegistryEvent } from "./event.ts";
import { normaliseIdentity } from "../base/identity.ts";
import { order } from "./orders.ts";
import { newestAlive, type Owner } from "./owner.ts";
import { flushRefused } from "./refused.ts";
import type { RegistryState } from "./state.ts";
import { admit, beginClose, refuse, unlink, whyBlocked } from "./swap.ts";
import { isUnproven, policyAgainst, sparesHolder, standsBeside } from "./unproven.ts";
import { cancel, holderLeft, leave, probed, settleDue, wait } from "./waiting.ts";

const SHUTDOWN = END_REASONS.indexOf("shutdown");

export function step(state: RegistryState, event: RegistryEvent, now: number, out: Effects): void {
  switch (event.type) {
    case "claim":
      return claim(state, event, now, out);
    case "close":
      return close(state, event, now, out);
    case "order":
      return order(state, event, now, out);
    case "probed": {
      const device = normaliseIdentity(event.device);
      return device === null ? undefined : probed(state, device, event.fence, event.answers, now, out);
    }
    case "ask":
      return ask(state, event, out);
    case "tick":
      return tick(state, now, out);
    case "afterlife":
      return afterlife(state, event, now, out);
    case "sent": {
      const device = normaliseIdentity(event.device);
      return device === null ? undefined : state.conflicts.sent(device, event.fence, event.sent, event.at, now);
    }
    case "releaseAll":
      return releaseAll(state, event.at, event.positions, now, out);
    default:
      assertNever(event, "registry event");
  }
}

function claim(state: RegistryState, event: Claim, now: number, out: Effects): void {
  const device = normaliseIdentity(event.device);
  if (device === null) return out.decided(event, "refuse", "bad_login", 0, 0, "takeover");
  const first = state.owners.get(device) ?? null;
  const holder = newestAlive(first);
  if (holder !== null && standsBeside(holder, event, now, state.limits.udpMoveMs)) return beside(state, device, holder, event, now, out);
  const policy = policyAgainst(holder, state.policies.of(device, event));
  const blocked = whyBlocked(state, device, first, policy);
  if (blocked !== "none") return refuse(state, device, event, blocked, 0, now, out);
  if (holder !== null && sparesHolder(holder, event)) return refuse(state, device, event, "held", 0, now, out);
  const held = holder === null || isUnproven(holder.claim) ? null : state.conflicts.hold(holder, event, now);
  if (held?.kind === "refuse") return refuse(state, device, event, "conflict", held.retryAfterMs, now, out);
  if (held?.kind === "probe") return wait(state, holder!, event, "probe", now, out);
  const ruling = state.decide(policy, holder, event, device, state.self);
  switch (ruling.act) {
    case "admit": {
      const shared = state.pending.get(device);
      admit(state, device, event, policy, now, out);
      if (shared !== undefined) cancel(state, shared, "held", state.limits.heldRetryMs, now, out);
      return;
    }
    case "refuse":
      return refuse(state, device, event, ruling.refusal, state.limits.heldRetryMs, now, out);
    case "probe":
      return wait(state, holder!, event, "probe", now, out);
    case "park":
      return wait(state, holder!, event, "choice", now, out);
    default:
      assertNever(ruling, "ruling");
  }
}

/** May it store beside `holder`? It owns nothing, so that nothing is kept of it here. */
function beside(state: RegistryState, device: DeviceId, holder: Owner, event: Claim, now: number, out: Effects): void {
  const blocked = state.released || state.draining ? "draining" : state.blocked;
  if (blocked !== "none") return refuse(state, device, event, blocked, 0, now, out);
  out.beside(holder, event);
}

function close(state: RegistryState, event: Close, now: number, out: Effects): void {
  const device = normaliseIdentity(event.device);
  if (device === null) return;
  const shared = state.pending.get(device);
  if (shared !== undefined && leave(state, shared, event.ring, event.conn)) return;
  const owner = removeIfMatches(state, device, event);
  if (owner === null) return;
  out.disconnected(owner, event.position, event.reason, event.at, event.lastByteAt, state.owners.get(device)?.fence ?? 0);
  if (shared?.holder === owner.fence) holderLeft(state, shared, newestAlive(state.owners.get(device) ?? null), now, out);
}

/** Takes the device from the closing connection if it owns it: same fence, or itself before it learned its fence. */
function removeIfMatches(state: RegistryState, device: DeviceId, event: Close): Owner | null {
  const first = state.owners.get(device) ?? null;
  let owner = first;
  while (owner !== null && !matches(owner, event)) owner = owner.older;
  if (owner === null) return null;
  beginClose(state, owner);
  if (owner !== first) unlink(first!, owner);
  else if (owner.older === null) state.owners.delete(device);
  else {
    state.owners.set(device, owner.older);
    owner.older = null;
  }
  return owner;
}

const matches = (owner: Owner, event: Close): boolean =>
  event.fence === 0 ? owner.claim.conn === event.conn && owner.claim.ring === event.ring : owner.fence === event.fence;

/** What became of an evicted connection: evidence about its takeover, nothing else. */
function afterlife(state: RegistryState, event: Afterlife, now: number, out: Effects): void {
  const device = normaliseIdentity(event.device);
  if (device === null) return;
  const verdict = state.conflicts.afterlife(device, event.fence, event.answered, event.at, now);
  out.evidence(device, event.fence, event.answered, event.bytesAfter, verdict);
}

/** One event at most, so that the thread can see to room for it before; nothing when nothing more is due. */
function tick(state: RegistryState, now: number, out: Effects): void {
  settleDue(state, now, out);
  if (out.length > 0) return;
  const over = state.conflicts.takeOver();
  if (over !== null) return out.conflictOver(over);
  const alarm = state.conflicts.takeDue();
  if (alarm !== null) return out.conflict(alarm);
  state.conflicts.forget(now);
  flushRefused(state, now, out);
}

function ask(
  state: RegistryState,
  event: { readonly ring: number; readonly request: number; readonly device: string },
  out: Effects,
): void {
  const device = normaliseIdentity(event.device);
  const known = device !== null && state.known.has(device);
  out.answer(event.ring, event.request, device, known, device === null ? null : state.owners.get(device) ?? null);
}

function releaseAll(state: RegistryState, at: number, positions: readonly number[], now: number, out: Effects): void {
  state.released = true;
  for (const shared of state.pending.values()) cancel(state, shared, "draining", 0, now, out);
  for (const first of state.owners.values()) release(state, first, at, positions, out);
  state.owners.clear();
}

/** The oldest first: events of a device are ordered by fence. */
function release(state: RegistryState, owner: Owner, at: number, positions: readonly number[], out: Effects): void {
  if (owner.older !== null) release(state, owner.older, at, positions, out);
  owner.older = null;
  beginClose(state, owner);
  out.disconnected(owner, positions[owner.claim.ring] ?? 0, SHUTDOWN, at, owner.claim.at, 0);
}
