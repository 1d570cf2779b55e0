/**
 * The allow list: which devices may come where unknown ones are refused. On the list counts; else a device that is known may
 * come as long as it was not taken off the list. Pure; part of the registry's state. Who is connected stays.
 */
import type { DeviceId } from "../base/brand.ts";
import type { Outcome } from "../wire/control.ts";
import type { Effects } from "./effect.ts";
import type { RegistryState } from "./state.ts";

/** Texts of an order. */
export const ALLOW = { add: "add", remove: "remove" } as const;

type Lists = Pick<RegistryState, "allowed" | "disallowed" | "known">;

export const isAnnounced = ({ allowed, disallowed, known }: Lists, device: DeviceId): boolean =>
  allowed.has(device) || (known.has(device) && !disallowed.has(device));

export function setAllowed({ allowed, disallowed }: Lists, device: DeviceId | null, text: string, out: Effects): Outcome {
  if (device === null || (text !== ALLOW.add && text !== ALLOW.remove)) return "refused";
  const on = text === ALLOW.add;
  const [to, from] = on ? [allowed, disallowed] : [disallowed, allowed];
  from.delete(device);
  to.add(device);
  // The journal marks what a device sends that is not on it, where unknown ones are quarantined.
  out.listed(device, on);
  return "done";
}
