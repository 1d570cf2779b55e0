/** The parts of the registry's state: who holds a device, who waits for it, who was refused. Pure data. */
import type { DeviceId, Fence } from "../base/brand.ts";
import type { PolicyName, Refusal } from "../wire/control.ts";
import type { Sent } from "../wire/sent.ts";
import type { Claim } from "./event.ts";
import type { KeptClaim } from "./kept_claim.ts";

/** A connection holding a device. `claim` says where it came from. */
export interface Owner {
  readonly device: DeviceId;
  readonly fence: Fence;
  readonly claim: KeptClaim;
  /** When it was admitted. Monotonic ms: the claim's own time is for people. */
  readonly admittedAt: number;
  /** Its close has begun: see `isAlive`. */
  closing: boolean;
  /** The connection of the same device with the next lower fence, under multi(n); else null. */
  older: Owner | null;
  /** Kept of those alone that a takeover is watched of: see ConflictWatch. */
  sent: Sent | null;
}

/** Newcomers whose decision waits for the holder named by `holder`: for its probe, or for the other side to choose. */
export interface Pending {
  readonly device: DeviceId;
  readonly holder: Fence;
  readonly waitsFor: "probe" | "choice";
  readonly deadline: number;
  /** The newest last. Empty: all went away; the probe still runs, and who comes now shares it. */
  readonly claims: Claim[];
}

/** Refusals of one identity, told in one event when `deadline` passes. */
export interface Refused {
  readonly device: DeviceId;
  count: number;
  refusal: Refusal;
  fence: number;
  policy: PolicyName;
  address: string;
  port: number;
  readonly at: number;
  readonly deadline: number;
}

/** "Its close has not begun." It does not say that the peer can be reached. */
export const isAlive = (owner: Owner): boolean => !owner.closing;

/** The newest connection from here on that is alive, or null. */
export function newestAlive(owner: Owner | null): Owner | null {
  let one = owner;
  while (one !== null && !isAlive(one)) one = one.older;
  return one;
}

/** How many connections, closing or not. */
export function countFrom(owner: Owner | null): number {
  let count = 0;
  for (let one = owner; one !== null; one = one.older) count++;
  return count;
}
