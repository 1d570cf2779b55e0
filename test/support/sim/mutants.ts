/**
 * Registries that are wrong in the ways the servers before this one were. Each wraps the real step and spoils one thing
 * of it; the simulation must find every one of them out.
 */
import type { DeviceId } from "../../../src/base/brand.ts";
import type { Effects } from "../../../src/registry/effect.ts";
import type { Close, RegistryEvent } from "../../../src/registry/event.ts";
import { normaliseIdentity } from "../../../src/base/identity.ts";
import type { Owner } from "../../../src/registry/owner.ts";
import { step } from "../../../src/registry/registry.ts";
import type { RegistryState } from "../../../src/registry/state.ts";
import type { Core } from "./world.ts";

/** One object for an identity, whoever holds it: what is known of the old connection becomes what is known of the new. */
export const sharedSubscription = (): Core => {
  const objects = new Map<DeviceId, Owner>();
  return (state, event, now, out: Effects) => {
    step(state, event, now, out);
    for (let i = 0; i < out.length; i++) {
      const effect = out.at(i);
      if (effect.type !== "connected" && effect.type !== "replaced") continue;
      const { owner } = effect;
      const shared = objects.get(owner.device) ?? owner;
      objects.set(owner.device, Object.assign(shared, owner, { older: null }));
      state.owners.set(owner.device, shared);
    }
  };
};

/** A close takes the device from whoever has it now. */
export const removeByIdentity = (): Core => (state, event, now, out) => {
  const owner = event.type === "close" ? holder(state, event) : undefined;
  step(state, owner === undefined ? event : { ...(event as Close), fence: owner.fence }, now, out);
};

/** A close takes the device from every connection of the instance that closes: the one it had before, the one it has now. */
export const removeByInstance = (): Core => {
  const instances = new Map<string, string>();
  const nameOf = (ring: number, conn: number): string => `${ring}:${conn}`;
  return (state, event, now, out) => {
    if (event.type === "claim") instances.set(nameOf(event.ring, event.conn), `${event.clientInstance}@${event.address}`);
    let changed: RegistryEvent = event;
    if (event.type === "close") {
      const owner = holder(state, event);
      const own = instances.get(nameOf(event.ring, event.conn));
      if (owner !== undefined && own === `${owner.claim.clientInstance}@${owner.claim.address}`) changed = { ...event, fence: owner.fence };
    }
    step(state, changed, now, out);
  };
};

/**
 * A connection is closed before what it sent is drained: its end is told with a position of long ago, so that the journal
 * writes it down, and forgets the connection, while frames of it wait in the ring.
 */
export const closeBeforeDrain = (): Core => (state, event, now, out) => {
  step(state, event.type === "close" ? { ...event, position: (event.position - (1 << 20)) >>> 0 } : event, now, out);
};

const holder = (state: RegistryState, event: Close): Owner | undefined => {
  const device = normaliseIdentity(event.device);
  return device === null ? undefined : state.owners.get(device);
};
