/** The parts of the registry's state: who holds a device, who waits for it, who was refused. Pure data. */
import type { DeviceId, Fence } from "../base/brand.ts";
import type { PolicyName, Refusal } from "../wire/control.ts";
import type { Claim } from "./event.ts";

/** The connection holding a device. `claim` says where it came from. */
export interface Owner {
  readonly device: DeviceId;
  readonly fence: Fence;
  readonly claim: Claim;
  /** Its close has begun: see `isAlive`. */
  closing: boolean;
}

/** A newcomer whose decision waits for the probe of the holder named by `holder`. */
export interface Pending {
  readonly device: DeviceId;
  readonly claim: Claim;
  readonly holder: Fence;
  readonly deadline: number;
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
