/**
 * Draining: connections are closed one by one so that their devices connect again, here or elsewhere; and newcomers may be
 * refused meanwhile. Pure; part of the registry's step. Unlike a kick it raises no floor: what is in flight is kept.
 */
import type { DeviceId } from "../base/brand.ts";
import type { Outcome } from "../wire/control.ts";
import type { Effects } from "./effect.ts";
import { newestAlive } from "./owner.ts";
import type { RegistryState } from "./state.ts";
import { beginClose } from "./swap.ts";
import { settle } from "./waiting.ts";

/** Texts of an order that names no device: newcomers are refused from now on, or admitted again. */
export const DOOR = { shut: "shut", open: "open" } as const;

/** Closes the connections of `device` up to the fence in `text`; a newer one has come by itself and stays. */
export function drain(state: RegistryState, device: DeviceId | null, text: string, now: number, out: Effects): Outcome {
  if (device === null || !state.known.has(device)) return "unknown";
  const upTo = Number(text);
  let closed = false;
  for (let owner = newestAlive(state.owners.get(device) ?? null); owner !== null; owner = newestAlive(owner.older)) {
    if (owner.fence > upTo) continue;
    beginClose(state, owner);
    out.evict(owner, "drained");
    closed = true;
  }
  const shared = state.pending.get(device);
  if (closed && shared !== undefined && shared.holder <= upTo) settle(state, shared, now, out);
  return closed ? "done" : "not_connected";
}

export function setDoor(state: RegistryState, text: string): Outcome {
  if (text !== DOOR.shut && text !== DOOR.open) return "refused";
  state.draining = text === DOOR.shut;
  return "done";
}
