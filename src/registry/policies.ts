/**
 * Which policy a device has: its own, else that of its class, else the one for all. Pure; part of the registry's state.
 * A change is for admissions from now on; who is connected stays.
 */
import { asDeviceId, type DeviceId } from "../base/brand.ts";
import type { Policy } from "../wire/policy.ts";
import type { Claim } from "./event.ts";
import { fitsPattern } from "./pattern.ts";

/** Names the policy of every device that is in no class. */
export const DEFAULT_CLASS = "default";

/** A class of devices. The first one that fits counts. */
export interface PolicyClass {
  readonly name: string;
  /** Index into TRANSPORTS; null: any. */
  readonly transport: number | null;
  /** Identities, with `*` for any run of characters; null: only connections that name the class themselves. */
  readonly match: string | null;
  policy: Policy;
}

export class Policies {
  #base: Policy;
  readonly #classes: readonly PolicyClass[];
  readonly #devices = new Map<DeviceId, Policy>();

  constructor(base: Policy, classes: readonly PolicyClass[], devices: Iterable<readonly [string, Policy]>) {
    this.#base = base;
    this.#classes = classes.map((one) => ({ ...one, match: one.match?.toLowerCase() ?? null }));
    for (const [device, policy] of devices) this.#devices.set(asDeviceId(device), policy);
  }

  of(device: DeviceId, claim: Pick<Claim, "deviceClass" | "transport">): Policy {
    if (claim.deviceClass !== "") return this.#named(claim.deviceClass);
    if (this.#devices.size > 0) {
      const own = this.#devices.get(device);
      if (own !== undefined) return own;
    }
    for (let i = 0; i < this.#classes.length; i++) {
      const one = this.#classes[i]!;
      if (fits(one, device, claim.transport)) return one.policy;
    }
    return this.#base;
  }

  /** The two sides of such a connection have told each other which policy they use: nothing else changes it. */
  #named(deviceClass: string): Policy {
    return this.#classes.find((one) => one.name === deviceClass)?.policy ?? this.#base;
  }

  /** False when there is no such class, or when its connections name it themselves. */
  setClass(name: string, policy: Policy): boolean {
    if (name === DEFAULT_CLASS) {
      this.#base = policy;
      return true;
    }
    const found = this.#classes.find((one) => one.name === name && one.match !== null);
    if (found !== undefined) found.policy = policy;
    return found !== undefined;
  }

  /** Null: its class decides again. */
  setDevice(device: DeviceId, policy: Policy | null): void {
    if (policy === null) this.#devices.delete(device);
    else this.#devices.set(device, policy);
  }
}

const fits = (one: PolicyClass, device: DeviceId, transport: number): boolean =>
  one.match !== null && (one.transport === null || one.transport === transport) && fitsPattern(one.match, device);
