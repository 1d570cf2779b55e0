/**
 * Newcomers that wait: for one shared probe of the holder, or for the other side of a double connection to choose. Pure;
 * part of the registry's step. One that waits is state: bounded, cancelled by its own close, decided by an event.
 */
import type { DeviceId } from "../base/brand.ts";
import { type Refusal, type TakeoverCause, TRANSPORTS } from "../wire/control.ts";
import type { Effects } from "./effect.ts";
import type { Claim } from "./event.ts";
import type { Owner, Pending } from "./owner.ts";
import type { RegistryState } from "./state.ts";
import { admit, refuse, whyBlocked } from "./swap.ts";

const TCP = TRANSPORTS.indexOf("tcp");

/** The newcomer waits. Others of its device that come meanwhile wait for the same end. */
export function wait(
  state: RegistryState,
  holder: Owner,
  claim: Claim,
  waitsFor: Pending["waitsFor"],
  now: number,
  out: Effects,
): void {
  const { limits, pending } = state;
  const { device } = holder;
  let shared = pending.get(device);
  const leftMs = shared === undefined ? limits.heldRetryMs : Math.max(0, shared.deadline - now);
  if (state.waiting >= limits.pendingCandidates || (shared !== undefined && shared.claims.length >= limits.waitersPerDevice)) {
    return refuse(state, device, claim, "held", leftMs, now, out);
  }
  const isNew = shared === undefined;
  if (shared === undefined) {
    const deadline = now + (waitsFor === "choice" ? limits.parkMs : probeMs(state, holder));
    shared = { device, holder: holder.fence, waitsFor, deadline, claims: [] };
    pending.set(device, shared);
    state.nextDeadline = Math.min(state.nextDeadline, deadline);
  }
  shared.claims.push(claim);
  state.waiting++;
  out.decided(claim, "pending", "none", 0, shared.deadline - now, state.policies.of(device, claim).name);
  if (isNew && waitsFor === "probe") out.probe(holder, shared.deadline - now);
}

const probeMs = ({ limits }: RegistryState, holder: Owner): number =>
  holder.claim.transport === TCP ? limits.trackerProbeMs : limits.probeMs;

/** A newcomer goes away before it was decided. False when this connection does not wait. */
export function leave(state: RegistryState, shared: Pending, ring: number, conn: number): boolean {
  const at = shared.claims.findIndex((claim) => claim.ring === ring && claim.conn === conn);
  if (at < 0) return false;
  shared.claims.splice(at, 1);
  state.waiting--;
  // A probe goes on: its answer is for whoever comes next.
  if (shared.claims.length === 0 && shared.waitsFor === "choice") state.pending.delete(shared.device);
  return true;
}

export function probed(state: RegistryState, device: DeviceId, fence: number, answers: boolean, now: number, out: Effects): void {
  const shared = state.pending.get(device);
  // A result that comes after the decision, or about an earlier holder, says nothing any more.
  if (shared === undefined || shared.holder !== fence || shared.waitsFor !== "probe") return;
  if (answers) cancel(state, shared, state.conflicts.isHeld(device) ? "conflict" : "held", state.limits.heldRetryMs, now, out);
  else settle(state, shared, now, out, "probe_silent");
}

/** The holder is silent or gone, or nobody has chosen: the newest newcomer is admitted, if anyone can be. */
export function settle(state: RegistryState, shared: Pending, now: number, out: Effects, cause: TakeoverCause = "superseded"): void {
  const { device } = shared;
  const winner = shared.claims.pop();
  if (winner !== undefined) {
    state.waiting--;
    const policy = state.policies.of(device, winner);
    const blocked = whyBlocked(state, device, state.owners.get(device) ?? null, policy);
    if (blocked === "none") admit(state, device, winner, policy, now, out, cause);
    else refuse(state, device, winner, blocked, 0, now, out);
  }
  cancel(state, shared, "held", state.limits.heldRetryMs, now, out);
}

/** The holder has left. Another that lives (multi(n), before its policy changed) is probed in its place. */
export function holderLeft(state: RegistryState, shared: Pending, next: Owner | null, now: number, out: Effects): void {
  if (next === null || shared.waitsFor === "choice") return settle(state, shared, now, out);
  const deadlineMs = probeMs(state, next);
  state.pending.set(shared.device, { ...shared, holder: next.fence, deadline: now + deadlineMs });
  state.nextDeadline = Math.min(state.nextDeadline, now + deadlineMs);
  out.probe(next, deadlineMs);
}

/** Everyone who waits is refused. */
export function cancel(
  state: RegistryState,
  shared: Pending,
  refusal: Refusal,
  retryAfterMs: number,
  now: number,
  out: Effects,
): void {
  state.pending.delete(shared.device);
  state.waiting -= shared.claims.length;
  for (const claim of shared.claims) refuse(state, shared.device, claim, refusal, retryAfterMs, now, out);
}

/** One at a time: a step makes at most one admission, so that the thread can see to room for its event before. */
export function settleDue(state: RegistryState, now: number, out: Effects): void {
  if (now < state.nextDeadline) return;
  let next = Number.POSITIVE_INFINITY;
  for (const shared of state.pending.values()) {
    if (shared.deadline <= now) return settle(state, shared, now, out, shared.waitsFor === "probe" ? "probe_silent" : "choice_late");
    next = Math.min(next, shared.deadline);
  }
  state.nextDeadline = next;
}
