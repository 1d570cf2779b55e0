/** What an operator orders: kicks, drains, changes of policy and of the allow list. Pure; part of the registry's step. Each order gets one outcome. */
import { assertNever } from "../base/assert.ts";
import { asFence, type DeviceId } from "../base/brand.ts";
import { ORDERS, type Outcome } from "../wire/control.ts";
import { formatPolicy, parsePolicy, policiesAllowed } from "../wire/policy.ts";
import { setAllowed } from "./allow.ts";
import { drain, setDoor } from "./draining.ts";
import type { Effects } from "./effect.ts";
import type { Order } from "./event.ts";
import { normaliseIdentity } from "../base/identity.ts";
import { newestAlive, type Owner } from "./owner.ts";
import type { RegistryState } from "./state.ts";
import { beginClose } from "./swap.ts";
import { settle } from "./waiting.ts";

export function order(state: RegistryState, event: Order, now: number, out: Effects): void {
  const verb = ORDERS[event.verb]!;
  switch (verb) {
    case "kick":
      return out.done(event.ring, event.request, kick(state, normaliseIdentity(event.device), now, out), "");
    case "device_policy":
    case "class_policy":
      return setPolicy(state, event, verb, out);
    case "drain": {
      const outcome = event.device === ""
        ? setDoor(state, event.text)
        : drain(state, normaliseIdentity(event.device), event.text, now, out);
      return out.done(event.ring, event.request, outcome, "");
    }
    case "acknowledge":
      return acknowledge(state, event, now, out);
    case "allow":
      return out.done(event.ring, event.request, setAllowed(state, normaliseIdentity(event.device), event.text, out), "");
    default:
      assertNever(verb, "order");
  }
}

/** Ends every connection of a device and raises its floor above them, so that nothing they have in flight is stored. */
function kick(state: RegistryState, device: DeviceId | null, now: number, out: Effects): Outcome {
  if (device === null || !state.known.has(device)) return "unknown";
  const newest = newestAlive(state.owners.get(device) ?? null);
  if (newest === null) return "not_connected";
  out.raiseFloor(device, asFence(newest.fence + 1));
  for (let owner: Owner | null = newest; owner !== null; owner = newestAlive(owner.older)) {
    beginClose(state, owner);
    out.evict(owner, "kicked");
  }
  // The holder is absent from now on: who waits for it need not wait.
  const shared = state.pending.get(device);
  if (shared !== undefined) settle(state, shared, now, out);
  return "done";
}

/** An operator knows of a conflict: its id is the order's text. One that only the store remembers by now counts as well. */
function acknowledge(state: RegistryState, event: Order, now: number, out: Effects): void {
  const device = normaliseIdentity(event.device);
  const conflict = Number(event.text);
  if (device === null || !state.known.has(device) || !Number.isSafeInteger(conflict) || conflict <= 0) {
    return out.done(event.ring, event.request, "unknown", "");
  }
  state.conflicts.acknowledge(device, now);
  out.acknowledged(device, conflict, event.at, event.ring, event.request);
}

/** For admissions from now on. The outcome's text is the policy set, or what is wrong with the order. */
function setPolicy(state: RegistryState, event: Order, verb: "device_policy" | "class_policy", out: Effects): void {
  const most = state.limits.connectionsPerDevice;
  const tell = (outcome: Outcome, text: string): void => out.done(event.ring, event.request, outcome, text);
  const policy = parsePolicy(event.text, most);
  const forgets = verb === "device_policy" && event.text === "";
  if (policy === null && !forgets) return tell("refused", `expected ${policiesAllowed(most)}`);
  const text = policy === null ? "" : formatPolicy(policy);
  if (verb === "class_policy") return tell(state.policies.setClass(event.device, policy!) ? "done" : "unknown", text);
  const device = normaliseIdentity(event.device);
  if (device === null || !state.known.has(device)) return tell("unknown", "");
  state.policies.setDevice(device, policy);
  tell("done", text);
}
