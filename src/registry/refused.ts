/**
 * Refusals, told once per identity and window, so that a flood cannot fill the disk. Pure; part of the registry's state.
 * Only devices the store knows get an event: one for an unknown identity would make it known, and strangers could fill
 * the device table. They show in the metrics and in the log.
 */
import type { DeviceId } from "../base/brand.ts";
import type { PolicyName, Refusal } from "../wire/control.ts";
import type { Effects } from "./effect.ts";
import type { Claim } from "./event.ts";
import type { Owner } from "./owner.ts";
import type { RegistryState } from "./state.ts";

export function countRefusal(
  state: RegistryState,
  device: DeviceId,
  claim: Claim,
  holder: Owner | null,
  refusal: Refusal,
  policy: PolicyName,
  now: number,
): void {
  const seen = state.refused.get(device);
  const fence = holder?.fence ?? 0;
  if (seen !== undefined) {
    seen.count++;
    seen.refusal = refusal;
    seen.fence = fence;
    seen.policy = policy;
    seen.address = claim.address;
    seen.port = claim.port;
    return;
  }
  if (!state.known.has(device) || state.refused.size >= state.limits.refusedIdentities) return;
  const deadline = now + state.limits.refusedWindowMs;
  const { address, port, at } = claim;
  state.refused.set(device, { device, count: 1, refusal, fence, policy, address, port, at, deadline });
}

/** Tells the oldest window if it has ended. Every window is equally long, so the map's order is the order of deadlines. */
export function flushRefused(state: RegistryState, now: number, out: Effects): void {
  if (state.refused.size === 0) return;
  for (const refused of state.refused.values()) {
    if (refused.deadline > now) return;
    state.refused.delete(refused.device);
    return out.refusedMany(refused);
  }
}
